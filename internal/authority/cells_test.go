package authority_test

import (
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// What can happen to a pending, and where it can stand by then. The life of the
// key itself is in matrix_test.go.
var (
	pendingEvents = []string{"show", "choose", "resend", "wrong code", "right code", "cancel"}
	pendingStates = []string{"open", "confirmed", "cancelled", "dead", "expired", "void"}
)

// afterwards is the refusal of every event but "show" on a pending that is not
// open any more, written out by hand.
var afterwards = map[string]string{
	"confirmed": "pending_confirmed", "cancelled": "pending_cancelled", "dead": "pending_dead",
	"expired": "pending_expired", "void": "key_changed",
}

// pendingKind is one kind of pending and what its owner gets while it is open.
type pendingKind struct {
	name           string
	open           func() authority.Step
	choose, resend string // code of the refusal; "" is done
	key            bool   // is about a key that exists, and so can become void
}

// kinds of everything that waits for a proof, each on something new.
func (w *world) kinds(owner latchkey.Actor) []pendingKind {
	w.t.Helper()
	step := func(s authority.Step, err error) authority.Step {
		w.t.Helper()
		w.must(err)
		return s
	}
	phone := w.enrolPhone(owner, "+35312345678")
	active := func() latchkey.Key { return w.put(w.account, latchkey.StatusActive) }
	return []pendingKind{
		{"create", func() authority.Step {
			return step(w.Create(w.ctx, owner, authority.NewKey{Name: latchkey.NewID("n"), Permissions: rt}, once))
		}, "", "no_code_to_send", false},
		{"activate", func() authority.Step {
			k := w.put(w.account, latchkey.StatusInactive)
			return step(w.Activate(w.ctx, owner, k.ID, k.Version))
		}, "no_choice", "resend_too_early", true},
		{"edit", func() authority.Step { return w.edit(owner, active(), rw) }, "", "no_code_to_send", true},
		{"edit by SMS", func() authority.Step {
			return step(w.Choose(w.ctx, owner, w.edit(owner, active(), rw).Pending.ID, phone.ID))
		}, "", "resend_too_early", true},
		{"delete", func() authority.Step {
			k := active()
			return step(w.Delete(w.ctx, owner, k.ID, k.Version))
		}, "", "no_code_to_send", true},
		{"enrol", func() authority.Step { return step(w.EnrolPhone(w.ctx, owner, password, "+35387654321", once)) }, "", "no_code_to_send", false},
		{"new recovery codes", func() authority.Step { return step(w.RenewRecovery(w.ctx, owner, password, once)) }, "", "no_code_to_send", false},
	}
}

// bring takes an open pending to a state.
func (w *world) bring(owner latchkey.Actor, p latchkey.Pending, state string) {
	w.t.Helper()
	switch state {
	case "confirmed":
		_, err := w.Confirm(w.ctx, owner, p.ID, code(w.right(p.ID)))
		w.must(err)
	case "cancelled":
		w.must(w.Cancel(w.ctx, owner, p.ID))
	case "dead":
		for range 5 {
			if _, err := w.Confirm(w.ctx, owner, p.ID, w.wrong(p.ID)); err == nil {
				w.t.Fatal("a wrong code was taken")
			}
		}
	case "expired":
		w.clock.Advance(15 * time.Minute)
	case "void":
		_, _, err := w.Operator().Move(w.ctx, p.KeyID, latchkey.OpDelete)
		w.must(err)
		_, err = w.Confirm(w.ctx, owner, p.ID, code(w.right(p.ID)))
		w.refused(err, "key_not_found")
	}
}

// happen lets an actor do something to a pending.
func (w *world) happen(actor latchkey.Actor, id, event string) error {
	w.t.Helper()
	var err error
	switch event {
	case "show":
		_, err = w.Pending(w.ctx, actor, id)
	case "choose":
		_, err = w.Choose(w.ctx, actor, id, w.app.ID)
	case "resend":
		_, err = w.Resend(w.ctx, actor, id)
	case "wrong code":
		_, err = w.Confirm(w.ctx, actor, id, w.wrong(id))
	case "right code":
		_, err = w.Confirm(w.ctx, actor, id, w.proof(id))
	case "cancel":
		err = w.Cancel(w.ctx, actor, id)
	}
	return err
}

// proof is the right answer, also to a pending whose code is gone with its end.
func (w *world) proof(id string) authority.Answer {
	w.t.Helper()
	if p, err := w.store.Pending(w.ctx, id); err == nil && p.SendsCode() && p.Code == "" {
		return code("123456")
	}
	return code(w.right(id))
}

// expected is what the session that began a pending gets.
func (k pendingKind) expected(state, event string) string {
	switch {
	case event == "show":
		return ""
	case state != "open":
		return afterwards[state]
	}
	return map[string]string{"choose": k.choose, "resend": k.resend, "wrong code": "wrong_code"}[event]
}

// foreigners are all who have nothing to do with the owner's pendings.
func (w *world) foreigners(owner latchkey.Actor) map[string]stranger {
	w.t.Helper()
	all := w.strangers(owner)
	delete(all, "owner without a session")
	moved, late := owner, owner
	moved.AccountID = "acc_other"
	late.SessionID = "ses_ended"
	for who, x := range all {
		switch who {
		case "sub-user", "owner of another account":
			x.code = "not_found"
		case "owner before the 2nd step":
			x.code = "other_session"
		}
		all[who] = x
	}
	all["another session of the owner"] = stranger{w.signIn(w.owner), "other_session"}
	all["the owner in another account"] = stranger{moved, "not_found"}
	all["a session that is over"] = stranger{late, "other_session"}
	return all
}

// Every state, every event, every actor: what is not written down as possible
// is refused, with its reason, and leaves no trace.
func TestEveryCellOfAPending(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.KeysPerAccount, w.config.Limits.CodesHourly, w.config.Limits.WrongCodesHourly = 1000, 10_000, 10_000
	w.config.Limits.SessionLife = 10_000 * time.Hour
	w.config.Limits.SMS, w.config.Limits.PendingsHourly = plenty, 100_000
	w.Authority = authority.New(w.config)
	owner := w.signIn(w.owner)
	foreign := w.foreigners(owner)
	kinds := w.kinds(owner)
	if testing.Short() {
		kinds = kinds[:2] // the race detector looks for something else, slowly
	}
	cells, want := 0, 0
	for _, kind := range kinds {
		for _, state := range pendingStates {
			if state == "void" && !kind.key {
				continue
			}
			want += len(pendingEvents) * (1 + 8) // the owner and eight others
			cells += w.foreignCells(kind, state, owner, foreign)
			cells += w.ownCells(kind, state, owner)
		}
	}
	if cells != want || !testing.Short() && cells != 2106 {
		t.Errorf("%d cells, want %d", cells, want)
	}
	t.Logf("%d cells", cells)
}

// ownCells tries every event of the session that began the pending, each on a
// new one.
func (w *world) ownCells(kind pendingKind, state string, owner latchkey.Actor) (cells int) {
	w.t.Helper()
	for _, event := range pendingEvents {
		p := kind.open().Pending
		w.bring(owner, p, state)
		before := w.content()
		err, want := w.happen(owner, p.ID, event), kind.expected(state, event)
		if latchkey.Code(err) != want || (err == nil) != (want == "") {
			w.t.Errorf("%s, %s, %s by its owner: error %v, want code %q", kind.name, state, event, err, want)
		}
		done := state == "open" && event == "right code"
		if changed := w.content() != before; changed != done {
			w.t.Errorf("%s, %s, %s by its owner: something changed is %v", kind.name, state, event, changed)
		}
		if !done && state == "open" {
			_ = w.Cancel(w.ctx, owner, p.ID)
		}
		cells++
	}
	return cells
}

// foreignCells tries every event of everybody else: nothing at all changes.
func (w *world) foreignCells(kind pendingKind, state string, owner latchkey.Actor, foreign map[string]stranger) (cells int) {
	w.t.Helper()
	p := kind.open().Pending
	w.bring(owner, p, state)
	before, row := w.content(), w.rowOf(p.ID)
	for who, x := range foreign {
		for _, event := range pendingEvents {
			if err := w.happen(x.Actor, p.ID, event); err == nil || latchkey.Code(err) != x.code {
				w.t.Errorf("%s, %s, %s by %s: error %v, want code %q", kind.name, state, event, who, err, x.code)
			}
			cells++
		}
		if w.content() != before || !sameRow(row, w.rowOf(p.ID)) {
			w.t.Errorf("%s, %s: something changed after %s", kind.name, state, who)
		}
	}
	if state == "open" {
		_ = w.Cancel(w.ctx, owner, p.ID)
	}
	return cells
}
