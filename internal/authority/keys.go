package authority

import (
	"context"
	"errors"

	"latchkey"
)

// Keys lists the keys of the owner's account that are not deleted.
func (a *Authority) Keys(ctx context.Context, actor latchkey.Actor) ([]latchkey.Key, error) {
	if err := mustOwn(actor); err != nil {
		return nil, err
	}
	return a.store.Keys(ctx, actor.AccountID)
}

// Key reads one key of the owner's account.
func (a *Authority) Key(ctx context.Context, actor latchkey.Actor, id string) (latchkey.Key, error) {
	if err := mustOwn(actor); err != nil {
		return latchkey.Key{}, err
	}
	return a.store.Key(ctx, actor.AccountID, id)
}

// Create asks for a new key. Its id and secret are made only after the proof.
func (a *Authority) Create(ctx context.Context, actor latchkey.Actor, k NewKey, idem Idempotency) (Step, error) {
	if err := mustOwn(actor); err != nil {
		return Step{}, err
	}
	name, err := latchkey.NormalName("name", k.Name)
	if err != nil {
		return Step{}, err
	}
	if !k.Permissions.Valid() {
		return Step{}, latchkey.Invalid("permissions", "invalid_permissions", "Read cannot be switched off")
	}
	if err := a.checkRoom(ctx, actor.AccountID, name); err != nil {
		return Step{}, err
	}
	key := latchkey.Key{Name: name, Permissions: k.Permissions, Allowlist: k.Allowlist}
	draft := draftOf(key)
	draft.Summary = "create key " + name + ": " + key.Summary()
	return a.begin(ctx, actor, latchkey.OpCreate, latchkey.Key{}, draft, idem)
}

// checkRoom says early, before a code is spent, what Apply would refuse.
func (a *Authority) checkRoom(ctx context.Context, accountID, name string) error {
	keys, err := a.store.Keys(ctx, accountID)
	if err != nil {
		return err
	}
	for _, k := range keys {
		if k.Name == name {
			return latchkey.Errorf(latchkey.KindConflict, "name_taken", "another key of the account has this name; choose another one")
		}
	}
	if len(keys) >= a.limits.KeysPerAccount {
		return latchkey.Errorf(latchkey.KindConflict, "too_many_keys", "an account has at most %d keys; delete one first", a.limits.KeysPerAccount)
	}
	return nil
}

// Edit asks for other permissions or addresses. The key goes on as it is until
// the proof; then it is inactive with the new ones.
func (a *Authority) Edit(ctx context.Context, actor latchkey.Actor, id string, version int64, e latchkey.Edit) (Step, error) {
	key, err := a.ownKey(ctx, actor, latchkey.OpEdit, id, version)
	if err != nil {
		return Step{}, err
	}
	after, changes, err := key.Edited(e)
	if err != nil {
		return Step{}, err
	}
	draft := draftOf(after)
	draft.Changes = changes
	draft.Summary = "edit key " + key.Name + ": " + key.SummaryOf(after)
	return a.begin(ctx, actor, latchkey.OpEdit, key, draft, Idempotency{})
}

// Activate asks for the e-mailed code that activates what stands in the key.
func (a *Authority) Activate(ctx context.Context, actor latchkey.Actor, id string, version int64) (Step, error) {
	key, err := a.ownKey(ctx, actor, latchkey.OpActivate, id, version)
	if err != nil {
		return Step{}, err
	}
	draft := draftOf(key)
	draft.Summary = "activate key " + key.Name + ": " + key.Summary()
	return a.begin(ctx, actor, latchkey.OpActivate, key, draft, Idempotency{})
}

// Delete asks for the final end of a key.
func (a *Authority) Delete(ctx context.Context, actor latchkey.Actor, id string, version int64) (Step, error) {
	key, err := a.ownKey(ctx, actor, latchkey.OpDelete, id, version)
	if err != nil {
		return Step{}, err
	}
	draft := draftOf(key)
	draft.Summary = "delete key " + key.Name + " for ever"
	return a.begin(ctx, actor, latchkey.OpDelete, key, draft, Idempotency{})
}

