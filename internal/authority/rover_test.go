package authority_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// steps is how many random steps are walked in all; STEPS=1000000 is the long
// form.
func steps(t *testing.T) int {
	t.Helper()
	text := os.Getenv("STEPS")
	switch {
	case text == "" && testing.Short():
		return 500
	case text == "":
		return 3_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("STEPS is %q, want a number", text)
	}
	return n
}

// errand is what the reference model knows of a pending.
type errand struct {
	id      string
	op      latchkey.Operation
	key     *modelKey // nil for a creation
	version int64
	to      latchkey.Permissions
	state   string // open, or the refusal of whatever comes after its end
	tries   int
	opened  time.Time
	sent    time.Time // of the newest code; zero where an app is asked
	sends   int
}

// closed is why nothing can be done with the errand any more; "" while it is
// open. The product has 15 minutes, 5 evaluations.
func (e *errand) closed(now time.Time) string {
	switch {
	case e.state != "open":
		return e.state
	case e.tries >= 5:
		return "pending_dead"
	case now.Sub(e.opened) >= 15*time.Minute:
		return "pending_expired"
	}
	return ""
}

// stale reports whether a code was sent and lives no more: 5 minutes.
func (e *errand) stale(now time.Time) bool {
	return !e.sent.IsZero() && now.Sub(e.sent) >= 5*time.Minute
}

// resendable is what another code gets: three sends, from the second minute on.
func (e *errand) resendable(now time.Time) string {
	switch {
	case e.closed(now) != "":
		return e.closed(now)
	case e.sent.IsZero():
		return "no_code_to_send"
	case e.sends >= 3:
		return "no_sends_left"
	case now.Sub(e.sent) < 2*time.Minute:
		return "resend_too_early"
	}
	return ""
}

// rover is a walker who also waits, errs, repeats and meets strangers.
type rover struct {
	walker
	foreign []stranger
	errands []*errand
	seen    map[string]int // what happened, and how often
}

// note says what a step did, and demands its outcome.
func (r *rover) note(what string, err error, want string) bool {
	r.t.Helper()
	if got := latchkey.Code(err); got != want || (err == nil) != (want == "") {
		r.t.Fatalf("%s: error %v, want code %q", what, err, want)
	}
	if want != "" {
		what += ": " + want
	}
	r.seen[what]++
	return want == ""
}

func (r *rover) step() {
	r.t.Helper()
	key := r.any()
	if key == nil {
		r.begin(latchkey.OpCreate, nil)
		r.finish(r.errands[len(r.errands)-1])
		return
	}
	e := r.some()
	switch n := r.dice.IntN(24); {
	case n < 2:
		r.begin(latchkey.OpCreate, nil)
	case n < 8:
		ops := []latchkey.Operation{latchkey.OpActivate, latchkey.OpActivate, latchkey.OpEdit, latchkey.OpDelete}
		r.begin(ops[r.dice.IntN(len(ops))], key)
	case n < 15:
		r.finish(e)
	case n == 15:
		r.err(e)
	case n == 16:
		r.again(e)
	case n == 17:
		r.drop(e)
	case n < 20:
		r.foreigner(e, key)
	case n == 20:
		r.clock.Advance(time.Duration(r.dice.IntN(400)) * time.Second)
	case n == 21:
		r.moved(key, latchkey.OpDeactivate, r.stopIt(key))
	default:
		ops := []latchkey.Operation{latchkey.OpActivate, latchkey.OpDeactivate, latchkey.OpDelete}
		op := ops[r.dice.IntN(len(ops))]
		_, _, err := r.Operator().Move(r.ctx, key.ID, op)
		r.moved(key, op, err)
	}
}

func (r *rover) stopIt(key *modelKey) error {
	_, _, err := r.Deactivate(r.ctx, r.owner, key.ID)
	return err
}

// moved is an operation that happens at once, or the cell is missing.
func (r *rover) moved(key *modelKey, op latchkey.Operation, err error) {
	r.t.Helper()
	_, refusal := cell(op, key.Status)
	if r.note("at once "+string(op), err, refusal) {
		r.walker.moved(key, op)
	}
}

// some picks an errand, the newest more often than the others.
func (r *rover) some() *errand {
	if r.dice.IntN(2) == 0 {
		return r.errands[len(r.errands)-1]
	}
	return r.errands[r.dice.IntN(len(r.errands))]
}

func (r *rover) begin(op latchkey.Operation, key *modelKey) {
	r.t.Helper()
	e := &errand{op: op, key: key, to: rt, state: "open", opened: r.clock.Now()}
	var step authority.Step
	var err error
	want := ""
	switch {
	case op == latchkey.OpCreate && r.live() >= 5:
		want = "too_many_keys"
	case op != latchkey.OpCreate:
		_, want = cell(op, key.Status)
		e.version, e.to = key.Version, key.Permissions
	}
	switch op {
	case latchkey.OpCreate:
		step, err = r.Create(r.ctx, r.owner, authority.NewKey{Name: latchkey.NewID("n"), Permissions: rt}, once)
	case latchkey.OpActivate:
		step, err = r.Activate(r.ctx, r.owner, key.ID, key.Version)
		e.sent, e.sends = e.opened, 1
	case latchkey.OpEdit:
		e.to ^= latchkey.Trade
		step, err = r.Edit(r.ctx, r.owner, key.ID, key.Version, latchkey.Edit{Permissions: &e.to})
	case latchkey.OpDelete:
		step, err = r.Delete(r.ctx, r.owner, key.ID, key.Version)
	}
	if r.note("begin "+string(op), err, want) {
		e.id = step.Pending.ID
		r.errands = append(r.errands, e)
	}
}

