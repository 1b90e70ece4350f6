//go:build fault

package fault

import (
	"fmt"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"
)

// judge looks at everything once more when all of it is known: the promise for
// each call that reached the exchange, and each key as a register that must be
// linearizable: a change writes it, and a definite answer reads it.
func (s *site) judge() (reads int) {
	s.mu.Lock()
	landed, answered := slices.Clone(s.landed), slices.Clone(s.answered) // a session's last messages may still come
	s.mu.Unlock()
	for _, c := range landed {
		if err := c.key.bears(c.rights, c.sent, c.arrived); err != nil {
			s.fault("%s %v", c.at.name, err)
		}
	}
	byKey := map[*register][]*call{}
	for _, c := range answered {
		byKey[c.key] = append(byKey[c.key], c)
	}
	for key, calls := range byKey {
		history := key.history()
		ops := operations(history, calls, s.now())
		reads += len(ops) - len(history)
		if result := porcupine.CheckOperationsTimeout(keyModel(history), ops, time.Minute); result != porcupine.Ok {
			s.fault("key %s: its history is not linearizable (%v)%s", key.id, result, inversion(history, calls))
		}
	}
	return reads
}

// seen is what a definite answer says about a key.
type seen struct {
	code   string
	rights string
	trade  bool
}

// fits reports whether a key in that state gives that answer.
func (a seen) fits(s state) bool {
	switch a.code {
	case "allowed":
		return s.rights == a.rights
	case "key_not_activated":
		return s.rights == inactive
	case "permission_missing":
		return s.active() && a.trade && !s.trades()
	case "unauthorized":
		return s.rights == deleted
	}
	return true
}

// definite reports whether an answer says anything about the key. None at all,
// and all of 503, leave it open.
func (c *call) definite() (seen, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := seen{c.code, c.rights, c.trade}
	switch c.code {
	case "allowed", "key_not_activated", "permission_missing", "unauthorized":
		return a, true
	}
	return a, false
}

// operations are the changes, which write the number of their state, and the
// definite answers. A change that was never acknowledged may last to the end.
func operations(history []state, calls []*call, end time.Duration) (ops []porcupine.Operation) {
	for i, s := range history {
		done := s.ack
		if done == pending {
			done = end
		}
		ops = append(ops, porcupine.Operation{Input: i, Call: int64(s.begin), Return: int64(done)})
	}
	for _, c := range calls {
		if a, ok := c.definite(); ok {
			ops = append(ops, porcupine.Operation{ClientId: 1, Input: -1, Output: a, Call: int64(c.sent), Return: int64(c.done)})
		}
	}
	return ops
}

// keyModel is a register that holds the number of a state.
func keyModel(history []state) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return 0 },
		Step: func(held, in, out any) (bool, any) {
			if i := in.(int); i >= 0 {
				return i == 0 || i == held.(int)+1, i
			}
			return out.(seen).fits(history[held.(int)]), held
		},
		Equal: func(a, b any) bool { return a == b },
	}
}

// inversion finds two answers that cannot both be right, for whoever has to
// mend what made them.
func inversion(history []state, calls []*call) string {
	// The states that an answer can have seen: from the last one that was
	// acknowledged before it was sent to the last that was begun before it came.
	window := func(c *call, a seen) (lo, hi int) {
		lo, hi = -1, -1
		for i, s := range history {
			if i+1 < len(history) && history[i+1].ack != pending && history[i+1].ack <= c.sent || s.begin > c.done || !a.fits(s) {
				continue
			}
			if hi = i; lo < 0 {
				lo = i
			}
		}
		return lo, hi
	}
	for _, c := range calls {
		a, ok := c.definite()
		if !ok {
			continue
		}
		lo, hi := window(c, a)
		if hi < 0 {
			return fmt.Sprintf(": %s answered %+v to a call of %v to %v, which no state explains", c.at.name, a, c.sent, c.done)
		}
		for _, later := range calls {
			b, ok := later.definite()
			if !ok || later.sent < c.done {
				continue
			}
			if _, newest := window(later, b); newest < lo {
				return fmt.Sprintf(": %s answered %+v to a call of %v to %v, and then %s %+v to one of %v to %v (changes to %q at %v, %v)",
					c.at.name, a, c.sent, c.done, later.at.name, b, later.sent, later.done, history[lo].rights, history[lo].begin, history[lo].ack)
			}
		}
	}
	return ""
}
