package gateway

import (
	"encoding/json"
	"net/http"
	"strconv"

	"latchkey/identity"
	"latchkey/internal/verify"

	"github.com/valyala/fasthttp"
)

// Codes that do not come from a verdict.
const (
	codeBadRequest  = "bad_request"
	codeTooLarge    = "too_large"
	codeUnavailable = "unavailable"
	codeChanging    = "key_state_changing"
	codeUpstream    = "upstream_unavailable"
	codeOrigin      = "origin_not_allowed"
)

// refusal is why a request was not forwarded, or has no answer. The zero value
// is never sent; see because.
type refusal struct {
	status     int
	code       string
	text       string
	allow      string // methods, with 405
	retryAfter int    // seconds; 0 when unknown
	clock      *clock // only for who proved to hold the secret
}

// clock helps a client whose own is wrong.
type clock struct{ serverTime, skewMs int64 }

// because makes a refusal; the text says what was wrong and what to change.
func because(status int, code, text string) *refusal {
	return &refusal{status: status, code: code, text: text}
}

// refusalOf translates a verdict. What may be told was decided there.
func refusalOf(v *verify.Verdict) *refusal {
	// Retry-After and the clock are set for reasons that only the holder of the
	// secret, or the owner of the address, is ever told.
	no := because(v.Reason.Status(), v.Reason.Code(), v.Text())
	no.retryAfter = v.RetryAfter()
	if v.Reason == verify.TimestampOutOfRange {
		no.clock = &clock{v.At.UnixMilli(), v.Skew.Milliseconds()}
	}
	return no
}

// body returns the JSON of the answer. ServerTime and skewMs (the client's
// clock minus ours) are milliseconds.
func (no *refusal) body(requestID string) []byte {
	answer := struct {
		Error      string `json:"error"`
		Code       string `json:"code"`
		RequestID  string `json:"requestId"`
		ServerTime *int64 `json:"serverTime,omitempty"`
		SkewMs     *int64 `json:"skewMs,omitempty"`
	}{Error: no.text, Code: no.code, RequestID: requestID}
	if no.clock != nil {
		answer.ServerTime, answer.SkewMs = &no.clock.serverTime, &no.clock.skewMs
	}
	body, err := json.Marshal(answer)
	if err != nil {
		return []byte(`{"error":"The request was refused"}`) // cannot happen for strings and numbers
	}
	return body
}

// write sends the refusal as the answer of a request.
func (no *refusal) write(ctx *fasthttp.RequestCtx, requestID string) {
	ctx.Response.Reset() // half of an answer may stand in it
	h := &ctx.Response.Header
	h.SetContentType("application/json")
	h.Set("Cache-Control", "no-store")
	h.Set(identity.RequestIDHeader, requestID)
	if no.allow != "" {
		h.Set("Allow", no.allow)
	}
	if no.status == fasthttp.StatusUpgradeRequired { // RFC 9110, 15.5.22; RFC 6455, 4.4
		h.Set("Connection", "Upgrade")
		h.Set("Upgrade", "websocket")
		h.Set("Sec-WebSocket-Version", "13")
	}
	if no.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(no.retryAfter))
	}
	ctx.SetStatusCode(no.status)
	ctx.SetBody(no.body(requestID))
}

// wire returns the refusal as the guard sends it: the last answer on its
// connection, from before there is a parsed request.
func (no *refusal) wire(requestID string) []byte {
	body := no.body(requestID)
	b := make([]byte, 0, 256+len(body))
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(no.status), 10)
	b = append(b, ' ')
	b = append(b, http.StatusText(no.status)...)
	b = append(b, "\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nConnection: close\r\n"...)
	b = append(b, identity.RequestIDHeader+": "+requestID...)
	b = append(b, "\r\nContent-Length: "...)
	b = strconv.AppendInt(b, int64(len(body)), 10)
	b = append(b, "\r\n\r\n"...)
	return append(b, body...)
}
