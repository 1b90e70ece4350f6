package authority_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"latchkey"
	"latchkey/internal/authority"
)

// recovery gives the owner recovery codes.
func (w *world) recovery(owner latchkey.Actor) []string {
	w.t.Helper()
	step, err := w.RenewRecovery(w.ctx, owner, password, once)
	w.must(err)
	return w.confirm(owner, step).RecoveryCodes
}

func paper(text string) authority.Answer { return authority.Answer{Recovery: text} }

func TestRecoveryCodeSignsInOnce(t *testing.T) {
	onEach(t, func(w *world) {
		codes := w.recovery(w.signIn(w.owner))
		knock := func(a authority.Answer) error {
			in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
			w.must(err)
			_, err = w.Confirm(w.ctx, w.who(in.Token), in.Step.Pending.ID, a)
			return err
		}
		w.must(knock(paper(strings.ToUpper(strings.ReplaceAll(codes[0], "-", " "))))) // as it is copied from paper
		w.refused(knock(paper(codes[0])), "wrong_code")
		w.refused(knock(paper("0000-0000-0000-0000")), "wrong_code")
		w.refused(knock(paper("0000")), "invalid_code")
		w.must(knock(paper(codes[1])))
		_, left, err := w.Factors(w.ctx, w.signIn(w.owner))
		w.must(err)
		is(w, "codes that are left", left, 8)
		used := w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActRecoveryUsed}})
		is(w, "uses that are recorded", len(used), 2)
	})
}

func TestRecoveryCodeWorksOnceAlsoAtOnce(t *testing.T) {
	w := newWorld(t)
	codes := w.recovery(w.signIn(w.owner))
	var halves []authority.SignedIn
	for range 5 {
		in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
		w.must(err)
		halves = append(halves, in)
	}
	var wins atomic.Int64
	crowd(5, 5, func(i int) {
		if _, err := w.Confirm(w.ctx, w.who(halves[i].Token), halves[i].Step.Pending.ID, paper(codes[0])); err == nil {
			wins.Add(1)
		}
	})
	is(w, "sign-ins by one code", wins.Load(), 1)
}

func TestRecoveryCodeIsForLostFactorsOnly(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	codes := w.recovery(owner)
	k, _ := w.create(owner, "bot-1")
	activate, err := w.Activate(w.ctx, owner, k.ID, k.Version)
	w.must(err)
	remove, err := w.Delete(w.ctx, owner, k.ID, k.Version)
	w.must(err)
	create, err := w.Create(w.ctx, owner, authority.NewKey{Name: "bot-2", Permissions: rt}, once)
	w.must(err)
	enrol, err := w.EnrolTOTP(w.ctx, owner, password, once)
	w.must(err)
	next := w.confirm(owner, enrol).Next
	for _, p := range []latchkey.Pending{w.edit(owner, k, rw).Pending, activate.Pending, remove.Pending, create.Pending, next.Pending} {
		_, err := w.Confirm(w.ctx, owner, p.ID, paper(codes[0]))
		w.refused(err, "recovery_not_accepted")
		is(w, "evaluations of "+string(p.Operation), w.pending(p.ID).Attempts, 0)
	}
	is(w, "version", w.stored(k.ID).Version, k.Version)
}

func TestRecoveryCodeReplacesALostFactor(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	codes := w.recovery(owner)
	by := func(n int, step authority.Step, err error) authority.Outcome {
		t.Helper()
		w.must(err)
		out, err := w.Confirm(w.ctx, owner, step.Pending.ID, paper(codes[n]))
		w.must(err)
		return out
	}
	step, err := w.EnrolTOTP(w.ctx, owner, password, once)
	added := w.confirm(owner, *by(0, step, err).Next)
	step, err = w.RemoveFactor(w.ctx, owner, w.app.ID, password)
	by(1, step, err)
	all, left, err := w.Factors(w.ctx, owner)
	w.must(err)
	is(w, "factor that is left", all[0].ID, added.Factor.ID)
	is(w, "codes that are left", left, 8)
	step, err = w.RenewRecovery(w.ctx, owner, password, once)
	fresh := by(2, step, err).RecoveryCodes
	is(w, "new codes", len(fresh), 10)
	step, err = w.RenewRecovery(w.ctx, owner, password, once)
	w.must(err)
	_, err = w.Confirm(w.ctx, owner, step.Pending.ID, paper(codes[3])) // of the old paper
	w.refused(err, "wrong_code")
	for _, kind := range []latchkey.ActivityType{latchkey.ActFactorRemoved, latchkey.ActRecoveryRenewed} {
		acts := w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{kind}})
		is(w, "entry says how it was allowed", strings.Contains(acts[len(acts)-1].Note, "recovery code"), true)
	}
}

func TestRecoveryCodeOfAnotherMemberIsWorthNothing(t *testing.T) {
	w := newWorld(t)
	codes := w.recovery(w.signIn(w.owner))
	w.enrolApp(w.sub)
	in, err := w.SignIn(w.ctx, home, w.sub.Email, password)
	w.must(err)
	_, err = w.Confirm(w.ctx, w.who(in.Token), in.Step.Pending.ID, paper(codes[0]))
	w.refused(err, "wrong_code")
}
