package authority_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/authority"
)

// everything is what a thief would like an edit to grant.
const everything = rt | latchkey.FundsInternal | latchkey.FundsWallet | latchkey.FundsExternal

func sameRow(a, b pendingRow) bool { return cmp.Equal(a, b) }

// write puts columns of one pending's row into another's.
func (w *world) write(id string, from pendingRow, columns []string) {
	w.t.Helper()
	for _, c := range columns {
		w.raw("UPDATE pending SET "+c+" = $2 WHERE id = $1", id, from[c])
	}
}

// linked are the columns that say what a pending is good for; the progress of
// one, and which factor is asked, are not part of that.
var linked = []string{"account_id", "member_id", "session_id", "operation", "key_id", "key_version", "draft", "digest", "proof", "new_secret"}

// The attack: the owner waits with two operations, a harmless one and another.
// Whoever writes to the database swaps what they stand for, in one column or in
// all, so that the code for the one carries out the other (PSD2 RTS, 5).
func TestTwoPendingsCannotTradePlaces(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.KeysPerAccount, w.config.Limits.CodesHourly, w.config.Limits.WrongCodesHourly = 1000, 1000, 1000
	w.Authority = authority.New(w.config)
	owner := w.signIn(w.owner)
	mutants := 0
	for _, first := range w.kinds(owner) {
		a, b := first.open().Pending, w.edit(owner, w.put(w.account, latchkey.StatusActive), everything).Pending
		mutants += w.swaps(owner, a, b)
		if t.Failed() {
			t.Fatalf("an edit and this were swapped: %s", first.name)
		}
		w.must(w.Cancel(w.ctx, owner, a.ID))
		w.must(w.Cancel(w.ctx, owner, b.ID))
	}
	if mutants < 150 {
		t.Errorf("only %d swaps were tried", mutants)
	}
	t.Logf("%d swaps", mutants)
}

// swaps exchanges what two pendings stand for in every column that differs, in
// all of them, and in all but the digest, and confirms both.
func (w *world) swaps(owner latchkey.Actor, a, b latchkey.Pending) (mutants int) {
	w.t.Helper()
	rowA, rowB, before := w.rowOf(a.ID), w.rowOf(b.ID), w.content()
	var sets [][]string
	for _, c := range linked {
		if !cmp.Equal(rowA[c], rowB[c]) {
			sets = append(sets, []string{c})
		}
	}
	sets = append(sets, linked, slices.DeleteFunc(slices.Clone(linked), func(c string) bool { return c == "digest" }))
	for _, set := range sets {
		answers := map[string]authority.Answer{a.ID: code(w.right(a.ID)), b.ID: code(w.right(b.ID))}
		w.write(a.ID, rowB, set)
		w.write(b.ID, rowA, set)
		for _, id := range []string{a.ID, b.ID} {
			for _, answer := range answers {
				mutants++
				if _, err := w.Confirm(w.ctx, owner, id, answer); err == nil {
					w.t.Errorf("with %v swapped, a pending was confirmed", set)
				}
			}
		}
		w.restore(a.ID, rowA)
		w.restore(b.ID, rowB)
	}
	if diff := cmp.Diff(before, w.content()); diff != "" {
		w.t.Errorf("something changed (-before +after):\n%s", diff)
	}
	return mutants
}

// Operations on one version of a key, confirmed in another order than they were
// shown in: the first one wins, and what was shown beside it is void, because
// it was not shown for what the key is by then.
func TestOfOperationsOnOneVersionOnlyOneHappens(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.KeysPerAccount, w.config.Limits.CodesHourly, w.config.Limits.WrongCodesHourly = 1000, 1000, 1000
	w.Authority = authority.New(w.config)
	owner := w.signIn(w.owner)
	begin := map[string]func(k latchkey.Key) (authority.Step, error){
		"activate": func(k latchkey.Key) (authority.Step, error) { return w.Activate(w.ctx, owner, k.ID, k.Version) },
		"delete":   func(k latchkey.Key) (authority.Step, error) { return w.Delete(w.ctx, owner, k.ID, k.Version) },
		"edit":     func(k latchkey.Key) (authority.Step, error) { return w.edit(owner, k, latchkey.Read), nil },
		"widen":    func(k latchkey.Key) (authority.Step, error) { return w.edit(owner, k, rw), nil },
	}
	orders := 0
	for first, openFirst := range begin {
		for second, openSecond := range begin {
			k := w.put(w.account, latchkey.StatusInactive)
			a, err := openFirst(k)
			w.must(err)
			b, err := openSecond(k)
			w.must(err)
			w.confirm(owner, b) // the one that was shown last is confirmed first
			after := w.row(k.ID)
			_, err = w.Confirm(w.ctx, owner, a.Pending.ID, code(w.right(a.Pending.ID)))
			if want := map[bool]string{true: "key_not_found", false: "key_changed"}[second == "delete"]; latchkey.Code(err) != want {
				t.Errorf("%s after %s: error %v, want code %q", first, second, err, want)
			}
			is(w, fmt.Sprintf("key after %s and %s", second, first), w.row(k.ID), after)
			orders++
		}
	}
	is(w, "orders", orders, 16)
}
