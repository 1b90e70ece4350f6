package authority_test

import (
	"errors"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/verify"
)

// errLost is what a broken connection looks like: nobody knows what happened.
var errLost = errors.New("connection reset by peer")

// touch lists what can be done with a pending; each must be refused.
func (w *world) touch(a *authority.Authority, actor latchkey.Actor, id, factor string) map[string]error {
	w.t.Helper()
	_, confirm := a.Confirm(w.ctx, actor, id, code(w.right(id)))
	_, show := a.Pending(w.ctx, actor, id)
	_, choose := a.Choose(w.ctx, actor, id, factor)
	_, resend := a.Resend(w.ctx, actor, id)
	return map[string]error{"Confirm": confirm, "Pending": show, "Choose": choose, "Resend": resend, "Cancel": a.Cancel(w.ctx, actor, id)}
}

func TestPendingIsBoundToSessionMemberAndAccount(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		k, secret := w.active(owner, "bot-1")
		step := w.edit(owner, k, rw)
		_, rival := w.tenant("Southwind", "rival@example.com")
		w.enrolApp(rival)
		half, err := w.SignIn(w.ctx, authority.Visitor{IP: "192.0.2.8"}, w.owner.Email, password)
		w.must(err)
		mine := w.who(half.Token)
		mine.SessionID = owner.SessionID // the session, but as it was before its second step
		forged := owner
		forged.Source = latchkey.SourceOperator
		moved := owner
		moved.AccountID = "acc_other"
		for name, x := range map[string]stranger{
			"another session of the owner":  {w.signIn(w.owner), "other_session"},
			"a session before its 2nd step": {w.who(half.Token), "other_session"},
			"the session without its role":  {mine, "forbidden"},
			"a sub-user":                    {w.signIn(w.sub), "not_found"},
			"the owner of another account":  {w.signIn(rival), "not_found"},
			"the owner in another account":  {moved, "not_found"},
			"an operator without the door":  {forged, "forbidden"},
			"nobody":                        {latchkey.Actor{}, "forbidden"},
		} {
			for what, err := range w.touch(w.Authority, x.Actor, step.Pending.ID, w.app.ID) {
				if latchkey.Code(err) != x.code || err == nil {
					w.t.Errorf("%s by %s: error %v, want code %q", what, name, err, x.code)
				}
			}
		}
		w.stillAs(k, secret)
		shown, err := w.Pending(w.ctx, owner, step.Pending.ID)
		w.must(err)
		is(w, "tries left after strangers", shown.TriesLeft, 5)
		w.confirm(owner, step)
	})
}

// Without any of the three bindings a stolen password and a look at the app
// would be enough to confirm what another session began.
func TestWithoutTheBindingAnotherSessionConfirms(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, secret := w.active(owner, "bot-1")
	step := w.edit(owner, k, rw)
	thief := w.signIn(w.owner)
	naive := w.over(&loose{
		pending: func(p *latchkey.Pending) { p.SessionID = thief.SessionID },
		charge:  func(c *latchkey.Charge) { c.SessionID = owner.SessionID },
	})
	_, err := naive.Confirm(w.ctx, thief, step.Pending.ID, code(w.right(step.Pending.ID)))
	w.must(err)
	is(w, "call after the attack", w.call(k, secret, latchkey.Trade), verify.KeyNotActivated)
}

func TestEveryBindingHoldsAlone(t *testing.T) {
	for name, l := range map[string]func(thief, owner latchkey.Actor) *loose{
		"only the charge looks": func(thief, _ latchkey.Actor) *loose {
			return &loose{pending: func(p *latchkey.Pending) { p.SessionID = thief.SessionID }}
		},
		"only the deed looks": func(thief, owner latchkey.Actor) *loose {
			return &loose{
				pending: func(p *latchkey.Pending) { p.SessionID = thief.SessionID },
				charge:  func(c *latchkey.Charge) { c.SessionID = owner.SessionID },
				deed:    func(d *latchkey.Deed) { d.Pending.SessionID = thief.SessionID },
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owner := w.signIn(w.owner)
			k, secret := w.active(owner, "bot-1")
			step := w.edit(owner, k, rw)
			thief := w.signIn(w.owner)
			_, err := w.over(l(thief, owner)).Confirm(w.ctx, thief, step.Pending.ID, code(w.right(step.Pending.ID)))
			if err == nil {
				t.Fatal("another session confirmed")
			}
			w.stillAs(k, secret)
		})
	}
}

