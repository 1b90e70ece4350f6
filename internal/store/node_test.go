package store_test

import (
	"context"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/store"
)

func (s *suite) joined(id string) {
	s.t.Helper()
	s.must(s.JoinNode(s.ctx, latchkey.GatewayNode{ID: id, Name: "gateway " + id, Lease: 5 * time.Second, Alone: id == "node_b"}))
}

func TestANodeLearnsEveryChangeInItsOrder(t *testing.T) {
	onEach(t, func(s *suite) {
		s.joined("node_a")
		one, two := s.key("bot-1"), s.key("bot-2")
		_, err := s.Apply(s.ctx, s.move(one, latchkey.OpDelete, nil))
		s.must(err)
		r, err := s.RenewNode(s.ctx, "node_a", 0)
		s.must(err)
		var got []string
		for _, c := range r.Changes {
			got = append(got, c.Key.ID+" "+string(c.Key.Status))
			if hidden := c.Key.Status == latchkey.StatusDeleted; hidden != (c.Secret == "") {
				t.Errorf("%s comes with a secret of %d letters", c.Key.ID, len(c.Secret))
			}
		}
		s.same(got, []string{two.ID + " " + string(two.Status), one.ID + " deleted"})
		s.same(r.Newest, s.number("SELECT rev FROM authority"))
		s.same(r.Nodes, 1)
		again, err := s.RenewNode(s.ctx, "node_a", r.Newest)
		s.must(err)
		s.same(len(again.Changes), 0)
		nodes, err := s.Nodes(s.ctx)
		s.must(err)
		s.same(nodes, []latchkey.GatewayNode{{ID: "node_a", Name: "gateway node_a", State: latchkey.NodeLive, Applied: r.Newest, Renewals: 2,
			Lease: 5 * time.Second, StartedAt: start, LastSeen: start}})
	})
}

func TestANodeThatWasEndedRenewsNoMore(t *testing.T) {
	onEach(t, func(s *suite) {
		for _, id := range []string{"node_a", "node_b", "node_c"} {
			s.joined(id)
			_, err := s.RenewNode(s.ctx, id, 0)
			s.must(err)
		}
		// Who renews while it is being taken for dead stays.
		fenced, err := s.FenceNode(s.ctx, "node_a", 0)
		s.must(err)
		s.same(fenced, false)
		fenced, err = s.FenceNode(s.ctx, "node_a", 1)
		s.must(err)
		s.same(fenced, true)
		s.must(s.BuryNode(s.ctx, "node_b")) // not before it is fenced
		s.must(s.LeaveNode(s.ctx, "node_c"))
		for id, code := range map[string]string{"node_a": "node_fenced", "node_b": "", "node_c": "node_fenced", "node_none": "node_fenced"} {
			if _, err := s.RenewNode(s.ctx, id, 0); latchkey.Code(err) != code {
				t.Errorf("%s renews with %v, want %q", id, err, code)
			}
		}
		s.must(s.BuryNode(s.ctx, "node_a"))
		nodes, err := s.Nodes(s.ctx)
		s.must(err)
		states := map[string]latchkey.NodeState{}
		for _, n := range nodes {
			states[n.ID] = n.State
			s.same(n.Alone, n.ID == "node_b")
		}
		s.same(states, map[string]latchkey.NodeState{"node_a": latchkey.NodeGone, "node_b": latchkey.NodeLive, "node_c": latchkey.NodeGone})
		s.pass(25 * time.Hour)
		s.must(s.Housekeep(s.ctx))
		nodes, err = s.Nodes(s.ctx)
		s.must(err)
		s.same(len(nodes), 1) // live ones are never forgotten
	})
}

// What a node has applied never goes back: an answer that was lost and comes
// late must not make a console wait for what has happened.
func TestWhatANodeHasAppliedNeverGoesBack(t *testing.T) {
	onEach(t, func(s *suite) {
		s.key("bot-1")
		s.joined("node_a")
		r, err := s.RenewNode(s.ctx, "node_a", 0)
		s.must(err)
		_, err = s.RenewNode(s.ctx, "node_a", r.Newest)
		s.must(err)
		_, err = s.RenewNode(s.ctx, "node_a", 0)
		s.refused(err, "node_fenced")
	})
}

