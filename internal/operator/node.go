package operator

import (
	"cmp"
	"context"
	"strings"
	"time"

	"latchkey"
)

// Fleet is every gateway node, and how far the changes of keys have come.
type Fleet struct {
	Newest    int64  `json:"newest"`    // revision of the newest change
	Confirmed int64  `json:"confirmed"` // up to here every node has it in force
	Nodes     []Node `json:"nodes"`
}

// Node is one gateway node.
type Node struct {
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	State     string    `json:"state"` // live, fenced, gone
	Applied   int64     `json:"applied"`
	Behind    int64     `json:"behind"` // changes that it has not applied
	LeaseMs   int64     `json:"leaseMs"`
	StartedAt time.Time `json:"startedAt"`
	LastSeen  time.Time `json:"lastSeen"`
}

func (d Door) listNodes(ctx context.Context, _ struct{}) (Fleet, error) {
	nodes, revs, err := d.Maintenance.Nodes(ctx)
	f := Fleet{Newest: revs.Newest, Confirmed: revs.Confirmed, Nodes: make([]Node, 0, len(nodes))}
	for _, n := range nodes {
		f.Nodes = append(f.Nodes, Node{
			ID: n.ID, Name: n.Name, State: string(n.State), Applied: n.Applied, Behind: max(0, revs.Newest-n.Applied),
			LeaseMs: n.Lease.Milliseconds(), StartedAt: n.StartedAt, LastSeen: n.LastSeen,
		})
	}
	return f, err
}

// LinkArgs asks for a link to the page of the gateway nodes.
type LinkArgs struct {
	Console string `json:"console"` // URL of the console that it leads to; "" is the server's own
}

// Link lets one browser look at the gateway nodes. Who has it, gets in.
type Link struct {
	Link      string    `json:"link"`
	ExpiresAt time.Time `json:"expiresAt"` // unless it is opened before
}

// linkNodes puts the token behind "#": browsers send that to no server, so it
// reaches no log of a proxy and no Referer.
func (d Door) linkNodes(ctx context.Context, args LinkArgs) (Link, error) {
	console := strings.TrimSuffix(cmp.Or(args.Console, d.ConsoleURL), "/")
	if console == "" {
		return Link{}, latchkey.Invalid("console", "console_needed", "no console runs on this data folder, so which one the link is to open is not known here: name it with --console-url")
	}
	token, session, err := d.Authority.LinkNodes(ctx)
	if err != nil {
		return Link{}, err
	}
	return Link{Link: console + "/nodes#" + token.Reveal(), ExpiresAt: session.EndsAt}, nil
}