func TestPendingEndsWithItsSession(t *testing.T) {
	for name, end := range map[string]func(w *world, owner latchkey.Actor){
		"signed out": func(w *world, owner latchkey.Actor) { w.must(w.SignOut(w.ctx, owner)) },
		"ended from another session": func(w *world, owner latchkey.Actor) {
			w.must(w.EndSession(w.ctx, w.signIn(w.owner), owner.SessionID))
		},
		"password changed in another session": func(w *world, _ latchkey.Actor) {
			w.must(w.ChangePassword(w.ctx, w.signIn(w.owner), password, "another horse, another battery"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			owner := w.signIn(w.owner)
			k, secret := w.active(owner, "bot-1")
			step := w.edit(owner, k, rw)
			end(w, owner)
			// The request was let in just before the session ended.
			_, err := w.Confirm(w.ctx, owner, step.Pending.ID, code(w.right(step.Pending.ID)))
			w.refused(err, "pending_cancelled")
			w.stillAs(k, secret)
		})
	}
}

func TestSessionThatEndsDuringTheConfirmation(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, secret := w.active(owner, "bot-1")
	step := w.edit(owner, k, rw)
	slow := w.over(&loose{deed: func(*latchkey.Deed) { w.must(w.SignOut(w.ctx, owner)) }})
	_, err := slow.Confirm(w.ctx, owner, step.Pending.ID, code(w.right(step.Pending.ID)))
	w.refused(err, "pending_closed")
	w.stillAs(k, secret)
}

func TestMemberWhoIsNoOwnerAnyMoreConfirmsNothing(t *testing.T) {
	w := newWorld(t)
	owner, token := w.signInToken(w.owner)
	k, secret := w.active(owner, "bot-1")
	step := w.edit(owner, k, rw)
	w.raw("UPDATE member SET role = 'subuser' WHERE id = $1", w.owner.ID)
	_, err := w.Confirm(w.ctx, w.who(token), step.Pending.ID, code(w.right(step.Pending.ID)))
	w.refused(err, "forbidden")
	_, _, err = w.Deactivate(w.ctx, w.who(token), k.ID)
	w.refused(err, "forbidden")
	w.stillAs(k, secret)
}

func TestRemovedMemberIsGoneAtOnce(t *testing.T) {
	w := newWorld(t)
	sub, token := w.signInToken(w.sub)
	step, err := w.EnrolTOTP(w.ctx, sub, password, authority.Idempotency{})
	w.must(err)
	answer := code(w.right(step.Pending.ID))
	_, err = w.Operator().RemoveMember(w.ctx, w.account, w.sub.Email)
	w.must(err)
	_, err = w.Confirm(w.ctx, sub, step.Pending.ID, answer)
	w.refused(err, "not_found")
	_, _, _, err = w.Authenticate(w.ctx, token, "192.0.2.7")
	w.refused(err, "not_signed_in")
	_, err = w.SignIn(w.ctx, authority.Visitor{IP: "192.0.2.7"}, w.sub.Email, password)
	w.refused(err, "wrong_credentials")
	_, err = w.Operator().RemoveMember(w.ctx, w.account, w.owner.Email)
	w.refused(err, "owner_stays")
}

func TestIdleSessionTakesItsPendingsOutOfReach(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.PendingLife = 3 * time.Hour
	w.Authority = authority.New(w.config)
	owner, token := w.signInToken(w.owner)
	k, _ := w.active(owner, "bot-1")
	w.edit(owner, k, rw)
	w.clock.Advance(time.Hour)
	_, _, _, err := w.Authenticate(w.ctx, token, "192.0.2.7")
	w.refused(err, "session_ended")
}
