package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
)

// hall is a database whose channel everybody hears.
type hall struct {
	*database
	ears  []*cluster.RollCall
	words int
	most  int // bytes of the longest word
	deaf  bool
}

func (h *hall) Say(ctx context.Context, text string) error {
	h.mu.Lock()
	h.words, h.most = h.words+1, max(h.most, len(text))
	deaf := h.deaf
	h.mu.Unlock()
	if !deaf {
		for _, r := range h.ears {
			r.Heard(ctx, text)
		}
	}
	return nil
}

// pocket holds the sessions of one node.
type pocket struct {
	mu   sync.Mutex
	held []latchkey.KeySession
}

func (p *pocket) List(keyID string) (list []latchkey.KeySession) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.held {
		if s.KeyID == keyID {
			list = append(list, s)
		}
	}
	return list
}

func (p *pocket) End(keyID, id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	before := len(p.held)
	p.held = slices.DeleteFunc(p.held, func(s latchkey.KeySession) bool { return s.KeyID == keyID && s.ID == id })
	return len(p.held) < before
}

// gather makes nodes that hold so many sessions of the key each.
func gather(t *testing.T, each ...int) (*hall, []*cluster.RollCall) {
	h := &hall{database: newDatabase()}
	for i, n := range each {
		m, _, _ := join(t, h.database, fmt.Sprint("n", i))
		p := &pocket{}
		for j := range n {
			since := time.Now().Add(time.Duration(j*10+i) * time.Second)
			p.held = append(p.held, latchkey.KeySession{ID: fmt.Sprintf("ws_%d_%d", i, j), KeyID: "a", Since: since, LastAction: "create_order"})
		}
		h.ears = append(h.ears, cluster.NewRollCall(h, p, m.ID, slog.New(slog.DiscardHandler)))
	}
	return h, h.ears
}

func TestEveryNodeSaysWhichSessionsItHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, nodes := gather(t, 2, 0, 45)
		begin := time.Now()
		list, err := nodes[0].List(t.Context(), "a", "b")
		if err != nil || len(list) != 47 {
			t.Fatalf("%d sessions, %v", len(list), err)
		}
		if !slices.IsSortedFunc(list, func(a, b latchkey.KeySession) int { return a.Since.Compare(b.Since) }) {
			t.Error("not by their age")
		}
		// PostgreSQL, NOTIFY: a payload must be shorter than 8,000 bytes.
		if h.most >= 8000 {
			t.Errorf("a word has %d bytes", h.most)
		}
		if time.Since(begin) > 0 {
			t.Error("it waited though all had answered")
		}
	})
}

func TestASessionIsEndedWhereverItIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, nodes := gather(t, 1, 2, 1)
		for _, c := range []struct {
			key, id string
			want    bool
		}{
			{"a", "ws_0_0", true}, {"a", "ws_1_1", true}, {"a", "ws_1_1", false}, {"b", "ws_2_0", false}, {"a", "ws_9_9", false},
		} {
			if got, err := nodes[0].End(t.Context(), c.key, c.id); got != c.want || err != nil {
				t.Errorf("%s of %s: %v, %v", c.id, c.key, got, err)
			}
		}
		if list, _ := nodes[2].List(t.Context(), "a"); len(list) != 2 {
			t.Errorf("left: %v", list)
		}
	})
}

// A node that is dead and not fenced yet says nothing. The others' sessions are
// shown all the same, soon.
func TestASilentNodeIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, nodes := gather(t, 1, 1, 1)
		h.ears = h.ears[:2]
		begin := time.Now()
		list, err := nodes[0].List(t.Context(), "a")
		if len(list) != 2 || err != nil || time.Since(begin) > time.Second {
			t.Errorf("%d sessions after %v, %v", len(list), time.Since(begin), err)
		}
		h.deaf = true
		if list, err := nodes[1].List(t.Context(), "a"); len(list) != 1 || err != nil {
			t.Errorf("its own and no more: %v, %v", list, err)
		}
		h.node(h.row("n1").ID).State, h.node(h.row("n2").ID).State = latchkey.NodeFenced, latchkey.NodeGone
		begin, words := time.Now(), h.words
		if _, err := nodes[0].List(t.Context(), "a"); err != nil || time.Since(begin) > 0 || h.words > words {
			t.Errorf("who cannot serve is asked: %v", err)
		}
	})
}

// Whoever may write to the channel may say anything.
func TestNonsenseIsNotAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h, nodes := gather(t, 1, 1)
		for _, text := range []string{"", "x", "{}", `{"id":""}`, `{"id":"ask_1","node":"node_x","sessions":[{}]}`, `{"id":1}`, `[]`} {
			nodes[1].Heard(t.Context(), text)
		}
		synctest.Wait()
		if h.words > 0 {
			t.Errorf("%d words", h.words)
		}
	})
}
