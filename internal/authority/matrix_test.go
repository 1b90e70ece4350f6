package authority_test

import (
	"fmt"
	"testing"

	"latchkey"
	"latchkey/internal/authority"
)

// the statuses and operations of the table, and none that is not in it.
var (
	statuses   = []latchkey.Status{latchkey.StatusNone, latchkey.StatusInactive, latchkey.StatusActive, latchkey.StatusDeleted}
	operations = []latchkey.Operation{latchkey.OpCreate, latchkey.OpActivate, latchkey.OpDeactivate, latchkey.OpEdit, latchkey.OpDelete}
)

// ask does an operation on a key as an actor: at once, or through its pending.
func (w *world) ask(op latchkey.Operation, actor latchkey.Actor, k latchkey.Key) error {
	w.t.Helper()
	var step authority.Step
	var err error
	to := k.Permissions ^ latchkey.FundsInternal
	switch op {
	case latchkey.OpCreate:
		step, err = w.Create(w.ctx, actor, authority.NewKey{Name: latchkey.NewID("n"), Permissions: rt}, authority.Idempotency{})
	case latchkey.OpActivate:
		step, err = w.Activate(w.ctx, actor, k.ID, k.Version)
	case latchkey.OpDeactivate:
		_, _, err = w.Deactivate(w.ctx, actor, k.ID)
		return err
	case latchkey.OpEdit:
		step, err = w.Edit(w.ctx, actor, k.ID, k.Version, latchkey.Edit{Permissions: &to})
	case latchkey.OpDelete:
		step, err = w.Delete(w.ctx, actor, k.ID, k.Version)
	}
	if err != nil {
		return err
	}
	_, err = w.Confirm(w.ctx, actor, step.Pending.ID, code(w.right(step.Pending.ID)))
	return err
}

// put makes a key of that status by the operator.
func (w *world) put(account latchkey.Account, s latchkey.Status) latchkey.Key {
	w.t.Helper()
	if s == latchkey.StatusNone {
		return latchkey.Key{ID: latchkey.NewKeyID(), Version: 1, Permissions: rt}
	}
	k, _, err := w.Operator().CreateKey(w.ctx, account, authority.NewKey{Name: latchkey.NewID("n"), Permissions: rt})
	w.must(err)
	switch s {
	case latchkey.StatusActive:
		k, _, err = w.Operator().Move(w.ctx, k.ID, latchkey.OpActivate)
	case latchkey.StatusDeleted:
		k, _, err = w.Operator().Move(w.ctx, k.ID, latchkey.OpDelete)
	}
	w.must(err)
	return k
}

// row is status and version of a key, whether deleted or not.
func (w *world) row(id string) string {
	var s string
	var v int
	if err := w.database().QueryRowContext(w.ctx, "SELECT status, version FROM api_key WHERE id = $1", id).Scan(&s, &v); err != nil {
		return "none"
	}
	return fmt.Sprint(s, " ", v)
}

// cell is what the owner must get: the table's next status, or its refusal.
func cell(op latchkey.Operation, s latchkey.Status) (to latchkey.Status, refusal string) {
	rule, err := latchkey.RuleFor(op, s)
	if err != nil {
		return "", latchkey.Code(err)
	}
	return rule.To, ""
}

func TestEveryCellAndEveryMissingCellOfTheLife(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.KeysPerAccount = 1000
	w.config.Limits.CodesHourly = 1000
	w.Authority = authority.New(w.config)
	owner := w.signIn(w.owner)
	stranger := w.strangers(owner)
	for _, op := range operations {
		for _, s := range statuses {
			if op == latchkey.OpCreate && s != latchkey.StatusNone {
				continue // a creation names no key that there is
			}
			t.Run(string(op)+" "+string(s), func(t *testing.T) {
				inner := *w
				inner.t = t
				inner.cellOf(op, s, owner, stranger)
			})
		}
	}
}

// strangers are all who must not change the owner's keys, with the code that
// each gets for a key that exists.
func (w *world) strangers(owner latchkey.Actor) map[string]stranger {
	w.t.Helper()
	_, rival := w.tenant("Southwind", "rival@example.com")
	w.enrolApp(rival)
	in, err := w.SignIn(w.ctx, authority.Visitor{IP: "192.0.2.8"}, w.owner.Email, password)
	w.must(err)
	forged := owner
	forged.Source = latchkey.SourceOperator
	cut := owner
	cut.SessionID = ""
	return map[string]stranger{
		"sub-user":                  {w.signIn(w.sub), "forbidden"},
		"owner of another account":  {w.signIn(rival), "key_not_found"},
		"owner before the 2nd step": {w.who(in.Token), "forbidden"},
		"operator without the door": {forged, "forbidden"},
		"owner without a session":   {cut, "forbidden"},
		"nobody":                    {latchkey.Actor{}, "forbidden"},
	}
}

