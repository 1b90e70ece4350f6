package authority_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// looker is the browser of the operator.
var looker = authority.Visitor{IP: "192.0.2.9", UserAgent: "Browser"}

// opened is the token of a cookie that a new link opened.
func (w *world) opened() string {
	w.t.Helper()
	link, _, err := w.Operator().LinkNodes(w.ctx)
	w.must(err)
	cookie, _, err := w.OpenNodes(w.ctx, looker, link.Reveal())
	w.must(err)
	return cookie.Reveal()
}

func TestTheOperatorLooksForAnHour(t *testing.T) {
	onEach(t, func(w *world) {
		cookie := w.opened()
		session, err := w.NodesSession(w.ctx, cookie)
		w.must(err)
		fleet, err := w.Nodes(w.ctx, session)
		w.must(err)
		if revs, err := w.store.Revs(w.ctx); err != nil || fleet.Revs != revs || fleet.Shared != w.store.Shared() {
			t.Errorf("the fleet is %+v, error %v", fleet, err)
		}
		w.clock.Advance(latchkey.OperatorSessionLife - time.Second)
		_, err = w.NodesSession(w.ctx, cookie)
		w.must(err)
		w.clock.Advance(time.Second)
		_, err = w.NodesSession(w.ctx, cookie)
		w.refused(err, "operator_link_needed")
		_, err = w.Nodes(w.ctx, session) // who asked in time, and was let wait
		w.refused(err, "operator_link_needed")
	})
}

func TestOnlyAnOpenedLinkLooks(t *testing.T) {
	w := newWorld(t)
	link, waiting, err := w.Operator().LinkNodes(w.ctx)
	w.must(err)
	for _, token := range []string{"", "none", link.Reveal()} {
		_, err := w.NodesSession(w.ctx, token)
		w.refused(err, "operator_link_needed")
	}
	for _, s := range []latchkey.OperatorSession{{}, waiting} {
		_, err := w.Nodes(w.ctx, s)
		w.refused(err, "operator_link_needed")
		w.refused(w.CloseNodes(w.ctx, looker, s), "operator_link_needed")
	}
	w.clock.Advance(latchkey.OperatorLinkLife)
	_, _, err = w.OpenNodes(w.ctx, looker, link.Reveal())
	w.refused(err, "invalid_link")
}

func TestTheOperatorClosesThePage(t *testing.T) {
	onEach(t, func(w *world) {
		cookie := w.opened()
		session, err := w.NodesSession(w.ctx, cookie)
		w.must(err)
		w.must(w.CloseNodes(w.ctx, looker, session))
		_, err = w.NodesSession(w.ctx, cookie)
		w.refused(err, "operator_link_needed")
		w.refused(w.CloseNodes(w.ctx, looker, session), "operator_link_needed")
		rows, err := w.store.Activities(w.ctx, latchkey.ActivityQuery{Limit: 3}) // of no account
		w.must(err)
		var got []string
		for _, a := range rows {
			got = append(got, fmt.Sprint(a.Type, " ", a.Source, " ", a.IP, " ", a.Subject == session.ID))
		}
		want := []string{"nodes_closed console 192.0.2.9 true", "nodes_opened console 192.0.2.9 true", "nodes_linked operator local true"}
		if !slices.Equal(got, want) {
			t.Errorf("recorded %q, want %q", got, want)
		}
	})
}

func TestGuessesOfALinkAreBounded(t *testing.T) {
	w := newWorld(t)
	for range latchkey.DefaultLimits().SignInsPerSource {
		_, _, err := w.OpenNodes(w.ctx, looker, "a guess")
		w.refused(err, "invalid_link")
	}
	_, _, err := w.OpenNodes(w.ctx, looker, "a guess")
	w.refused(err, "too_many_requests")
}

func TestAnOwnerSeesWhichNodeAChangeWaitsFor(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		for _, actor := range []latchkey.Actor{{}, w.signIn(w.sub), {Source: latchkey.SourceConsole, Role: latchkey.RoleOwner}} {
			_, err := w.Following(w.ctx, actor)
			w.refused(err, "forbidden")
		}
		for _, id := range []string{"a", "b", "c"} {
			w.must(w.store.JoinNode(w.ctx, latchkey.GatewayNode{ID: id, Name: "gateway-" + id, Lease: 5 * time.Second}))
		}
		w.create(owner, "bot-1")
		newest, err := w.store.Newest(w.ctx)
		w.must(err)
		_, err = w.store.RenewNode(w.ctx, "a", newest)
		w.must(err)
		w.must(w.store.LeaveNode(w.ctx, "c")) // who is gone is not waited for
		got, err := w.Following(w.ctx, owner)
		w.must(err)
		if !w.store.Shared() { // the table is there, and nobody else's business
			if got.Nodes != 1 || got.Confirmed != 1 || got.Silent != nil {
				t.Errorf("one process: %+v", got)
			}
			return
		}
		if got.Nodes != 2 || got.Confirmed != 1 || len(got.Silent) != 1 || got.Silent[0].Name != "gateway-b" {
			t.Errorf("several: %+v", got)
		}
	})
}
