package authority_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	virtual "github.com/descope/virtualwebauthn"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/passkey"
)

// console is where the browser of these tests is.
var console = virtual.RelyingParty{ID: "console.example.com", Name: "Latchkey", Origin: "https://console.example.com"}

// key is a virtual authenticator with one credential.
type key struct {
	auth virtual.Authenticator
	cred virtual.Credential
}

func newKey() *key {
	return &key{auth: virtual.NewAuthenticator(), cred: wellFormed(virtual.KeyTypeEC2)}
}

// wellFormed makes a credential. The virtual authenticator leaves leading zeros
// of a coordinate out, in one key of 128, which RFC 9053, 7.1.1 forbids; a whole
// P-256 key has 77 bytes.
func wellFormed(kind virtual.KeyType) virtual.Credential {
	for {
		c := virtual.NewCredential(kind)
		if kind != virtual.KeyTypeEC2 || len(c.Key.AttestationData()) == 77 {
			return c
		}
	}
}

// withPasskeys makes the world one whose console browsers allow passkeys for.
func (w *world) withPasskeys() *world {
	w.t.Helper()
	checker, err := passkey.New(passkey.Config{ConsoleURL: console.Origin, Name: "Latchkey"})
	w.must(err)
	w.config.Passkeys = checker
	w.Authority = authority.New(w.config)
	return w
}

// on answers the prompt of a step, as a browser at that place would.
func (k *key) on(w *world, rp virtual.RelyingParty, s authority.Step) authority.Answer {
	w.t.Helper()
	switch {
	case s.Passkey != nil && s.Passkey.Create != nil:
		options, err := virtual.ParseAttestationOptions(string(s.Passkey.Create))
		w.must(err)
		return authority.Answer{Passkey: []byte(virtual.CreateAttestationResponse(rp, k.auth, k.cred, *options))}
	case s.Passkey != nil && s.Passkey.Get != nil:
		options, err := virtual.ParseAssertionOptions(string(s.Passkey.Get))
		w.must(err)
		return authority.Answer{Passkey: []byte(virtual.CreateAssertionResponse(rp, k.auth, k.cred, *options))}
	}
	w.t.Fatal("the step asks for no passkey")
	return authority.Answer{}
}

// answers counts on, as most authenticators do, and answers.
func (k *key) answers(w *world, s authority.Step) authority.Answer {
	w.t.Helper()
	k.cred.Counter++
	return k.on(w, console, s)
}

// enrolPasskey gives a member a passkey, by the member's own operations.
func (w *world) enrolPasskey(actor latchkey.Actor, k *key) latchkey.Factor {
	w.t.Helper()
	step, err := w.EnrolPasskey(w.ctx, actor, password, "blue key", once)
	w.must(err)
	if step.Pending.Operation == latchkey.OpEnrolFactor {
		step = *w.confirm(actor, step).Next
	}
	out, err := w.Confirm(w.ctx, actor, step.Pending.ID, k.answers(w, step))
	w.must(err)
	return *out.Factor
}

// keyed is a world whose owner has an app and a passkey.
func keyed(w *world) (latchkey.Actor, *key, latchkey.Factor) {
	w.t.Helper()
	w.withPasskeys()
	owner, k := w.signIn(w.owner), newKey()
	return owner, k, w.enrolPasskey(owner, k)
}

func TestAPasskeyIsEnrolledAfterAnExistingFactorsProof(t *testing.T) {
	onEach(t, func(w *world) {
		w.withPasskeys()
		owner, k := w.signIn(w.owner), newKey()
		_, err := w.EnrolPasskey(w.ctx, owner, "a wrong password", "blue key", once)
		w.refused(err, "wrong_password")
		step, err := w.EnrolPasskey(w.ctx, owner, password, " blue key ", once)
		w.must(err)
		is(w, "operation", step.Pending.Operation, latchkey.OpEnrolFactor)
		is(w, "prompt before the existing factor's proof", step.Passkey, nil)
		next := *w.confirm(owner, step).Next
		is(w, "operation that follows", next.Pending.Operation, latchkey.OpValidateFactor)
		_, err = w.Confirm(w.ctx, owner, next.Pending.ID, code("123456"))
		w.refused(err, "invalid_code")
		out, err := w.Confirm(w.ctx, owner, next.Pending.ID, k.answers(w, next))
		w.must(err)
		is(w, "kind", out.Factor.Kind, latchkey.FactorPasskey)
		is(w, "label", out.Factor.Label, "blue key")
		w.enrolled(owner, 2, 10)
		is(w, "what the database shows of it", w.count("SELECT count(*) FROM factor WHERE kind = 'passkey' AND secret = $1", k.cred.ID), 0)
		is(w, "counter", w.count("SELECT last_step FROM factor WHERE kind = 'passkey'"), 1)
	})
}

