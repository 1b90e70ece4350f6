package operator

import (
	"context"
	"time"
)

// Session is a WebSocket session of a bot as the commands show it.
type Session struct {
	ID         string    `json:"id"`
	Key        string    `json:"key"`
	IP         string    `json:"ip"`
	Since      time.Time `json:"since"`
	Messages   int64     `json:"messages"`
	LastAction string    `json:"lastAction,omitempty"`
	LastAt     time.Time `json:"lastAt"`
}

// SessionArgs names a session of a key.
type SessionArgs struct {
	ID      string `json:"id"` // of the key
	Session string `json:"session"`
}

// listSessions knows those of this process: without a server there are none.
func (d Door) listSessions(ctx context.Context, args IDArgs) ([]Session, error) {
	open, err := d.Authority.KeySessions(ctx, args.ID)
	out := make([]Session, 0, len(open))
	for _, s := range open {
		out = append(out, Session{s.ID, s.KeyID, s.IP.String(), s.Since, s.Messages, s.LastAction, s.LastAt})
	}
	return out, err
}

// endSession returns when nothing more of the session reaches the exchange.
func (d Door) endSession(ctx context.Context, args SessionArgs) (SessionArgs, error) {
	return args, d.Authority.EndKeySession(ctx, args.ID, args.Session)
}
