package store

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// rewatchAfter is the pause before a connection that broke is made anew.
const rewatchAfter = 500 * time.Millisecond

// Watch tells of notifications of other processes (and of this one) until the
// context ends; told gets the name of the channel, and must not block. After a
// connection broke, told gets each name once, since something may have been
// missed. SQLite has no other processes, and Watch only waits.
func (s *Store) Watch(ctx context.Context, told func(channel string)) error {
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

func (s *Store) watchOnce(ctx context.Context, told func(channel string)) error {
	conn, err := pgx.ConnectConfig(ctx, s.engine.config)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // of no use any more, whatever it says
	for _, channel := range []string{ChannelChange, ChannelApplied} {
		if _, err := conn.Exec(ctx, "LISTEN "+channel); err != nil {
			return err
		}
		told(channel)
	}
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		told(n.Channel)
	}
}