func TestAFirstFactorCanBeAPasskeyAndBringsRecoveryCodes(t *testing.T) {
	w := newWorld(t).withPasskeys()
	sub, k := w.signIn(w.sub), newKey()
	step, err := w.EnrolPasskey(w.ctx, sub, password, "", once)
	w.must(err)
	is(w, "operation", step.Pending.Operation, latchkey.OpValidateFactor)
	shown, err := w.Pending(w.ctx, sub, step.Pending.ID)
	w.must(err)
	is(w, "prompt of a later look", string(shown.Passkey.Create), string(step.Passkey.Create))
	out, err := w.Confirm(w.ctx, sub, step.Pending.ID, k.answers(w, step))
	w.must(err)
	is(w, "label", out.Factor.Label, "Passkey")
	is(w, "recovery codes", len(out.RecoveryCodes), 10)
	in, err := w.SignIn(w.ctx, home, w.sub.Email, password)
	w.must(err)
	half := w.who(in.Token)
	full, err := w.Confirm(w.ctx, half, in.Step.Pending.ID, k.answers(w, *in.Step))
	w.must(err)
	is(w, "session", full.Session.Full, true)
	// A lost passkey is replaced by a recovery code, as ever.
	in, err = w.SignIn(w.ctx, home, w.sub.Email, password)
	w.must(err)
	_, err = w.Confirm(w.ctx, w.who(in.Token), in.Step.Pending.ID, authority.Answer{Recovery: out.RecoveryCodes[0]})
	w.must(err)
}

