package authority_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/verify"
)

const (
	rt = latchkey.Read | latchkey.Trade
	rw = latchkey.Read | latchkey.FundsWallet
)

func TestWholeLifeOfAKey(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		mark := len(w.activities(latchkey.ActivityQuery{}))

		step, err := w.Create(w.ctx, owner, authority.NewKey{Name: "bot-1", Permissions: rt}, authority.Idempotency{})
		w.must(err)
		is(w, "proof of a creation", step.Pending.Proof, latchkey.ProofSecondFactor)
		is(w, "factor that is asked first", step.Pending.FactorKind, latchkey.FactorTOTP)
		none, err := w.Keys(w.ctx, owner)
		w.must(err)
		is(w, "keys before the proof", len(none), 0)
		made := w.confirm(owner, step)
		k, secret := *made.Key, made.Secret
		w.inForce(made)
		is(w, "status of a new key", k.Status, latchkey.StatusInactive)
		is(w, "call with a new key", w.call(k, secret, latchkey.Read), verify.KeyNotActivated)

		step, err = w.Activate(w.ctx, owner, k.ID, k.Version)
		w.must(err)
		is(w, "proof of an activation", step.Pending.Proof, latchkey.ProofEmailCode)
		active := w.confirm(owner, step)
		w.inForce(active)
		is(w, "call with an active key", w.call(k, secret, latchkey.Trade), verify.Allowed)
		is(w, "secret in later answers", active.Secret, "")

		list, err := latchkey.NewAllowlist([]string{"203.0.113.9"})
		w.must(err)
		to := rw
		step, err = w.Edit(w.ctx, owner, k.ID, active.Key.Version, latchkey.Edit{Permissions: &to, Allowlist: &list})
		w.must(err)
		is(w, "call while the edit waits", w.call(k, secret, latchkey.Trade), verify.Allowed)
		edited := w.confirm(owner, step)
		w.inForce(edited)
		is(w, "call after the edit", w.call(k, secret, latchkey.Trade), verify.KeyNotActivated)
		is(w, "stored allowlist", w.stored(k.ID).Allowlist.String(), "203.0.113.9")

		step, err = w.Activate(w.ctx, owner, k.ID, edited.Key.Version)
		w.must(err)
		w.inForce(w.confirm(owner, step))
		is(w, "call with the new right", w.call(k, secret, latchkey.FundsWallet), verify.Allowed)
		is(w, "call with the old right", w.call(k, secret, latchkey.Trade), verify.PermissionMissing)

		stopped, receipt, err := w.Deactivate(w.ctx, owner, k.ID)
		w.must(err)
		is(w, "nodes that confirmed", receipt.Confirmed, 1)
		is(w, "call after the deactivation", w.call(k, secret, latchkey.Read), verify.KeyNotActivated)

		step, err = w.Delete(w.ctx, owner, k.ID, stopped.Version)
		w.must(err)
		w.inForce(w.confirm(owner, step))
		is(w, "call with a deleted key", w.call(k, secret, latchkey.Read), verify.Unauthorized)
		_, err = w.Key(w.ctx, owner, k.ID)
		w.refused(err, "key_not_found")

		w.lifeIsRecorded(k, mark)
		sent := map[latchkey.LetterKind]int{}
		for _, l := range w.letters() {
			sent[l.Kind]++
		}
		is(w, "codes by e-mail", sent[latchkey.LetterCode], 2)
		is(w, "notices to the owner", sent[latchkey.LetterNotice], 6)
	})
}

// inForce demands that every gateway node has confirmed.
func (w *world) inForce(out authority.Outcome) {
	w.t.Helper()
	if out.Receipt.Nodes != 1 || out.Receipt.Confirmed != 1 {
		w.t.Fatalf("receipt = %+v, want 1 of 1", out.Receipt)
	}
}

