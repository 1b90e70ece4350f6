package api

import (
	"context"

	"latchkey"
)

// KeySession is a WebSocket session that a bot has open with a key.
type KeySession struct {
	ID         string `json:"id" doc:"The session's id; the gateway's log has it, and the bot got it as Latchkey-Request-Id." example:"ws_1c4h7n0s3x6b9f2k5p8t1w4z7a"`
	IP         string `json:"ip" doc:"The address of the bot." example:"192.0.2.7"`
	Since      Moment `json:"since" doc:"When it logged on."`
	Messages   int64  `json:"messages" minimum:"0" doc:"Calls that it sent since then." example:"1240"`
	LastAction string `json:"lastAction,omitempty" doc:"The method that it called last; absent before the first call." example:"do_my_new_order"`
	LastAt     Moment `json:"lastAt" doc:"When it did; before the first call, when it logged on."`
}

func keySession(s latchkey.KeySession) KeySession {
	return KeySession{s.ID, s.IP.String(), Moment(s.Since), s.Messages, s.LastAction, Moment(s.LastAt)}
}

// keySessions has no pages: the gateway bounds how many a key may have open.
func (s *server) keySessions(ctx context.Context, c caller, in *Ref) (*answer[List[KeySession]], error) {
	open, err := s.Authority.KeySessions(ctx, c.Actor, in.ID)
	return listOf(open, keySession), err
}

// keySessionInput names the key too: a session is only reached through a key of
// the caller's own.
type keySessionInput struct {
	Ref
	Session string `path:"session" pattern:"^[0-9A-Za-z_-]{1,64}$" doc:"The id of the session, as the list gave it." example:"ws_1c4h7n0s3x6b9f2k5p8t1w4z7a"`
}

// endKeySession asks for no proof, as deactivation: it can only take away.
func (s *server) endKeySession(ctx context.Context, c caller, in *keySessionInput) (*struct{}, error) {
	return nil, s.Authority.EndKeySession(ctx, c.Actor, in.ID, in.Session)
}

// liveSessions returns how many sessions each key has. Where that cannot be
// known the list of keys goes without it: a gateway that does not answer must
// not keep the owner from stopping a key.
func (s *server) liveSessions(ctx context.Context, c caller) func(keyID string) *int {
	counts, err := s.Authority.KeySessionCounts(ctx, c.Actor)
	if err != nil {
		s.Log.WarnContext(ctx, "the live sessions of keys cannot be counted", "request", visitOf(ctx).id, "error", err)
		return func(string) *int { return nil }
	}
	return func(keyID string) *int { n := counts[keyID]; return &n }
}