// Every operation that needs a second factor takes the passkey, and it is the
// one that is asked first.
func TestAPasskeyProvesEverythingThatASecondFactorProves(t *testing.T) {
	onEach(t, func(w *world) {
		owner, k, factor := keyed(w)
		kept := w.put(w.account, latchkey.StatusActive)
		gone := w.put(w.account, latchkey.StatusInactive)
		phone := w.enrolPhoneBy(owner, k)
		for name, open := range map[string]func() (authority.Step, error){
			"create": func() (authority.Step, error) {
				return w.Create(w.ctx, owner, authority.NewKey{Name: "bot-9", Permissions: rt}, once)
			},
			"edit": func() (authority.Step, error) {
				to := kept.Permissions ^ latchkey.FundsInternal
				return w.Edit(w.ctx, owner, kept.ID, kept.Version, latchkey.Edit{Permissions: &to})
			},
			"delete":           func() (authority.Step, error) { return w.Delete(w.ctx, owner, gone.ID, gone.Version) },
			"recovery renewal": func() (authority.Step, error) { return w.RenewRecovery(w.ctx, owner, password, once) },
			"remove factor":    func() (authority.Step, error) { return w.RemoveFactor(w.ctx, owner, phone.ID, password) },
		} {
			step, err := open()
			w.must(err)
			is(w, "factor that is asked first", step.Pending.FactorID, factor.ID)
			if _, err := w.Confirm(w.ctx, owner, step.Pending.ID, k.answers(w, step)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		is(w, "status of the edited key", w.stored(kept.ID).Status, latchkey.StatusInactive)
		is(w, "counter", w.count("SELECT last_step FROM factor WHERE kind = 'passkey'"), int(k.cred.Counter))
	})
}

// enrolPhoneBy enrols a phone with the passkey's leave.
func (w *world) enrolPhoneBy(actor latchkey.Actor, k *key) latchkey.Factor {
	w.t.Helper()
	step, err := w.EnrolPhone(w.ctx, actor, password, "+35312345678", once)
	w.must(err)
	out, err := w.Confirm(w.ctx, actor, step.Pending.ID, k.answers(w, step))
	w.must(err)
	return *w.confirm(actor, *out.Next).Factor
}

// Each row is the right answer with one thing wrong; each costs a try.
func TestAPasskeyWithOneThingWrongIsRefusedAndCharged(t *testing.T) {
	w := newWorld(t)
	owner, k, _ := keyed(w)
	w.config.Limits.WrongCodesHourly, w.config.Limits.KeysPerAccount = 1000, 1000
	w.Authority = authority.New(w.config)
	bot := w.put(w.account, latchkey.StatusActive)
	rivalKey, _ := w.strangerWithPasskey()
	elsewhere := func(id, origin string) virtual.RelyingParty { return virtual.RelyingParty{ID: id, Origin: origin} }
	for name, answer := range map[string]func(s authority.Step) authority.Answer{
		"another origin": func(s authority.Step) authority.Answer {
			return k.on(w, elsewhere(console.ID, "https://console.example.org"), s)
		},
		"another party": func(s authority.Step) authority.Answer { return k.on(w, elsewhere("example.org", console.Origin), s) },
		"another pending's challenge": func(authority.Step) authority.Answer {
			return k.answers(w, w.edit(owner, w.put(w.account, latchkey.StatusInactive), latchkey.Read))
		},
		"a challenge that was renewed": func(s authority.Step) authority.Answer {
			old := k.answers(w, s)
			_, err := w.Choose(w.ctx, owner, s.Pending.ID, s.Pending.FactorID)
			w.must(err)
			return old
		},
		"a challenge that was sent anew": func(s authority.Step) authority.Answer {
			old := k.answers(w, s)
			_, err := w.Resend(w.ctx, owner, s.Pending.ID)
			w.must(err)
			return old
		},
		"user not verified": func(s authority.Step) authority.Answer {
			k := *k
			k.auth.Options.UserNotVerified = true
			return k.answers(w, s)
		},
		"user not present": func(s authority.Step) authority.Answer {
			k := *k
			k.auth.Options.UserNotPresent = true
			return k.answers(w, s)
		},
		"another member's passkey": func(s authority.Step) authority.Answer { return rivalKey.answers(w, s) },
		"another member's passkey under the id": func(s authority.Step) authority.Answer {
			forged := *rivalKey
			forged.cred.ID = k.cred.ID
			forged.cred.Counter = k.cred.Counter
			return forged.answers(w, s)
		},
		"a counter that stands still": func(s authority.Step) authority.Answer { return k.on(w, console, s) },
		"a counter that went back": func(s authority.Step) authority.Answer {
			k := *k
			k.cred.Counter -= 2
			return k.answers(w, s)
		},
		"a counter that is gone": func(s authority.Step) authority.Answer {
			k := *k
			k.cred.Counter = 0
			return k.on(w, console, s)
		},
		"no answer of a browser": func(authority.Step) authority.Answer { return authority.Answer{Passkey: []byte("{}")} },
	} {
		k.cred.Counter = uint32(w.count("SELECT last_step FROM factor WHERE kind = 'passkey' AND member_id = $1", w.owner.ID))
		step := w.edit(owner, w.stored(bot.ID), latchkey.Read)
		_, err := w.Confirm(w.ctx, owner, step.Pending.ID, answer(step))
		if latchkey.Code(err) != "wrong_code" {
			t.Errorf("%s: %v", name, err)
			continue
		}
		shown, err := w.Pending(w.ctx, owner, step.Pending.ID)
		w.must(err)
		is(w, "tries left after "+name, shown.TriesLeft, 4)
		is(w, "version after "+name, w.stored(bot.ID).Version, bot.Version)
		// The same pending takes the right answer: only that one thing was wrong.
		// An authenticator counts on by itself, whatever was refused meanwhile.
		k.cred.Counter += 10
		if _, err := w.Confirm(w.ctx, owner, step.Pending.ID, k.answers(w, shown)); err != nil {
			t.Errorf("%s: the right answer after it: %v", name, err)
		}
		bot = w.put(w.account, latchkey.StatusActive)
	}
}

// strangerWithPasskey is the owner of another account.
func (w *world) strangerWithPasskey() (*key, latchkey.Actor) {
	w.t.Helper()
	_, rival := w.tenant("Southwind", "rival@example.com")
	actor, k := w.signIn(rival), newKey()
	w.enrolPasskey(actor, k)
	return k, actor
}

// The attack: what the owner's passkey signed once is sent again.
func TestASignatureOfAPasskeyCountsOnce(t *testing.T) {
	onEach(t, func(w *world) {
		owner, k, _ := keyed(w)
		first := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
		answer := k.answers(w, first)
		_, err := w.Confirm(w.ctx, owner, first.Pending.ID, answer)
		w.must(err)
		_, err = w.Confirm(w.ctx, owner, first.Pending.ID, answer)
		w.refused(err, "pending_confirmed")
		second := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
		_, err = w.Confirm(w.ctx, owner, second.Pending.ID, answer)
		w.refused(err, "wrong_code")
	})
}

// The attack: a copy of the authenticator. Whichever of the two comes second
// with a counter is found out, and the entry says so.
func TestACopyOfAPasskeyIsFoundOut(t *testing.T) {
	w := newWorld(t)
	owner, k, _ := keyed(w)
	copied := *k
	step := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	_, err := w.Confirm(w.ctx, owner, step.Pending.ID, k.answers(w, step))
	w.must(err)
	step = w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	_, err = w.Confirm(w.ctx, owner, step.Pending.ID, copied.answers(w, step))
	w.refused(err, "wrong_code")
	noted := slices.ContainsFunc(w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActCodeWrong}}), func(a latchkey.Activity) bool {
		return strings.Contains(a.Note, "there may be a copy of it")
	})
	is(w, "the entry names the copy", noted, true)
}

