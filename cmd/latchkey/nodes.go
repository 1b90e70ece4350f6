package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"latchkey"
	"latchkey/internal/operator"
)

// nodesCmd lists the gateway nodes of a shared database, or lets a browser do so.
type nodesCmd struct {
	doorFlags
	Link       bool   `help:"Print a link that shows the nodes in the console, to one browser, for an hour; it is good for 5 minutes."`
	ConsoleURL string `name:"console-url" env:"LATCHKEY_CONSOLE_URL" placeholder:"URL" help:"Console that the link leads to; the one of the server of the data folder when empty."`
}

// Run prints one line a node, or the link.
func (c *nodesCmd) Run(ctx context.Context, s streams) error {
	if c.Link {
		return c.link(ctx, s)
	}
	var f operator.Fleet
	if err := c.run(ctx, "node.list", struct{}{}, &f); err != nil {
		return err
	}
	return c.show(s, f, func() {
		if len(f.Nodes) == 0 {
			fmt.Fprintln(s.out, "there are no gateway nodes: one process on SQLite is all there is, and on PostgreSQL none has started yet")
			return
		}
		table := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, "NODE\tNAME\tSTATE\tBEHIND\tLEASE\tLAST SEEN")
		for _, n := range f.Nodes {
			fmt.Fprintf(table, "%s\t%s\t%s\t%d\t%v\t%s\n", n.ID, n.Name, n.State, n.Behind,
				time.Duration(n.LeaseMs)*time.Millisecond, n.LastSeen.Format(time.RFC3339))
		}
		_ = table.Flush() // to memory or to where the rest of the output went
		fmt.Fprintf(s.out, "newest change %d, in force everywhere %d\n", f.Newest, f.Confirmed)
	})
}

// link prints nothing but the link on standard output, so that it can be handed
// on.
func (c *nodesCmd) link(ctx context.Context, s streams) error {
	if err := checkOrigin("--console-url", c.ConsoleURL); err != nil {
		return usageError{err}
	}
	var l operator.Link
	if err := c.run(ctx, "node.link", operator.LinkArgs{Console: c.ConsoleURL}, &l); err != nil {
		return err
	}
	return c.show(s, l, func() {
		fmt.Fprintln(s.out, l.Link)
		fmt.Fprintf(s.err, "Open it within %.0f minutes. It works once; whoever opens it sees the gateway nodes for %.0f minutes, and can change nothing.\n",
			latchkey.OperatorLinkLife.Minutes(), latchkey.OperatorSessionLife.Minutes())
	})
}
