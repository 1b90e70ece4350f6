package gateway

import (
	"encoding/json"

	"github.com/fasthttp/websocket"
)

// parting is why a session ends: what the client is told, and how the
// connection is closed (RFC 6455, 7.4).
type parting struct {
	code    string // for programs, in the log and in the metrics
	text    string
	status  int // of the close frame; 0: the client is gone or was told by the library
	retryMs int64
}

// What ends a session. The statuses from 4000 on are for applications (RFC
// 6455, 7.4.2); 4401 is the protocol's.
var (
	partChanged   = parting{"key_changed", "The API key was changed, deactivated or deleted; whether a message without a reply was executed is not known", 4401, 0}
	partOwner     = parting{"session_ended", "The owner of the API key ended this session", 4403, 0}
	partStopping  = parting{"unavailable", "The gateway is stopping; connect again", websocket.CloseServiceRestart, 0}
	partLease     = parting{codeUnavailable, "The gateway cannot check API keys at the moment; connect again; whether a message without a reply was executed is not known", websocket.CloseServiceRestart, 0}
	partIdle      = parting{"idle", "There was no message for too long; send a ping now and then", websocket.CloseNormalClosure, 0}
	partLogonTime = parting{"logon_timeout", "There was no successful auth in time", websocket.ClosePolicyViolation, 0}
	partLogons    = parting{"too_many_logons", "Too many auth messages were refused", websocket.ClosePolicyViolation, 0}
	partSessions  = parting{"too_many_sessions", "The API key has too many open sessions; close one", websocket.ClosePolicyViolation, 0}
	partPace      = parting{"too_many_messages", "There were too many messages within a second", websocket.ClosePolicyViolation, 0}
	partSize      = parting{codeTooLarge, "The message is too large", websocket.CloseMessageTooBig, 0}
	partSlow      = parting{"too_slow", "A message did not arrive, or was not taken, in time", websocket.ClosePolicyViolation, 0}
	partBinary    = parting{codeBadRequest, "Messages are text", websocket.CloseNormalClosure, 0}
	partUTF8      = parting{codeBadRequest, "The message is not UTF-8", websocket.CloseInvalidFramePayloadData, 0}
	partPoints    = parting{"rate_limited", "API rate limit reached", websocket.CloseNormalClosure, 0}
	partUnknown   = parting{codeBadRequest, "Unsupported message type", websocket.CloseNormalClosure, 0}
	partUpstream  = parting{codeUpstream, "The exchange ended the session; whether a message without a reply was executed is not known", websocket.CloseServiceRestart, 0}
	partNoLeg     = parting{codeUpstream, "The exchange cannot be reached; connect again later", websocket.CloseTryAgainLater, 0}
	partFault     = parting{codeUnavailable, "The session met a fault in the gateway", websocket.CloseInternalServerErr, 0}
	partGone      = parting{"closed", "The client closed the connection", 0, 0}
	partProtocol  = parting{"protocol", "The client broke the WebSocket protocol", 0, 0}
)

// message is what the client reads before the connection is closed.
func (p *parting) message() []byte {
	text, err := json.Marshal(struct {
		E       string `json:"e"`
		Reason  string `json:"reason"`
		Code    string `json:"code"`
		RetryMs int64  `json:"retryAfterMs,omitempty"`
	}{"disconnected", p.text, p.code, p.retryMs})
	if err != nil {
		return []byte(`{"e":"disconnected"}`)
	}
	return text
}