func TestAConfirmationIsDecidedWhereItIsWritten(t *testing.T) {
	onEach(t, func(s *suite) {
		s.key("bot-1")
		s.joined("node_a")
		newest, err := s.Newest(s.ctx)
		s.must(err)
		seen := 0
		decide := func(answer bool) func([]latchkey.GatewayNode) bool {
			return func(nodes []latchkey.GatewayNode) bool { seen = len(nodes); return answer }
		}
		for _, answer := range []bool{false, true} {
			over, err := s.ConfirmRev(s.ctx, newest, decide(answer))
			s.must(err)
			s.same(over, answer)
			s.same(seen, 1)
			revs, err := s.Revs(s.ctx)
			s.must(err)
			s.same(revs.Confirmed == newest, answer)
		}
		over, err := s.ConfirmRev(s.ctx, 0, decide(true)) // an older one
		s.must(err)
		s.same(over, true)
		revs, err := s.Revs(s.ctx)
		s.must(err)
		s.same(revs.Confirmed, newest)
		if _, err := s.ConfirmRev(s.ctx, newest+1, decide(true)); err == nil {
			t.Error("what was never written is confirmed")
		}
	})
}

func TestOtherProcessesAreToldOfChanges(t *testing.T) {
	s := newSuite(t, server.Database(t))
	ctx, cancel := context.WithCancel(s.ctx)
	heard := make(chan store.Notice, 100)
	ended := make(chan error, 1)
	go func() { ended <- s.Watch(ctx, func(n store.Notice) { heard <- n }) }()
	for _, first := range []string{store.ChannelChange, store.ChannelApplied, store.ChannelSession} {
		s.same(<-heard, store.Notice{Channel: first}) // something may have been missed before
	}
	k := s.key("bot-1")
	revs, err := s.Revs(s.ctx)
	s.must(err)
	s.same(<-heard, store.Notice{Channel: store.ChannelChange, KeyID: k.ID, Rev: revs.Newest})
	// Anybody on the database can say anything: what cannot be read makes a node look.
	for _, text := range []string{"", "x", "12x key", " key"} {
		_, err := s.database().ExecContext(s.ctx, "SELECT pg_notify($1, $2)", store.ChannelChange, text)
		s.must(err)
		s.same(<-heard, store.Notice{Channel: store.ChannelChange})
	}
	s.joined("node_a")
	_, err = s.RenewNode(s.ctx, "node_a", 0)
	s.must(err)
	s.same(<-heard, store.Notice{Channel: store.ChannelApplied})
	s.must(s.Say(s.ctx, `7 {"id":"ask_1"}`))
	s.same(<-heard, store.Notice{Channel: store.ChannelSession, Said: `7 {"id":"ask_1"}`})
	cancel()
	s.must(<-ended)
}

// A gateway that is broken into must not be able to give itself rights.
func TestAGatewaysRoleChangesNoKey(t *testing.T) {
	s := newSuite(t, server.Database(t))
	s.key("bot-1")
	for _, statement := range []string{
		"UPDATE api_key SET status = 'active'", "INSERT INTO member (id) VALUES ('m')", "DELETE FROM activity", "UPDATE authority SET confirmed_rev = 9",
		"SELECT * FROM member", "SELECT * FROM pending", "SELECT * FROM factor", "SELECT * FROM session", "SELECT * FROM operator_session", "DELETE FROM gateway_node", "CREATE TABLE t (a TEXT)",
	} {
		tx, err := s.database().BeginTx(s.ctx, nil)
		s.must(err)
		_, err = tx.ExecContext(s.ctx, "SET LOCAL ROLE latchkey_gateway")
		s.must(err)
		if _, err := tx.ExecContext(s.ctx, statement); err == nil {
			t.Errorf("a gateway may: %s", statement)
		}
		s.must(tx.Rollback())
	}
	tx, err := s.database().BeginTx(s.ctx, nil)
	s.must(err)
	defer tx.Rollback()
	for _, statement := range []string{"SET LOCAL ROLE latchkey_gateway", "SELECT secret FROM api_key", "UPDATE tally SET allowed = allowed + 1"} {
		if _, err := tx.ExecContext(s.ctx, statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
}