// Two with one counter at once: both are evaluated against the old one, and
// the store lets one of them count.
func TestTwoUsesWithOneCounterAtOnceAreOne(t *testing.T) {
	onEach(t, func(w *world) {
		owner, k, _ := keyed(w)
		k.cred.Counter = 41
		var steps []authority.Step
		var answers []authority.Answer
		for range 4 {
			s := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
			same := *k
			steps, answers = append(steps, s), append(answers, same.answers(w, s))
		}
		var wins int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range steps {
			all.Go(func() {
				if _, err := w.Confirm(w.ctx, owner, steps[i].Pending.ID, answers[i]); err == nil {
					mu.Lock()
					defer mu.Unlock()
					wins++
				}
			})
		}
		all.Wait()
		is(w, "uses that counted", wins, 1)
	})
}

// Synchronised passkeys have no counter: 0 each time. Then the challenge alone
// makes each signature count once.
func TestAPasskeyWithoutACounterWorksMoreThanOnce(t *testing.T) {
	w := newWorld(t).withPasskeys()
	sub, k := w.signIn(w.sub), newKey()
	step, err := w.EnrolPasskey(w.ctx, sub, password, "", once)
	w.must(err)
	_, err = w.Confirm(w.ctx, sub, step.Pending.ID, k.on(w, console, step))
	w.must(err)
	for range 2 {
		in, err := w.SignIn(w.ctx, home, w.sub.Email, password)
		w.must(err)
		_, err = w.Confirm(w.ctx, w.who(in.Token), in.Step.Pending.ID, k.on(w, console, *in.Step))
		w.must(err)
	}
}

// The attack that a digest alone does not stop (see the twin of the altered
// pending): content and digest are both made anew. A passkey has signed the old
// ones.
func TestAPasskeySignsTheContentItself(t *testing.T) {
	w := newWorld(t)
	owner, k, _ := keyed(w)
	bot := w.put(w.account, latchkey.StatusActive)
	step := w.edit(owner, bot, latchkey.Read)
	answer := k.answers(w, step)
	p := step.Pending
	p.Draft.Permissions = rt | latchkey.FundsExternal
	text := strings.Replace(w.rowOf(p.ID)["draft"].(string), `"permissions":["read"]`, `"permissions":["read","trade","funds_external"]`, 1)
	w.raw("UPDATE pending SET draft = $2, digest = $3 WHERE id = $1", p.ID, text, p.ContentDigest())
	altered, err := w.store.Pending(w.ctx, p.ID)
	w.must(err)
	is(w, "the digest fits the altered content", altered.ContentDigest(), altered.Digest)
	_, err = w.Confirm(w.ctx, owner, p.ID, answer)
	w.refused(err, "wrong_code")
	is(w, "version", w.stored(bot.ID).Version, bot.Version)
}

func TestFiveWrongPasskeysKillThePending(t *testing.T) {
	w := newWorld(t)
	owner, k, _ := keyed(w)
	step := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	for i := range 5 {
		_, err := w.Confirm(w.ctx, owner, step.Pending.ID, authority.Answer{Passkey: []byte("{}")})
		want := "wrong_code"
		if i == 4 {
			want = "pending_dead"
		}
		w.refused(err, want)
	}
	_, err := w.Confirm(w.ctx, owner, step.Pending.ID, k.answers(w, step))
	w.refused(err, "pending_dead")
}

