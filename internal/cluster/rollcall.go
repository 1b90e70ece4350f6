package cluster

import (
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"sync"
	"time"

	"latchkey"
)

// Holder is what a gateway node holds of WebSocket sessions.
type Holder interface {
	// List returns the live sessions of a key, the oldest first.
	List(keyID string) []latchkey.KeySession
	// End ends a session; false: it is not here. When it returns, nothing more of
	// the session reaches the exchange.
	End(keyID, id string) bool
}

// Voice reaches all processes on the database, this one counted.
type Voice interface {
	// Say sends a text of at most 8,000 bytes (PostgreSQL, NOTIFY). It may be lost.
	Say(ctx context.Context, text string) error
	Nodes(ctx context.Context) ([]latchkey.GatewayNode, error)
}

// RollCall asks every gateway node for the sessions that it holds. Sessions live
// in the memory of their node, and nowhere else: nothing is written for them.
// What is learned is for people to look at; no right rests on it.
type RollCall struct {
	voice Voice
	held  Holder
	node  func() string // id of this process's own node, whose sessions are asked for directly
	log   *slog.Logger

	mu   sync.Mutex
	open map[string]*asking
	busy chan struct{} // bounds how many answers are given at once
}

// asking is a question that waits for its answers.
type asking struct {
	missing  map[string]bool // nodes
	sessions []latchkey.KeySession
	ended    bool
	done     chan struct{}
}

// word is what is said: a question, or an answer when it names a node.
type word struct {
	ID       string                `json:"id"`
	Keys     []string              `json:"keys,omitempty"`
	End      string                `json:"end,omitempty"` // the session to end, of the one key
	Node     string                `json:"node,omitempty"`
	Sessions []latchkey.KeySession `json:"sessions,omitempty"`
	Ended    bool                  `json:"ended,omitempty"`
	More     bool                  `json:"more,omitempty"` // this node has not said all yet
}

// A word must fit into a notification: 100 ids are 3 KB, 20 sessions 5 KB.
const (
	keysAWord     = 100
	sessionsAWord = 20
	answersAtOnce = 8
)

// How long is waited for nodes. A node that dies is taken for live for a while.
const (
	listWait = 500 * time.Millisecond
	endWait  = 5 * time.Second
)

// NewRollCall returns a RollCall. Node is asked anew each time: a node that was
// fenced goes on under another id.
func NewRollCall(voice Voice, held Holder, node func() string, log *slog.Logger) *RollCall {
	return &RollCall{voice: voice, held: held, node: node, log: log, open: map[string]*asking{}, busy: make(chan struct{}, answersAtOnce)}
}

// List returns the live sessions of keys, of every node that answers in time.
func (r *RollCall) List(ctx context.Context, keyIDs ...string) ([]latchkey.KeySession, error) {
	var all []latchkey.KeySession
	for _, id := range keyIDs {
		all = append(all, r.held.List(id)...)
	}
	for some := range slices.Chunk(keyIDs, keysAWord) {
		a, err := r.ask(ctx, word{Keys: some}, listWait)
		if err != nil {
			return nil, err
		}
		all = append(all, a.sessions...)
	}
	slices.SortFunc(all, func(a, b latchkey.KeySession) int { return a.Since.Compare(b.Since) })
	return all, nil
}

// End ends a session, wherever it is. False: no node that answered has it.
func (r *RollCall) End(ctx context.Context, keyID, id string) (bool, error) {
	if r.held.End(keyID, id) {
		return true, nil
	}
	a, err := r.ask(ctx, word{Keys: []string{keyID}, End: id}, endWait)
	return a.ended, err
}

// ask says a question and waits until every other node has answered, one has
// ended what is to be ended, or the time is over.
func (r *RollCall) ask(ctx context.Context, question word, wait time.Duration) (asking, error) {
	nodes, err := r.voice.Nodes(ctx)
	if err != nil {
		return asking{}, err
	}
	a := &asking{missing: map[string]bool{}, done: make(chan struct{})}
	for _, n := range nodes {
		if n.State == latchkey.NodeLive && n.ID != r.node() {
			a.missing[n.ID] = true
		}
	}
	if len(a.missing) == 0 {
		return asking{}, nil
	}
	question.ID = latchkey.NewID("ask")
	r.mu.Lock()
	r.open[question.ID] = a
	r.mu.Unlock()
	defer r.close(question.ID)
	if err := r.say(ctx, question); err != nil {
		return asking{}, err
	}
	over := time.NewTimer(wait)
	defer over.Stop()
	select {
	case <-a.done:
	case <-over.C:
	case <-ctx.Done():
		return asking{}, ctx.Err()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(a.missing) > 0 && !a.ended {
		r.log.Warn("some gateway nodes did not say which sessions they hold", "nodes", len(a.missing))
	}
	return asking{sessions: slices.Clone(a.sessions), ended: a.ended}, nil
}

func (r *RollCall) close(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.open, id)
}

func (r *RollCall) say(ctx context.Context, w word) error {
	text, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return r.voice.Say(ctx, string(text))
}

// Heard takes what some process said. It does not block.
func (r *RollCall) Heard(ctx context.Context, text string) {
	var w word
	if json.Unmarshal([]byte(text), &w) != nil || w.ID == "" {
		return // somebody else's
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	a, own := r.open[w.ID]
	switch {
	case w.Node != "" && own:
		a.take(w)
	case w.Node == "" && !own:
		select {
		case r.busy <- struct{}{}:
			go func() {
				defer func() { <-r.busy }()
				r.answer(ctx, w)
			}()
		default: // a flood of questions; whoever asked goes on without this node
		}
	}
}

// take notes an answer.
func (a *asking) take(w word) {
	if !a.missing[w.Node] || a.ended {
		return
	}
	a.sessions = append(a.sessions, w.Sessions...)
	if a.ended = w.Ended; !w.More {
		delete(a.missing, w.Node)
	}
	if len(a.missing) == 0 || a.ended {
		close(a.done)
		a.missing = nil
	}
}

// answer says what this node holds, or ends what it is asked to end.
func (r *RollCall) answer(ctx context.Context, question word) {
	ctx, cancel := context.WithTimeout(ctx, endWait)
	defer cancel()
	reply := word{ID: question.ID, Node: r.node()}
	var held []latchkey.KeySession
	for _, key := range question.Keys {
		if question.End != "" {
			reply.Ended = r.held.End(key, question.End) || reply.Ended
		} else {
			held = append(held, r.held.List(key)...)
		}
	}
	for reply.More = true; reply.More; {
		n := min(len(held), sessionsAWord)
		reply.Sessions, held = held[:n], held[n:]
		reply.More = len(held) > 0
		if err := r.say(ctx, reply); err != nil {
			r.log.Warn("which sessions this node holds could not be said", "error", err)
			return
		}
	}
}
