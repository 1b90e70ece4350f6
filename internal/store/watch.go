package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// rewatchAfter is the pause before a connection that broke is made anew.
const rewatchAfter = 500 * time.Millisecond

// Notice is what one process tells the others. It is a hint: it may be lost.
type Notice struct {
	Channel string
	KeyID   string // of a key that was changed; "" when the notice is of something else
	Rev     int64  // of its change
	Said    string // the text, on the channel of sessions
}

// notice reads a payload: "REV KEYID" of a changed key, or what was said.
func notice(channel, payload string) Notice {
	if channel == ChannelSession {
		return Notice{Channel: channel, Said: payload}
	}
	rev, keyID, _ := strings.Cut(payload, " ")
	n, err := strconv.ParseInt(rev, 10, 64)
	if err != nil {
		return Notice{Channel: channel}
	}
	return Notice{Channel: channel, KeyID: keyID, Rev: n}
}

// Say tells every process, this one too, about sessions. It may be lost, so it
// waits for no disk and no standby.
func (s *Store) Say(ctx context.Context, text string) error {
	return s.write(ctx, func(t *tx) error {
		if _, err := t.sql.ExecContext(ctx, "SET LOCAL synchronous_commit = off"); err != nil {
			return err
		}
		return t.tell(ctx, ChannelSession, text)
	})
}

// Watch tells of notices of other processes (and of this one) until the context
// ends; told must not block for long. After a connection broke, told gets each
// channel once, since something may have been missed. SQLite has no other
// processes, and Watch only waits.
func (s *Store) Watch(ctx context.Context, told func(Notice)) error {
	if !s.engine.shared {
		<-ctx.Done()
		return nil
	}
	for {
		err := s.watchOnce(ctx, told)
		if ctx.Err() != nil {
			return nil
		}
		s.log.Warn("store: changes are looked for without being told, until the connection is back", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(rewatchAfter):
		}
	}
}

func (s *Store) watchOnce(ctx context.Context, told func(Notice)) error {
	conn, err := pgx.ConnectConfig(ctx, s.engine.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // of no use any more, whatever it says
	for _, channel := range []string{ChannelChange, ChannelApplied, ChannelSession} {
		if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
			return err
		}
		told(Notice{Channel: channel})
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		told(notice(n.Channel, n.Payload))
	}
}
