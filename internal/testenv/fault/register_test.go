//go:build fault

package fault

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// register is a key with everything that was ever done to it. One driver
// changes it, so its states follow one another.
type register struct {
	id     string
	name   string
	secret []byte

	mu     sync.Mutex
	states []state
}

// state is what a key was made. Times are since the begin of the site.
type state struct {
	rights  string // names of permissions; inactive or deleted
	version int64
	begin   time.Duration // before the change was asked for
	ack     time.Duration // when it was acknowledged; pending before
	void    bool          // it turned out not to have happened
}

// What a state without permissions is called.
const (
	inactive = "inactive"
	deleted  = "deleted"
)

const pending time.Duration = -1

func (s state) active() bool { return s.rights != inactive && s.rights != deleted }

// trades reports whether a call that needs Trade is allowed.
func (s state) trades() bool { return slices.Contains(strings.Split(s.rights, ","), "trade") }

// now is the last state that happened.
func (r *register) now() state {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range slices.Backward(r.states) {
		if !s.void {
			return s
		}
	}
	return state{}
}

// begin notes that a change is about to be asked for.
func (r *register) begin(rights string, version int64, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.states = append(r.states, state{rights: rights, version: version, begin: at, ack: pending})
}

// end notes what became of the newest change.
func (r *register) end(happened bool, at time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	newest := &r.states[len(r.states)-1]
	if newest.void = !happened; happened {
		newest.ack = at
	}
}

// bears reports whether a call that was sent at one time and arrived at another
// may have been let through under these rights: they were there by then, and no
// change that took them away was acknowledged before it was sent.
func (r *register) bears(rights string, sent, arrived time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var after *state
	for i := len(r.states) - 1; i >= 0; i-- {
		s := &r.states[i]
		switch {
		case s.void:
			continue
		case s.rights == rights && s.begin <= arrived:
			return nil
		case s.ack != pending && s.ack <= sent:
			return fmt.Errorf("key %s: a call sent at %v arrived at %v with %q, %v after a change to %q was acknowledged at %v",
				r.id, sent, arrived, rights, sent-s.ack, s.rights, s.ack)
		}
		after = s
	}
	return fmt.Errorf("key %s: a call arrived with %q, which it never had (%v)", r.id, rights, after)
}

// history is a copy of what happened.
func (r *register) history() (all []state) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.states {
		if !s.void {
			all = append(all, s)
		}
	}
	return all
}