// lifeIsRecorded looks at the entries that the life above has left.
func (w *world) lifeIsRecorded(k latchkey.Key, mark int) {
	w.t.Helper()
	var got []latchkey.ActivityType
	for _, a := range w.activities(latchkey.ActivityQuery{})[mark:] {
		got = append(got, a.Type)
		if a.Source != latchkey.SourceConsole || a.MemberID != w.owner.ID || a.IP != "192.0.2.7" || a.Subject != "bot-1" {
			w.t.Errorf("%s does not say who did what from where: %+v", a.Type, a)
		}
		if a.KeyID != k.ID && a.Seq != w.activities(latchkey.ActivityQuery{})[mark].Seq {
			w.t.Errorf("%s does not name the key: %+v", a.Type, a)
		}
	}
	want := []latchkey.ActivityType{
		latchkey.ActPendingOpened, latchkey.ActKeyCreated, latchkey.ActPendingOpened, latchkey.ActKeyActivated,
		latchkey.ActPendingOpened, latchkey.ActKeyEdited, latchkey.ActPendingOpened, latchkey.ActKeyActivated,
		latchkey.ActKeyDeactivated, latchkey.ActPendingOpened, latchkey.ActKeyDeleted,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Fatalf("activities (-want +got):\n%s", diff)
	}
	changes := []latchkey.Change{{Field: "permissions", Old: "Read, Trade", New: "Read, Funds Wallet"}, {Field: "allowlist", Old: "any address", New: "203.0.113.9"}}
	acts := w.activities(latchkey.ActivityQuery{})[mark:]
	for i, a := range acts {
		if a.Type != latchkey.ActKeyEdited {
			continue
		}
		for _, entry := range []latchkey.Activity{acts[i-1], a} { // when it was asked for, and when it was done
			if diff := cmp.Diff(changes, entry.Changes); diff != "" {
				w.t.Fatalf("diff of the edit in %s (-want +got):\n%s", entry.Type, diff)
			}
		}
	}
	if _, err := w.store.VerifyActivity(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

// stillAs demands that neither the database nor the gateway knows of a change.
func (w *world) stillAs(k latchkey.Key, secret latchkey.Secret) {
	w.t.Helper()
	exact := cmp.Comparer(func(a, b latchkey.Allowlist) bool { return a.Equal(b) })
	if diff := cmp.Diff(k, w.stored(k.ID), exact); diff != "" {
		w.t.Fatalf("the key changed (-want +got):\n%s", diff)
	}
	is(w, "call with the rights of before", w.call(k, secret, latchkey.Trade), verify.Allowed)
}

func TestEditThatIsNotConfirmedChangesNothing(t *testing.T) {
	for name, end := range map[string]struct {
		do   func(w *world, owner latchkey.Actor, id string)
		then string // what a right code gets afterwards
	}{
		"cancelled": {func(w *world, owner latchkey.Actor, id string) { w.must(w.Cancel(w.ctx, owner, id)) }, "pending_cancelled"},
		"expired":   {func(w *world, _ latchkey.Actor, _ string) { w.clock.Advance(15 * time.Minute) }, "pending_expired"},
		"failed five times": {func(w *world, owner latchkey.Actor, id string) {
			for i := range 5 {
				_, err := w.Confirm(w.ctx, owner, id, w.wrong(id))
				w.refused(err, map[bool]string{true: "pending_dead", false: "wrong_code"}[i == 4])
			}
		}, "pending_dead"},
		"cancelled twice": {func(w *world, owner latchkey.Actor, id string) {
			w.must(w.Cancel(w.ctx, owner, id))
			w.refused(w.Cancel(w.ctx, owner, id), "pending_cancelled")
		}, "pending_cancelled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			owner := w.signIn(w.owner)
			k, secret := w.active(owner, "bot-1")
			step := w.edit(owner, k, rw)
			answer := code(w.right(step.Pending.ID))
			end.do(w, owner, step.Pending.ID)
			if name != "expired" {
				answer = code(w.right(step.Pending.ID))
			}
			_, err := w.Confirm(w.ctx, owner, step.Pending.ID, answer)
			w.refused(err, end.then)
			w.stillAs(k, secret)
			is(w, "an edit is recorded", slices.Contains(w.types(), latchkey.ActKeyEdited), false)
		})
	}
}

func TestPendingLivesFifteenMinutes(t *testing.T) {
	for after, want := range map[time.Duration]string{14*time.Minute + 59*time.Second: "", 15 * time.Minute: "pending_expired"} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			owner := w.signIn(w.owner)
			k, _ := w.active(owner, "bot-1")
			step := w.edit(owner, k, rw)
			w.clock.Advance(after - 30*time.Second)
			answer := code(w.right(step.Pending.ID)) // 30 s later
			_, err := w.Confirm(w.ctx, owner, step.Pending.ID, answer)
			if latchkey.Code(err) != want || (want == "" && err != nil) {
				t.Fatalf("after %s: %v, want code %q", after, err, want)
			}
		})
	}
}