type stranger struct {
	latchkey.Actor
	code string
}

func (w *world) cellOf(op latchkey.Operation, s latchkey.Status, owner latchkey.Actor, strangers map[string]stranger) {
	w.t.Helper()
	k := w.put(w.account, s)
	before := w.row(k.ID)
	for who, x := range strangers {
		if op == latchkey.OpCreate && x.code == "key_not_found" {
			continue // may well create keys of its own
		}
		if err := w.ask(op, x.Actor, k); latchkey.Code(err) != x.code || err == nil {
			w.t.Errorf("%s as %s: error %v, want code %q", op, who, err, x.code)
		}
		is(w, "key after "+who, w.row(k.ID), before)
	}
	to, refusal := cell(op, s)
	waiting := "SELECT count(*) FROM pending WHERE key_id = '" + k.ID + "'"
	is(w, "what strangers began", w.count(waiting), 0)
	err := w.ask(op, owner, k)
	if refusal != "" {
		w.refused(err, refusal)
		is(w, "key after a missing cell", w.row(k.ID), before)
		is(w, "what was begun for a missing cell", w.count(waiting), 0)
		return
	}
	w.must(err)
	if op != latchkey.OpCreate {
		is(w, "key after the owner", w.row(k.ID), fmt.Sprint(to, " ", k.Version+1))
	}
}

func TestEveryCellThroughTheOperatorsDoor(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.KeysPerAccount = 1000
	w.Authority = authority.New(w.config)
	for _, op := range operations {
		for _, s := range statuses {
			t.Run(string(op)+" "+string(s), func(t *testing.T) {
				inner := *w
				inner.t = t
				inner.cellOfOperator(op, s)
			})
		}
	}
}

func (w *world) cellOfOperator(op latchkey.Operation, s latchkey.Status) {
	w.t.Helper()
	k := w.put(w.account, s)
	before := w.row(k.ID)
	_, _, err := w.Operator().Move(w.ctx, k.ID, op)
	to, refusal := cell(op, s)
	if op == latchkey.OpCreate || op == latchkey.OpEdit {
		refusal = "invalid_operation" // a creation has its own method, an edit none
	}
	if refusal != "" {
		w.refused(err, refusal)
		is(w, "key after a missing cell", w.row(k.ID), before)
		return
	}
	w.must(err)
	is(w, "key after the operator", w.row(k.ID), fmt.Sprint(to, " ", k.Version+1))
}

func TestKeysAndRecordsAreTheOwnersAlone(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k := w.put(w.account, latchkey.StatusActive)
	strangers := w.strangers(owner)
	rival := strangers["owner of another account"].Actor
	delete(strangers, "owner of another account")
	for who, x := range strangers {
		for what, read := range map[string]func() error{
			"Keys":         func() error { _, err := w.Keys(w.ctx, x.Actor); return err },
			"Key":          func() error { _, err := w.Key(w.ctx, x.Actor, k.ID); return err },
			"RefusedCalls": func() error { _, err := w.RefusedCalls(w.ctx, x.Actor, k.ID, 0, 10); return err },
			"Activities":   func() error { _, err := w.Activities(w.ctx, x.Actor, latchkey.ActivityQuery{}); return err },
			"Members":      func() error { _, err := w.Members(w.ctx, x.Actor); return err },
		} {
			if err := read(); latchkey.Code(err) != "forbidden" {
				t.Errorf("%s as %s: error %v, want forbidden", what, who, err)
			}
		}
	}
	_, err := w.RefusedCalls(w.ctx, rival, k.ID, 0, 10)
	w.refused(err, "key_not_found")
	keys, err := w.Keys(w.ctx, rival)
	w.must(err)
	is(w, "keys that the rival sees", len(keys), 0)
	all, err := w.Activities(w.ctx, rival, latchkey.ActivityQuery{AccountID: w.account.ID, Limit: 1000})
	w.must(err)
	for _, a := range all {
		if a.AccountID == w.account.ID {
			t.Fatalf("the rival reads %+v", a)
		}
	}
}
