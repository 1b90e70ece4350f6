package api

import (
	"context"
	"net/http"
	"time"

	"latchkey"
)

// openNodesInput carries the token in the body; see resetPasswordInput.
type openNodesInput struct {
	Body struct {
		Token latchkey.Secret `json:"token" maxLength:"128" doc:"What stands behind # in the link." example:"q3J5yV0nT7hXw2KdR9uLb4ZcM8sPfG1aE6iOjYtNrQk"`
	}
}

// NodesSession is what opening the link made.
type NodesSession struct {
	EndsAt Moment `json:"endsAt" doc:"When the page closes by itself."`
}

// openNodesOutput sets the one cookie that reads nodes.
type openNodesOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie" doc:"The token of the operator's page: HttpOnly, SameSite=Strict."`
	Body      NodesSession
}

// openNodes is open to anyone: who has the token was given it by somebody who
// works on the server's own machine.
func (s *server) openNodes(ctx context.Context, c caller, in *openNodesInput) (*openNodesOutput, error) {
	cookie, session, err := s.Authority.OpenNodes(ctx, c.Visitor, in.Body.Token.Reveal())
	if err != nil {
		return nil, err
	}
	return &openNodesOutput{SetCookie: s.nodesCookie(cookie.Reveal()), Body: NodesSession{Moment(session.EndsAt)}}, nil
}

// closeNodes deletes the cookie only when the session has really ended; see row.
func (s *server) closeNodes(ctx context.Context, c caller, _ *struct{}) (*signOutOutput, error) {
	return &signOutOutput{s.nodesCookie("")}, s.Authority.CloseNodes(ctx, c.Visitor, c.Operator)
}

// Fleet is every gateway node, and how far the changes of keys have come.
type Fleet struct {
	Shared    bool   `json:"shared" doc:"Whether there can be several nodes, on PostgreSQL. False: one process on SQLite is console and gateway, and no node of its own." example:"true"`
	Newest    int64  `json:"newest" doc:"The number of the newest change of a key." example:"1234"`
	Confirmed int64  `json:"confirmed" doc:"Every change up to this one is in force on every node, or the node serves no more." example:"1234"`
	EndsAt    Moment `json:"endsAt" doc:"When the page closes by itself."`
	Nodes     []Node `json:"nodes" doc:"Each start of a gateway; those that are gone for a day more."`
}

// Node is one start of a gateway.
type Node struct {
	ID          string `json:"id" doc:"New at each start." example:"node_6c0f4j8n2r6v0z4d8h2l6p0t4x"`
	Name        string `json:"name" doc:"As the operator calls it, or its machine's name." example:"gateway-1"`
	State       string `json:"state" enum:"live,fenced,gone" doc:"A fenced node can renew its lease no more and stops by itself; then it is gone." example:"live"`
	Applied     int64  `json:"applied" doc:"Every change up to this one is in force there." example:"1234"`
	Behind      int64  `json:"behind" doc:"Newer changes that it has not applied." example:"0"`
	LeaseMs     int64  `json:"leaseMs" doc:"How long it serves without a renewal, in milliseconds." example:"5000"`
	LeaseLeftMs int64  `json:"leaseLeftMs" doc:"What is left of it, by the clocks of the node and of this server: for people to read." example:"4200"`
	Alone       bool   `json:"alone" doc:"It remembers by itself which requests it saw; false: all nodes share that memory." example:"false"`
	StartedAt   Moment `json:"startedAt" doc:"When it started."`
	LastSeen    Moment `json:"lastSeen" doc:"When it renewed its lease last."`
}

// fleet is read every other second by whoever looks.
func (s *server) fleet(ctx context.Context, c caller, _ *struct{}) (*answer[Fleet], error) {
	f, err := s.Authority.Nodes(ctx, c.Operator)
	if err != nil {
		return nil, err
	}
	now := s.Now()
	shape := func(n latchkey.GatewayNode) Node { return nodeAt(n, f.Revs, now) }
	return &answer[Fleet]{Fleet{
		Shared: f.Shared, Newest: f.Revs.Newest, Confirmed: f.Revs.Confirmed, EndsAt: Moment(c.Operator.EndsAt), Nodes: shaped(f.Nodes, shape),
	}}, nil
}

// nodeAt is a node as it is now. Its own clock wrote when it was seen, and may
// differ from this one: the lease that is left never looks longer than it is.
func nodeAt(n latchkey.GatewayNode, revs latchkey.Revs, now time.Time) Node {
	var left time.Duration
	if n.State == latchkey.NodeLive {
		left = min(n.Lease, max(0, n.LastSeen.Add(n.Lease).Sub(now)))
	}
	return Node{
		ID: n.ID, Name: n.Name, State: string(n.State), Applied: n.Applied, Behind: max(0, revs.Newest-n.Applied),
		LeaseMs: n.Lease.Milliseconds(), LeaseLeftMs: left.Milliseconds(), Alone: n.Alone,
		StartedAt: Moment(n.StartedAt), LastSeen: Moment(n.LastSeen),
	}
}

// Following is how far the newest change of any key has come.
type Following struct {
	Nodes     int       `json:"nodes" doc:"Nodes that are not gone." example:"3"`
	Confirmed int       `json:"confirmed" doc:"Nodes that have it." example:"2"`
	Silent    []Silence `json:"silent" doc:"The others."`
}

// Silence is a node that is waited for.
type Silence struct {
	Name    string `json:"name" doc:"As the operator calls it." example:"gateway-3"`
	StopsMs int64  `json:"stopsMs" doc:"About when its lease is over and it refuses every signed call by itself, in milliseconds from now." example:"4000"`
}

// following is asked by a console whose change takes longer than usual.
func (s *server) following(ctx context.Context, c caller, _ *struct{}) (*answer[Following], error) {
	f, err := s.Authority.Following(ctx, c.Actor)
	now := s.Now()
	shape := func(n latchkey.GatewayNode) Silence {
		return Silence{n.Name, nodeAt(n, latchkey.Revs{}, now).LeaseLeftMs}
	}
	return &answer[Following]{Following{f.Nodes, f.Confirmed, shaped(f.Silent, shape)}}, err
}
