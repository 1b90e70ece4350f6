package main

import (
	"context"
	"fmt"
	"time"

	"latchkey/internal/operator"
)

type keySessionsCmd struct{ keyIDFlags }

// Run lists the WebSocket sessions that bots have open with a key.
func (c *keySessionsCmd) Run(ctx context.Context, s streams) error {
	var open []operator.Session
	if err := c.run(ctx, "key.sessions", operator.IDArgs{ID: c.ID}, &open); err != nil {
		return err
	}
	return c.show(s, open, func() {
		for _, x := range open {
			fmt.Fprintf(s.out, "%s  %s  since %s  messages: %d  %s\n", x.ID, x.IP, x.Since.UTC().Format(time.RFC3339), x.Messages, x.LastAction)
		}
		if len(open) == 0 {
			fmt.Fprintln(s.err, "no live sessions on this server")
		}
	})
}

type keyEndSessionCmd struct {
	keyIDFlags
	Session string `arg:"" help:"Id of the session, as key sessions lists it."`
}

// Run ends one of them.
func (c *keyEndSessionCmd) Run(ctx context.Context, s streams) error {
	var done operator.SessionArgs
	if err := c.run(ctx, "key.end-session", operator.SessionArgs{ID: c.ID, Session: c.Session}, &done); err != nil {
		return err
	}
	return c.show(s, done, func() { fmt.Fprintf(s.out, "session %s has ended\n", done.Session) })
}