// What is not of the chosen factor's kind is told so and costs no try.
func TestAnAnswerOfAnotherKindIsNotEvaluated(t *testing.T) {
	w := newWorld(t)
	owner, k, factor := keyed(w)
	step := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	answer := k.answers(w, step)
	id := step.Pending.ID
	for _, bad := range []authority.Answer{code("123456"), {}, {Code: "123456", Passkey: answer.Passkey}, {Passkey: []byte{}}} {
		_, err := w.Confirm(w.ctx, owner, id, bad)
		w.refused(err, "invalid_code")
	}
	_, err := w.Confirm(w.ctx, owner, id, authority.Answer{Recovery: "3k9m-x0qp-7wzr-h2dt", Passkey: answer.Passkey})
	w.refused(err, "recovery_not_accepted")
	chosen, err := w.Choose(w.ctx, owner, id, w.app.ID)
	w.must(err)
	is(w, "prompt for an app", chosen.Passkey, nil)
	_, err = w.Confirm(w.ctx, owner, id, answer)
	w.refused(err, "invalid_code")
	again, err := w.Choose(w.ctx, owner, id, factor.ID)
	w.must(err)
	is(w, "tries left", again.TriesLeft, 5)
	_, err = w.Confirm(w.ctx, owner, id, k.answers(w, again))
	w.must(err)
}

func TestRenewedChallengesAreBounded(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.CodesHourly = 3
	owner, _, factor := keyed(w)
	step := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	seen := map[string]bool{string(step.Passkey.Get): true}
	for range 3 {
		next, err := w.Choose(w.ctx, owner, step.Pending.ID, factor.ID)
		w.must(err)
		if seen[string(next.Passkey.Get)] {
			t.Fatal("a challenge was given twice")
		}
		seen[string(next.Passkey.Get)] = true
	}
	_, err := w.Resend(w.ctx, owner, step.Pending.ID)
	w.refused(err, "too_many_codes")
	if e, _ := errors.AsType[*latchkey.Error](err); e.RetryAfter < 1 {
		t.Error("no Retry-After")
	}
}

// A console that is reached by an address cannot have passkeys; who has one
// from before uses another factor.
func TestWithoutPasskeysNoneIsEnrolledOrAccepted(t *testing.T) {
	w := newWorld(t)
	owner, k, factor := keyed(w)
	step := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	answer := k.answers(w, step)
	without := w.other(func(c *authority.Config) { c.Passkeys = nil })
	_, err := without.EnrolPasskey(w.ctx, owner, password, "", once)
	w.refused(err, "passkeys_unavailable")
	_, err = without.Confirm(w.ctx, owner, step.Pending.ID, answer)
	w.refused(err, "passkeys_unavailable")
	is(w, "passkeys are offered", slices.Contains(without.Offered(), latchkey.FactorPasskey), false)
	is(w, "passkeys are offered elsewhere", slices.Contains(w.Offered(), latchkey.FactorPasskey), true)
	bot := w.put(w.account, latchkey.StatusActive)
	to := latchkey.Read
	other, err := without.Edit(w.ctx, owner, bot.ID, bot.Version, latchkey.Edit{Permissions: &to})
	w.must(err)
	is(w, "factor that is asked first", other.Pending.FactorID, w.app.ID)
	_, err = without.Choose(w.ctx, owner, other.Pending.ID, factor.ID)
	w.refused(err, "passkeys_unavailable")
	w.confirm(owner, other)
}

// A pending whose passkey is removed while it waits can still be looked at, and
// takes another factor.
func TestAPasskeyThatWasRemovedProvesNothing(t *testing.T) {
	w := newWorld(t)
	owner, k, factor := keyed(w)
	waiting := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	removal, err := w.RemoveFactor(w.ctx, owner, factor.ID, password)
	w.must(err)
	_, err = w.Confirm(w.ctx, owner, removal.Pending.ID, k.answers(w, removal))
	w.must(err)
	_, err = w.Confirm(w.ctx, owner, waiting.Pending.ID, k.answers(w, waiting))
	w.refused(err, "factor_not_found")
	shown, err := w.Pending(w.ctx, owner, waiting.Pending.ID)
	w.must(err)
	is(w, "prompt", shown.Passkey, nil)
	chosen, err := w.Choose(w.ctx, owner, waiting.Pending.ID, w.app.ID)
	w.must(err)
	w.confirm(owner, chosen)
}