// finish gives the right code.
func (r *rover) finish(e *errand) {
	r.t.Helper()
	answer := r.proof(e.id) // moves the clock where an app is asked
	now := r.clock.Now()
	out, err := r.Confirm(r.ctx, r.owner, e.id, answer)
	want, after := e.closed(now), ""
	switch {
	case want != "":
	case e.stale(now):
		want = "code_expired"
	case e.key == nil && r.live() >= 5:
		want, after = "too_many_keys", "pending_cancelled"
	case e.key != nil && e.key.Status == latchkey.StatusDeleted:
		want, after = "key_not_found", "key_changed"
	case e.key != nil && e.key.Version != e.version:
		want, after = "key_changed", "key_changed"
	}
	if after != "" {
		e.state = after
	}
	if !r.note("right code for "+string(e.op), err, want) {
		if want == "too_many_keys" { // it stays open, for when there is room
			r.must(r.Cancel(r.ctx, r.owner, e.id))
		}
		return
	}
	e.state = "pending_confirmed"
	if e.key == nil {
		k := &modelKey{*out.Key, out.Secret}
		r.keys[k.ID], r.order = k, append(r.order, k.ID)
		return
	}
	e.key.Permissions = e.to
	r.walker.moved(e.key, e.op)
}

// err gives a wrong code.
func (r *rover) err(e *errand) {
	r.t.Helper()
	answer := r.wrongly(e.id)
	now := r.clock.Now()
	_, err := r.Confirm(r.ctx, r.owner, e.id, answer)
	want := e.closed(now)
	if want == "" && e.stale(now) {
		want = "code_expired"
	} else if want == "" {
		e.tries++
		if want = "wrong_code"; e.tries == 5 {
			want, e.state = "pending_dead", "pending_dead"
		}
	}
	r.note("wrong code for "+string(e.op), err, want)
}

// wrongly is a wrong answer, also to a pending whose code is gone.
func (r *rover) wrongly(id string) authority.Answer {
	r.t.Helper()
	return authority.Answer{Code: fmt.Sprintf("%06d", (number(r.proof(id).Code)+500_000)%1_000_000)}
}

// again asks for another code.
func (r *rover) again(e *errand) {
	r.t.Helper()
	want := e.resendable(r.clock.Now())
	_, err := r.Resend(r.ctx, r.owner, e.id)
	if r.note("resend for "+string(e.op), err, want) {
		e.sent, e.sends = r.clock.Now(), e.sends+1
	}
}

func (r *rover) drop(e *errand) {
	r.t.Helper()
	want := e.closed(r.clock.Now())
	if r.note("cancel "+string(e.op), r.Cancel(r.ctx, r.owner, e.id), want) {
		e.state = "pending_cancelled"
	}
}

// foreigner is somebody who has nothing to do with it, and gets nowhere.
func (r *rover) foreigner(e *errand, key *modelKey) {
	r.t.Helper()
	x := r.foreign[r.dice.IntN(len(r.foreign))]
	event := pendingEvents[r.dice.IntN(len(pendingEvents))]
	if event == "wrong code" {
		event = "show" // wrong codes want a row that can have one
	}
	r.note("foreign "+event, r.happen(x.Actor, e.id, event), x.code)
	if x.code == "other_session" {
		return // the owner may stop a key from any session
	}
	if _, _, err := r.Deactivate(r.ctx, x.Actor, key.ID); err == nil {
		r.t.Fatalf("a foreigner stopped %s", key.ID)
	}
}

func newRover(t *testing.T, seed uint64) *rover {
	w := newWorld(t)
	l := &w.config.Limits
	l.CodesHourly, l.WrongCodesHourly, l.SessionLife = 100_000, 100_000, 100_000*time.Hour
	l.SMS, l.PendingsHourly = plenty, 100_000
	w.Authority = authority.New(w.config)
	r := &rover{walker: walker{world: w, model: model{keys: map[string]*modelKey{}}, dice: rand.New(rand.NewPCG(seed, 1))}, seen: map[string]int{}}
	r.owner = w.signIn(w.owner)
	foreign := w.foreigners(r.owner)
	for _, who := range []string{"sub-user", "owner of another account", "another session of the owner", "nobody", "a session that is over"} {
		r.foreign = append(r.foreign, foreign[who])
	}
	return r
}

// A walk of all events by all actors against a model that knows nothing but
// the product's rules: the same answers, and at the end the same keys.
func TestLongWalksAgreeWithTheReference(t *testing.T) {
	const each = 500
	walks := (steps(t) + each - 1) / each
	all := make(chan map[string]int, walks)
	t.Run("walks", func(t *testing.T) {
		for range walks {
			seed := rand.Uint64()
			t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
				t.Parallel()
				r := newRover(t, seed)
				for n := range each {
					r.step()
					if n%25 == 24 {
						r.agree("a walk")
					}
				}
				all <- r.seen
			})
		}
	})
	close(all)
	sum := map[string]int{}
	for seen := range all {
		for what, n := range seen {
			sum[what] += n
		}
	}
	if len(sum) < 40 {
		t.Errorf("only %d different things happened: %v", len(sum), sum)
	}
	t.Logf("%d walks, %d steps, %d different things", walks, walks*each, len(sum))
}
