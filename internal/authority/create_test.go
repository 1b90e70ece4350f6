package authority_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"latchkey"
	"latchkey/internal/authority"
)

func named(name string) authority.NewKey {
	return authority.NewKey{Name: name, Permissions: rt}
}

// begun opens n creations, each with a code that is its own: by SMS, since a
// step of the app proves one thing only.
func (w *world) begun(n int, name func(i int) string) (latchkey.Actor, []string) {
	w.t.Helper()
	w.config.Limits.WrongCodesHourly = 1000 // right ones count until their deed is done
	w.config.Limits.SMS = plenty
	w.Authority = authority.New(w.config)
	owner := w.signIn(w.owner)
	phone := w.enrolPhone(owner, "+35312345678")
	ids := make([]string, n)
	for i := range n {
		step, err := w.Create(w.ctx, owner, named(name(i)), once)
		w.must(err)
		_, err = w.Choose(w.ctx, owner, step.Pending.ID, phone.ID)
		w.must(err)
		ids[i] = step.Pending.ID
	}
	return owner, ids
}

// race confirms all at once and returns how many got which code.
func (w *world) race(a *authority.Authority, actor latchkey.Actor, ids []string) map[string]int {
	w.t.Helper()
	answers := make([]authority.Answer, len(ids))
	for i, id := range ids {
		answers[i] = code(w.right(id))
	}
	codes := make([]string, len(ids))
	crowd(len(ids), len(ids), func(i int) {
		if _, err := a.Confirm(w.ctx, actor, ids[i], answers[i]); err != nil {
			codes[i] = latchkey.Code(err)
		}
	})
	out := map[string]int{}
	for _, c := range codes {
		out[c]++
	}
	return out
}

func TestFiveKeysAnAccountAlsoAtOnce(t *testing.T) {
	onEach(t, func(w *world) {
		owner, ids := w.begun(20, func(i int) string { return strings.Repeat("b", i+1) })
		got := w.race(w.Authority, owner, ids)
		is(w, "keys that were made", got[""], 5)
		is(w, "refusals", got["too_many_keys"], 15)
		keys, err := w.Keys(w.ctx, owner)
		w.must(err)
		is(w, "keys", len(keys), 5)
		_, err = w.Create(w.ctx, owner, named("one more"), once)
		w.refused(err, "too_many_keys")
		_, _, err = w.Operator().CreateKey(w.ctx, w.account, named("one more"))
		w.refused(err, "too_many_keys")
		_, _, err = w.Operator().Move(w.ctx, keys[0].ID, latchkey.OpDelete)
		w.must(err)
		_, err = w.Create(w.ctx, owner, named("one more"), once)
		w.must(err)
	})
}

func TestWithoutTheBoundInTheDeedTwentyKeysAreMade(t *testing.T) {
	w := newWorld(t)
	owner, ids := w.begun(20, func(i int) string { return strings.Repeat("b", i+1) })
	naive := w.over(&loose{deed: func(d *latchkey.Deed) { d.KeysMost = 1000 }})
	is(w, "keys that were made", w.race(naive, owner, ids)[""], 20)
}

func TestNameIsUniqueInTheAccountAlsoAtOnce(t *testing.T) {
	onEach(t, func(w *world) {
		owner, ids := w.begun(4, func(int) string { return "bot-1" })
		got := w.race(w.Authority, owner, ids)
		is(w, "keys that were made", got[""], 1)
		is(w, "refusals", got["name_taken"], 3)
		_, err := w.Create(w.ctx, owner, named(" bot-1 "), once)
		w.refused(err, "name_taken")
		account, rival := w.tenant("Southwind", "rival@example.com")
		_, _, err = w.Operator().CreateKey(w.ctx, account, named("bot-1")) // of another account
		w.must(err)
		_ = rival
		keys, err := w.Keys(w.ctx, owner)
		w.must(err)
		_, _, err = w.Operator().Move(w.ctx, keys[0].ID, latchkey.OpDelete)
		w.must(err)
		again, _ := w.create(owner, "bot-1") // a deleted key's name is free, its id is not
		is(w, "a deleted id is used again", again.ID == keys[0].ID, false)
	})
}

func TestNameThatDeceivesIsRefused(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	for _, name := range []string{
		"", "   ", strings.Repeat("x", 65), "bot\u202e1", "bot\u200b", "bot\u2066", "bot\x00", "bot\n1", "bot\x1b[31m", "bot\u00a01",
		"bot\u20281", "\xff", "bot\ufe0f", "\u3164", "bot\ue000",
	} {
		_, err := w.Create(w.ctx, owner, named(name), once)
		w.refused(err, "invalid_name")
		_, _, err = w.Operator().CreateKey(w.ctx, w.account, named(name))
		w.refused(err, "invalid_name")
	}
	for _, p := range []latchkey.Permissions{0, latchkey.Trade, 0xff, latchkey.Read | 1<<5} {
		_, err := w.Create(w.ctx, owner, authority.NewKey{Name: "bot-1", Permissions: p}, once)
		w.refused(err, "invalid_permissions")
		_, _, err = w.Operator().CreateKey(w.ctx, w.account, authority.NewKey{Name: "bot-1", Permissions: p})
		w.refused(err, "invalid_permissions")
	}
	is(w, "keys", w.count("SELECT count(*) FROM api_key"), 0)
}

func TestIdAndSecretAreMadeAfterTheProofOnly(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	step, err := w.Create(w.ctx, owner, named("bot-1"), once)
	w.must(err)
	is(w, "id before the proof", step.Pending.KeyID, "")
	is(w, "keys and secrets before the proof", w.count("SELECT count(*) FROM api_key")+w.count("SELECT count(*) FROM pending WHERE length(new_secret) > 0"), 0)
	_, err = w.Confirm(w.ctx, owner, step.Pending.ID, w.wrong(step.Pending.ID))
	w.refused(err, "wrong_code")
	is(w, "keys after a wrong proof", w.count("SELECT count(*) FROM api_key"), 0)
	out := w.confirm(owner, step)
	is(w, "form of the id", latchkey.IsKeyID(out.Key.ID), true)
	is(w, "form of the secret", latchkey.IsSecret(out.Secret.Reveal()), true)
	_, err = w.Confirm(w.ctx, owner, step.Pending.ID, code("123456"))
	w.refused(err, "pending_confirmed") // the secret is not shown again
}

func TestRepeatedCreationIsTheSameOne(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		key := authority.Idempotency{Key: "k1", Digest: "d1"}
		first, err := w.Create(w.ctx, owner, named("bot-1"), key)
		w.must(err)
		again, err := w.Create(w.ctx, owner, named("bot-1"), key)
		w.must(err)
		is(w, "pending", again.Pending.ID, first.Pending.ID)
		is(w, "repeated", again.Repeated && !first.Repeated, true)
		_, err = w.Create(w.ctx, owner, named("bot-2"), authority.Idempotency{Key: "k1", Digest: "d2"})
		w.refused(err, "idempotency_key_reused")
		_, err = w.Create(w.ctx, w.signIn(w.owner), named("bot-1"), key)
		w.refused(err, "other_session")
		var opened atomic.Int64
		crowd(20, 20, func(int) {
			step, err := w.Create(w.ctx, owner, named("bot-3"), authority.Idempotency{Key: "k3", Digest: "d3"})
			if err == nil && !step.Repeated {
				opened.Add(1)
			}
		})
		is(w, "pendings that 20 equal requests opened", opened.Load(), 1)
		w.confirm(owner, again)
		is(w, "keys", w.count("SELECT count(*) FROM api_key"), 1)
	})
}
