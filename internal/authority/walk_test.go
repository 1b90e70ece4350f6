package authority_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/verify"
)

// model is what the life of keys must be, in a few lines: the table and the
// rule that a pending is worth something for one version only.
type model struct {
	keys  map[string]*modelKey
	order []string // ids in the order in which they were made
	open  []modelPending
}

type modelKey struct {
	latchkey.Key
	secret latchkey.Secret
}

type modelPending struct {
	id      string
	op      latchkey.Operation
	key     string
	version int64
	to      latchkey.Permissions
}

// walker takes random steps through world and model at the same time.
type walker struct {
	*world
	model
	owner latchkey.Actor
	dice  *rand.Rand
}

func (m *model) live() int {
	n := 0
	for _, k := range m.keys {
		if k.Status != latchkey.StatusDeleted {
			n++
		}
	}
	return n
}

// any picks a key that was ever made.
func (k *walker) any() *modelKey {
	if len(k.order) == 0 {
		return nil
	}
	return k.keys[k.order[k.dice.IntN(len(k.order))]]
}

func (k *walker) step() string {
	key := k.any()
	n := k.dice.IntN(10)
	if key == nil || n == 0 {
		return k.create()
	}
	ops := []latchkey.Operation{latchkey.OpActivate, latchkey.OpEdit, latchkey.OpDelete}
	switch {
	case n < 4:
		return k.begin(ops[k.dice.IntN(3)], key)
	case n < 8 && len(k.open) > 0:
		return k.finish(k.dice.IntN(len(k.open)))
	case n == 8:
		return k.stop(key)
	}
	moves := []latchkey.Operation{latchkey.OpActivate, latchkey.OpDeactivate, latchkey.OpDelete}
	return k.operate(moves[k.dice.IntN(3)], key)
}

func (k *walker) create() string {
	step, err := k.Create(k.ctx, k.owner, authority.NewKey{Name: latchkey.NewID("n"), Permissions: rt}, once)
	if k.live() >= 5 {
		k.refused(err, "too_many_keys")
		return "create refused"
	}
	k.must(err)
	k.open = append(k.open, modelPending{id: step.Pending.ID, op: latchkey.OpCreate, to: rt})
	return "create"
}

func (k *walker) begin(op latchkey.Operation, key *modelKey) string {
	var step authority.Step
	var err error
	to := key.Permissions ^ latchkey.Trade
	switch op {
	case latchkey.OpActivate:
		step, err = k.Activate(k.ctx, k.owner, key.ID, key.Version)
		to = key.Permissions
	case latchkey.OpEdit:
		step, err = k.Edit(k.ctx, k.owner, key.ID, key.Version, latchkey.Edit{Permissions: &to})
	case latchkey.OpDelete:
		step, err = k.Delete(k.ctx, k.owner, key.ID, key.Version)
		to = key.Permissions
	}
	if _, refusal := cell(op, key.Status); refusal != "" {
		k.refused(err, refusal)
		return "begin refused"
	}
	k.must(err)
	k.open = append(k.open, modelPending{step.Pending.ID, op, key.ID, key.Version, to})
	return "begin"
}

// finish confirms or cancels one of the open pendings.
func (k *walker) finish(i int) string {
	p := k.open[i]
	k.open = append(k.open[:i], k.open[i+1:]...)
	if k.dice.IntN(5) == 0 {
		k.must(k.Cancel(k.ctx, k.owner, p.id))
		return "cancel"
	}
	out, err := k.Confirm(k.ctx, k.owner, p.id, code(k.right(p.id)))
	key := k.keys[p.key]
	switch {
	case p.op == latchkey.OpCreate && k.live() >= 5:
		k.refused(err, "too_many_keys")
		return "confirm refused"
	case p.op == latchkey.OpCreate:
		k.must(err)
		k.keys[out.Key.ID], k.order = &modelKey{*out.Key, out.Secret}, append(k.order, out.Key.ID)
		return "confirm create"
	case key.Status == latchkey.StatusDeleted:
		k.refused(err, "key_not_found")
		return "confirm refused"
	case key.Version != p.version:
		k.refused(err, "key_changed")
		return "confirm refused"
	}
	k.must(err)
	key.Permissions = p.to
	k.moved(key, p.op)
	return "confirm"
}

func (k *walker) stop(key *modelKey) string {
	_, _, err := k.Deactivate(k.ctx, k.owner, key.ID)
	return k.done(key, latchkey.OpDeactivate, err)
}

func (k *walker) operate(op latchkey.Operation, key *modelKey) string {
	_, _, err := k.Operator().Move(k.ctx, key.ID, op)
	return k.done(key, op, err)
}

func (k *walker) done(key *modelKey, op latchkey.Operation, err error) string {
	k.t.Helper()
	if _, refusal := cell(op, key.Status); refusal != "" {
		k.refused(err, refusal)
		return string(op) + " refused"
	}
	k.must(err)
	k.moved(key, op)
	return string(op)
}

func (k *walker) moved(key *modelKey, op latchkey.Operation) {
	key.Status, _ = cell(op, key.Status)
	key.Version++
}

// agree compares the gateway and the database with the model.
func (k *walker) agree(after string) {
	k.t.Helper()
	for id, key := range k.keys {
		want := verify.KeyNotActivated
		switch {
		case key.Status == latchkey.StatusDeleted:
			want = verify.Unauthorized
		case key.Status == latchkey.StatusActive && key.Permissions.Has(latchkey.Trade):
			want = verify.Allowed
		case key.Status == latchkey.StatusActive:
			want = verify.PermissionMissing
		}
		is(k.world, "call after "+after, k.call(key.Key, key.secret, latchkey.Trade), want)
		is(k.world, "key after "+after, k.row(id), fmt.Sprint(key.Status, " ", key.Version))
	}
}

func TestRandomWalksAgreeWithTheModel(t *testing.T) {
	for range 6 {
		seed := rand.Uint64()
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.config.Limits.CodesHourly, w.config.Limits.WrongCodesHourly = 1000, 1000
			w.config.Limits.PendingLife = w.config.Limits.SessionLife
			w.Authority = authority.New(w.config)
			k := &walker{world: w, model: model{keys: map[string]*modelKey{}}, owner: w.signIn(w.owner), dice: rand.New(rand.NewPCG(seed, 1))}
			for range 120 {
				k.agree(k.step())
			}
		})
	}
}
