//go:build fault

package fault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"latchkey"
	"latchkey/internal/operator"
)

// ask sends a command to a console's socket.
func (m *machine) ask(ctx context.Context, op string, args any) (json.RawMessage, error) {
	raw, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	return operator.Call(ctx, m.data, operator.Request{Op: op, Args: raw})
}

// createKey puts a new, inactive key into a slot.
func (s *site) createKey(ctx context.Context, at *machine, slot int, name string) error {
	raw, err := at.ask(ctx, "key.create", operator.KeyArgs{Account: s.account, Name: name, Permissions: []string{"read", "trade"}, Allowlist: []string{"127.0.0.1"}})
	if err != nil {
		return err
	}
	var key operator.Key
	if err := json.Unmarshal(raw, &key); err != nil {
		return err
	}
	r := &register{id: key.ID, name: name, secret: []byte(key.Secret), states: []state{{rights: inactive, version: key.Version}}}
	s.mu.Lock()
	s.registers = append(s.registers, r)
	s.mu.Unlock()
	s.slots[slot].Store(r)
	return nil
}

// driver changes the key of one slot, one change after the other.
type driver struct {
	*site
	slot   int
	rng    *rand.Rand
	made   int
	rights latchkey.Permissions // of the key, also while it is inactive
}

// run makes changes until there are enough.
func (d *driver) run(ctx context.Context, more func() bool) {
	for ctx.Err() == nil && more() {
		if err := d.change(ctx); err != nil && ctx.Err() == nil {
			d.fault("slot %d: %v", d.slot, err)
			return
		}
		// A moment in which the bots try what was just taken away.
		pause(ctx, time.Duration(20+d.rng.IntN(500))*time.Millisecond)
	}
}

// What a driver does to a key.
const (
	opEdit = "key.edit"
	opOn   = "key.activate"
	opOff  = "key.deactivate"
	opEnd  = "key.delete"
)

func (d *driver) choose(now state) string {
	n := d.rng.IntN(100)
	switch {
	case !now.active() && n < 75:
		return opOn
	case !now.active():
		return opEdit
	case n < 45:
		return opOff
	case n < 92:
		return opEdit
	}
	return opEnd
}

// change makes one change and learns what became of it.
func (d *driver) change(ctx context.Context) error {
	key := d.slots[d.slot].Load()
	now := key.now()
	if now.rights == deleted {
		return d.replace(ctx)
	}
	op, rights, before := d.choose(now), d.permissions(), d.rights
	switch {
	case op == opEdit:
		// Never the same again, so that a call tells under which of both it came.
		for rights == d.permissions() {
			d.rights = latchkey.Read | latchkey.Permissions(d.rng.IntN(16)<<1)
		}
		if rights = d.permissions(); !now.active() {
			rights = inactive
		}
	case op == opOff:
		rights = inactive
	case op == opEnd:
		rights = deleted
	}
	begin := d.now()
	key.begin(rights, now.version+1, begin)
	var err error
	if op == opEdit {
		err = d.edit(ctx, key.id, now.version, d.rights)
	} else {
		err = d.door(ctx, op, key.id)
	}
	end := d.now()
	d.count(op)
	if err == nil {
		key.end(true, end)
		d.took(end - begin)
	} else if err = d.settle(ctx, key, now.version, err); err != nil {
		return err
	}
	switch after := key.now(); {
	case after.version == now.version:
		d.rights = before
	case after.rights == deleted:
		d.buried.Store(key)
	}
	return nil
}

func (d *driver) permissions() string {
	if d.rights == 0 {
		d.rights, _ = latchkey.ParsePermissions([]string{"trade"}) // as keys are made here
	}
	return strings.Join(d.rights.Names(), ",")
}

// door asks one of the consoles. One that is down did nothing.
func (d *driver) door(ctx context.Context, op, id string) error {
	_, err := d.consoles[d.rng.IntN(len(d.consoles))].ask(ctx, op, operator.IDArgs{ID: id})
	return err
}

// edit is what a console does, done by the third one.
func (d *driver) edit(ctx context.Context, id string, version int64, rights latchkey.Permissions) error {
	key, err := d.desk.KeyByID(ctx, id)
	if err != nil {
		return err
	}
	if key.Version != version {
		return fmt.Errorf("key %s has version %d, not %d", id, key.Version, version)
	}
	now := time.Now()
	key.Permissions, key.Version, key.UpdatedAt = rights, version+1, now
	act := latchkey.NewActivity(now, latchkey.Actor{Source: latchkey.SourceOperator, AccountID: d.account, IP: "local"}, latchkey.ActKeyEdited)
	act.KeyID, act.Subject = id, key.Name
	if _, err := d.desk.Apply(ctx, latchkey.Deed{At: now, Key: &key, KeyFrom: version, Activity: act}); err != nil {
		return err
	}
	if _, err := d.barrier.Pass(ctx); err != nil {
		return unsure{err}
	}
	return nil
}

// unsure is an error after a commit: it must not pass for a refusal.
type unsure struct{ error }

// settle finds out what became of a change that was not acknowledged, and waits
// until it is in force. It reads the key as the authority does: what may still
// be on its way to a commit has ended by then.
func (d *driver) settle(ctx context.Context, key *register, before int64, cause error) error {
	// The socket makes an *latchkey.Error of every error; only one with a code
	// is an answer.
	sure := latchkey.Code(cause) != "" || errors.Is(cause, operator.ErrNoServer)
	if sure {
		d.count("refused")
	} else {
		d.count("unknown")
	}
	for {
		k, _, err := d.desk.KeyMaterial(ctx, key.id)
		version, gone := k.Version, errors.Is(err, latchkey.ErrKeyGone)
		if gone {
			version, err = before+1, nil
		}
		happened := version == before+1
		if err == nil && happened {
			_, err = d.barrier.Pass(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			pause(ctx, 50*time.Millisecond) // the database is away
			continue
		case version != before && !happened:
			return fmt.Errorf("key %s has version %d after %d", key.id, version, before)
		case happened && sure:
			d.fault("key %s: the console said that nothing was changed (%v), and it was", key.id, cause)
		}
		key.end(happened, d.site.now())
		if happened {
			d.count("happened though unknown")
		}
		return nil
	}
}

// replace makes a new key in the place of a deleted one. One that was made
// though its answer was lost is never used.
func (d *driver) replace(ctx context.Context) error {
	d.made++
	d.rights = 0
	name := "k" + strconv.Itoa(d.slot) + "-" + strconv.Itoa(d.made)
	if err := d.createKey(ctx, d.consoles[d.rng.IntN(len(d.consoles))], d.slot, name); err != nil {
		pause(ctx, 50*time.Millisecond)
	}
	return nil
}

func (s *site) took(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.receipts = append(s.receipts, d)
	s.acknowledged.Add(1)
}

// pause is real time: other processes go on meanwhile.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
