package authority

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"latchkey"
)

// KeySessions reaches the WebSocket sessions that bots have open with keys.
// They live in the memory of the gateway nodes and nowhere else.
type KeySessions interface {
	// List returns the live sessions of these keys, the oldest of a key first.
	List(ctx context.Context, keyIDs ...string) ([]latchkey.KeySession, error)
	// End ends one session of a key; when it returns, nothing more of it reaches
	// the exchange. False: the key has no such session, or not any more.
	End(ctx context.Context, keyID, id string) (bool, error)
}

// noSessions is the view of a process that reaches no gateway.
type noSessions struct{}

func (noSessions) List(context.Context, ...string) ([]latchkey.KeySession, error) { return nil, nil }
func (noSessions) End(context.Context, string, string) (bool, error)              { return false, nil }

// errSessionGone is the same for a session that ended, one of another key and
// one that never was: whose an id is, is nobody else's to know.
var errSessionGone = latchkey.Errorf(latchkey.KindNotFound, "session_not_found",
	"this key has no such session, or it has ended already; look at the list again")

// KeySessions lists the live sessions of one key of the owner's account, the
// oldest first.
func (a *Authority) KeySessions(ctx context.Context, actor latchkey.Actor, keyID string) ([]latchkey.KeySession, error) {
	if _, err := a.Key(ctx, actor, keyID); err != nil {
		return nil, err
	}
	return a.sessions.List(ctx, keyID)
}

// KeySessionCounts counts the live sessions of each key of the owner's account,
// with one question for all of them. A key without a session is missing.
func (a *Authority) KeySessionCounts(ctx context.Context, actor latchkey.Actor) (map[string]int, error) {
	keys, err := a.Keys(ctx, actor)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(keys))
	for i, k := range keys {
		ids[i] = k.ID
	}
	open, err := a.sessions.List(ctx, ids...)
	count := make(map[string]int, len(ids))
	for _, s := range open {
		count[s.KeyID]++
	}
	return count, err
}

// EndKeySession ends one session of a key at once. Like Deactivate it needs no
// proof: it only takes away, and a bot that may can open another one.
func (a *Authority) EndKeySession(ctx context.Context, actor latchkey.Actor, keyID, sessionID string) error {
	key, err := a.Key(ctx, actor, keyID)
	if err != nil {
		return err
	}
	return a.endSession(ctx, actor, key, sessionID)
}

// endSession writes the entry and then ends the session: where no entry can be
// written, nothing happens. A session that is gone leaves none, because nothing
// was done; one that goes by itself between the two was there when the owner
// ended it, and is gone as wished.
func (a *Authority) endSession(ctx context.Context, actor latchkey.Actor, key latchkey.Key, id string) error {
	open, err := a.sessions.List(ctx, key.ID)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(open, func(s latchkey.KeySession) bool { return s.ID == id })
	if at < 0 {
		return errSessionGone
	}
	act := a.sessionActivity(actor, key, open[at])
	// Neither half is left undone because the browser went away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyTime)
	defer cancel()
	if err := a.store.Record(ctx, act); err != nil {
		return err
	}
	if _, err = a.sessions.End(ctx, key.ID, id); err != nil {
		// The entry above says more than is known now.
		act.At, act.Note = a.now(), act.Note+"; its gateway did not confirm that it ended"
		return errors.Join(err, a.store.Record(ctx, act))
	}
	return nil
}

// sessionActivity is about an end of a session. Its id is the one in the
// gateway's log and in the bot's answers.
func (a *Authority) sessionActivity(actor latchkey.Actor, key latchkey.Key, s latchkey.KeySession) latchkey.Activity {
	act := a.activity(actor, latchkey.ActKeySessionEnded)
	act.AccountID, act.KeyID, act.Subject = key.AccountID, key.ID, key.Name
	act.Note = fmt.Sprintf("of %s, open since %s, messages: %d; %s", s.IP, s.Since.UTC().Format(time.RFC3339), s.Messages, s.ID)
	return act
}

// KeySessions lists the live sessions of a key of any account.
func (o Operator) KeySessions(ctx context.Context, keyID string) ([]latchkey.KeySession, error) {
	if _, err := o.a.store.KeyByID(ctx, keyID); err != nil {
		return nil, err
	}
	return o.a.sessions.List(ctx, keyID)
}

// EndKeySession ends one of them.
func (o Operator) EndKeySession(ctx context.Context, keyID, sessionID string) error {
	key, err := o.a.store.KeyByID(ctx, keyID)
	if err != nil {
		return err
	}
	return o.a.endSession(ctx, o.actor(key.AccountID), key, sessionID)
}