func TestOldVersionOpensNothing(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.active(owner, "bot-1") // version 2
	to := rw
	for _, version := range []int64{0, 1, 3, -1} {
		_, err := w.Edit(w.ctx, owner, k.ID, version, latchkey.Edit{Permissions: &to})
		w.refused(err, "key_changed")
		_, err = w.Activate(w.ctx, owner, k.ID, version)
		w.refused(err, "key_changed")
		_, err = w.Delete(w.ctx, owner, k.ID, version)
		w.refused(err, "key_changed")
	}
}

func TestEditThatChangesNothingIsRefused(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.active(owner, "bot-1")
	same, none := rt, latchkey.Trade
	_, err := w.Edit(w.ctx, owner, k.ID, k.Version, latchkey.Edit{Permissions: &same})
	w.refused(err, "nothing_changed")
	_, err = w.Edit(w.ctx, owner, k.ID, k.Version, latchkey.Edit{Permissions: &none})
	w.refused(err, "invalid_permissions")
}

func TestKeyThatChangedVoidsThePending(t *testing.T) {
	for name, change := range map[string]func(w *world, k latchkey.Key){
		"deactivated by the owner": func(w *world, k latchkey.Key) { _, _, err := w.Deactivate(w.ctx, w.signIn(w.owner), k.ID); w.must(err) },
		"deactivated by the operator": func(w *world, k latchkey.Key) {
			_, _, err := w.Operator().Move(w.ctx, k.ID, latchkey.OpDeactivate)
			w.must(err)
		},
		"deleted by the operator": func(w *world, k latchkey.Key) {
			_, _, err := w.Operator().Move(w.ctx, k.ID, latchkey.OpDelete)
			w.must(err)
		},
		"edited and activated by the owner": func(w *world, k latchkey.Key) {
			owner := w.signIn(w.owner)
			edited := *w.confirm(owner, w.edit(owner, k, latchkey.Read)).Key
			step, err := w.Activate(w.ctx, owner, k.ID, edited.Version)
			w.must(err)
			w.confirm(owner, step)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			owner := w.signIn(w.owner)
			k, _ := w.active(owner, "bot-1")
			step := w.edit(owner, k, rw)
			change(w, k)
			before := w.types()
			first := "key_changed"
			if strings.HasPrefix(name, "deleted") {
				first = "key_not_found"
			}
			_, err := w.Confirm(w.ctx, owner, step.Pending.ID, code(w.right(step.Pending.ID)))
			w.refused(err, first)
			_, err = w.Confirm(w.ctx, owner, step.Pending.ID, code(w.right(step.Pending.ID)))
			w.refused(err, "key_changed")
			shown, err := w.Pending(w.ctx, owner, step.Pending.ID)
			w.must(err)
			is(w, "state of the pending", shown.Pending.State, latchkey.PendingVoid)
			if diff := cmp.Diff(append(before, latchkey.ActPendingCancelled), w.types()); diff != "" {
				t.Fatalf("activities (-want +got):\n%s", diff)
			}
		})
	}
}

func TestOfTwoEditsAtOnceExactlyOneWins(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		phone := w.enrolPhone(owner, "+35312345678")
		for range 5 {
			k, _ := w.create(owner, latchkey.NewID("bot"))
			errs := make([]error, 2)
			var steps [2]authority.Step
			for i, to := range []latchkey.Permissions{rw, latchkey.Read} {
				steps[i] = w.edit(owner, k, to)
			}
			// One by SMS, one by the app: a TOTP code would work once only anyway.
			sms, err := w.Choose(w.ctx, owner, steps[0].Pending.ID, phone.ID)
			w.must(err)
			answers := []authority.Answer{code(w.right(sms.Pending.ID)), code(w.right(steps[1].Pending.ID))}
			var both sync.WaitGroup
			for i := range steps {
				both.Go(func() { _, errs[i] = w.Confirm(w.ctx, owner, steps[i].Pending.ID, answers[i]) })
			}
			both.Wait()
			winner := slices.Index(errs, nil)
			if winner < 0 || (errs[0] == nil) == (errs[1] == nil) {
				w.t.Fatalf("errors = %v, want exactly one success", errs)
			}
			w.refused(errs[1-winner], "key_changed")
			got := w.stored(k.ID)
			is(w, "version", got.Version, k.Version+1)
			is(w, "permissions of the winner", got.Permissions, steps[winner].Pending.Draft.Permissions)
			_, _, err = w.Operator().Move(w.ctx, k.ID, latchkey.OpDelete)
			w.must(err)
		}
	})
}
