package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"latchkey/internal/operator"
)

// nodesCmd lists the gateway nodes of a shared database.
type nodesCmd struct{ doorFlags }

// Run prints one line a node.
func (c *nodesCmd) Run(ctx context.Context, s streams) error {
	var f operator.Fleet
	if err := c.run(ctx, "node.list", struct{}{}, &f); err != nil {
		return err
	}
	return c.show(s, f, func() {
		if len(f.Nodes) == 0 {
			fmt.Fprintln(s.out, "one process on SQLite: there are no other gateway nodes")
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
