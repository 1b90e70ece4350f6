package authority

import (
	"context"
	"time"

	"latchkey"
)

// refusedHourly bounds the entries that one member's refused tries can write
// in an hour; the log has them all.
const refusedHourly = 60

// Activities lists entries of the owner's account, newest first.
func (a *Authority) Activities(ctx context.Context, actor latchkey.Actor, q latchkey.ActivityQuery) ([]latchkey.Activity, error) {
	if err := mustOwn(actor); err != nil {
		return nil, err
	}
	q.AccountID = actor.AccountID
	q.Limit = min(max(q.Limit, 1), 1000)
	return a.store.Activities(ctx, q)
}

// NoteRefused records that a member tried what he may not do.
func (a *Authority) NoteRefused(ctx context.Context, actor latchkey.Actor, note string) error {
	window := a.now().Truncate(time.Hour)
	ok, err := a.store.ChargeBucket(ctx, latchkey.Bucket{Name: "refused:" + actor.MemberID, Window: window, Limit: refusedHourly})
	if err != nil || !ok {
		return err
	}
	act := a.activity(actor, latchkey.ActRefused)
	act.Note = note
	return a.store.Record(ctx, act)
}

// Account reads the actor's account.
func (a *Authority) Account(ctx context.Context, actor latchkey.Actor) (latchkey.Account, error) {
	if err := mustBeMember(actor); err != nil {
		return latchkey.Account{}, err
	}
	return a.store.Account(ctx, actor.AccountID)
}

// Members lists the members of the owner's account.
func (a *Authority) Members(ctx context.Context, actor latchkey.Actor) ([]latchkey.Member, error) {
	if err := mustOwn(actor); err != nil {
		return nil, err
	}
	return a.store.Members(ctx, actor.AccountID)
}
