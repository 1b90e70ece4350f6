package authority

import (
	"context"
	"errors"

	"latchkey"
)

// LinkNodes makes a link to the page of the gateway nodes. Its token is told
// once, here. It changes no key, so there is nothing for it to prove but that its
// maker sits at the server's own machine.
func (o Operator) LinkNodes(ctx context.Context) (latchkey.Secret, latchkey.OperatorSession, error) {
	now, token := o.a.now(), newToken()
	link := latchkey.OperatorSession{ID: latchkey.NewID("ops"), CreatedAt: now, EndsAt: now.Add(latchkey.OperatorLinkLife)}
	act := o.a.activity(o.actor(""), latchkey.ActNodesLinked)
	act.Subject = link.ID
	if err := o.a.store.OpenOperatorLink(ctx, link, hashToken(token), act); err != nil {
		return "", latchkey.OperatorSession{}, err
	}
	return latchkey.Secret(token), link, nil
}

// OpenNodes exchanges the token of such a link, once, for the token of a session
// that may look at the nodes and at nothing else. ErrLink.
func (a *Authority) OpenNodes(ctx context.Context, v Visitor, token string) (latchkey.Secret, latchkey.OperatorSession, error) {
	if err := a.chargeSource(ctx, "link_used", v, signInWindow, a.limits.SignInsPerSource); err != nil {
		return "", latchkey.OperatorSession{}, err
	}
	now, cookie := a.now(), newToken()
	session, err := a.store.StartOperatorSession(ctx, hashToken(token), hashToken(cookie), v.IP, now,
		now.Add(latchkey.OperatorSessionLife), a.activity(looking(v), latchkey.ActNodesOpened))
	if err != nil {
		return "", latchkey.OperatorSession{}, err
	}
	return latchkey.Secret(cookie), session, nil
}

// looking is the operator in a browser: no member, and of no account.
func looking(v Visitor) latchkey.Actor {
	return latchkey.Actor{Source: latchkey.SourceConsole, IP: v.IP, UserAgent: v.UserAgent}
}

// NodesSession finds the session that a cookie opened. ErrOperatorLink for every
// token that opens none, the one of a link that waits included.
func (a *Authority) NodesSession(ctx context.Context, token string) (latchkey.OperatorSession, error) {
	if token == "" {
		return latchkey.OperatorSession{}, latchkey.ErrOperatorLink
	}
	session, err := a.store.OperatorSessionByToken(ctx, hashToken(token))
	if errors.Is(err, latchkey.ErrNotFound) || (err == nil && !session.Live(a.now())) {
		return latchkey.OperatorSession{}, latchkey.ErrOperatorLink
	}
	return session, err
}

// Fleet is every gateway node, and how far the changes of keys have come.
type Fleet struct {
	Shared bool // several processes may serve; false: one on SQLite, which is no node of its own
	Nodes  []latchkey.GatewayNode
	Revs   latchkey.Revs
}

// Nodes shows the gateway nodes to who may look at them.
func (a *Authority) Nodes(ctx context.Context, s latchkey.OperatorSession) (Fleet, error) {
	if !s.Live(a.now()) {
		return Fleet{}, latchkey.ErrOperatorLink
	}
	nodes, err := a.store.Nodes(ctx)
	if err != nil {
		return Fleet{}, err
	}
	revs, err := a.store.Revs(ctx)
	return Fleet{Shared: a.store.Shared(), Nodes: nodes, Revs: revs}, err
}

// Following is how far the newest change of a key, whoever's, has come.
type Following struct {
	Nodes     int                    // that are not gone
	Confirmed int                    // that have the newest change
	Silent    []latchkey.GatewayNode // the others
}

// Following tells an owner who waits for a change what it waits for.
func (a *Authority) Following(ctx context.Context, actor latchkey.Actor) (Following, error) {
	if err := mustOwn(actor); err != nil {
		return Following{}, err
	}
	if !a.store.Shared() {
		return Following{Nodes: 1, Confirmed: 1}, nil // this process, which has applied what it answers
	}
	nodes, err := a.store.Nodes(ctx)
	if err != nil {
		return Following{}, err
	}
	revs, err := a.store.Revs(ctx)
	var f Following
	for _, n := range nodes {
		switch {
		case n.State == latchkey.NodeGone:
			continue
		case n.Applied >= revs.Newest:
			f.Confirmed++
		default:
			f.Silent = append(f.Silent, n)
		}
		f.Nodes++
	}
	return f, err
}

// CloseNodes ends the session.
func (a *Authority) CloseNodes(ctx context.Context, v Visitor, s latchkey.OperatorSession) error {
	if !s.Live(a.now()) {
		return latchkey.ErrOperatorLink
	}
	act := a.activity(looking(v), latchkey.ActNodesClosed)
	act.Subject = s.ID
	err := a.store.EndOperatorSession(ctx, s.ID, act)
	if errors.Is(err, latchkey.ErrNotFound) {
		return latchkey.ErrOperatorLink // another tab closed it just now
	}
	return err
}