// stopTries bounds how often Deactivate looks again at a key that was changed
// by somebody else just then.
const stopTries = 5

// Deactivate stops a key at once, whatever version the owner has seen: it can
// only take rights away.
func (a *Authority) Deactivate(ctx context.Context, actor latchkey.Actor, id string) (latchkey.Key, latchkey.Receipt, error) {
	if err := mustOwn(actor); err != nil {
		return latchkey.Key{}, latchkey.Receipt{}, err
	}
	for try := 1; ; try++ {
		key, err := a.store.Key(ctx, actor.AccountID, id)
		if err != nil {
			return latchkey.Key{}, latchkey.Receipt{}, err
		}
		after, receipt, err := a.move(ctx, actor, key, latchkey.OpDeactivate)
		if !errors.Is(err, latchkey.ErrVersion) || try == stopTries {
			return after, receipt, err
		}
	}
}

// move carries out an operation that needs no further proof: deactivate, and
// what the operator does.
func (a *Authority) move(ctx context.Context, actor latchkey.Actor, key latchkey.Key, op latchkey.Operation) (latchkey.Key, latchkey.Receipt, error) {
	after, err := key.Moved(op, a.now())
	if err != nil {
		return latchkey.Key{}, latchkey.Receipt{}, err
	}
	deed := latchkey.Deed{
		At: a.now(), Key: &after, KeyFrom: key.Version,
		Activity: a.keyActivity(actor, op, after, nil), Letters: notice(),
	}
	receipt, err := a.apply(ctx, deed)
	if err != nil {
		return latchkey.Key{}, latchkey.Receipt{}, err
	}
	return after, receipt, nil
}

// ownKey reads a key of the owner's in the version that the owner saw, in a
// status from which the operation is possible.
func (a *Authority) ownKey(ctx context.Context, actor latchkey.Actor, op latchkey.Operation, id string, version int64) (latchkey.Key, error) {
	if err := mustOwn(actor); err != nil {
		return latchkey.Key{}, err
	}
	key, err := a.store.Key(ctx, actor.AccountID, id)
	if err != nil {
		return latchkey.Key{}, err
	}
	if key.Version != version {
		return latchkey.Key{}, latchkey.ErrVersion
	}
	if _, err := latchkey.RuleFor(op, key.Status); err != nil {
		return latchkey.Key{}, err
	}
	return key, nil
}

// draftOf freezes what the key will be.
func draftOf(k latchkey.Key) latchkey.Draft {
	return latchkey.Draft{KeyName: k.Name, Permissions: k.Permissions, Allowlist: k.Allowlist}
}

// keyActs names the activity of each operation on a key.
var keyActs = map[latchkey.Operation]latchkey.ActivityType{
	latchkey.OpCreate:     latchkey.ActKeyCreated,
	latchkey.OpEdit:       latchkey.ActKeyEdited,
	latchkey.OpActivate:   latchkey.ActKeyActivated,
	latchkey.OpDeactivate: latchkey.ActKeyDeactivated,
	latchkey.OpDelete:     latchkey.ActKeyDeleted,
}

func (a *Authority) keyActivity(actor latchkey.Actor, op latchkey.Operation, k latchkey.Key, changes []latchkey.Change) latchkey.Activity {
	act := a.activity(actor, keyActs[op])
	act.AccountID, act.KeyID, act.Subject, act.Changes = k.AccountID, k.ID, k.Name, changes
	if op == latchkey.OpCreate || op == latchkey.OpActivate {
		act.Note = k.Permissions.String() + "; " + k.Allowlist.String()
	}
	return act
}

// RefusedCalls lists what the gateway refused of one key, newest first.
func (a *Authority) RefusedCalls(ctx context.Context, actor latchkey.Actor, keyID string, before int64, limit int) ([]latchkey.RefusedCall, error) {
	if _, err := a.Key(ctx, actor, keyID); err != nil {
		return nil, err
	}
	return a.store.RefusedCalls(ctx, actor.AccountID, keyID, before, min(max(limit, 1), 1000))
}
