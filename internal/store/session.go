package store

import (
	"context"
	"errors"
	"time"

	"latchkey"
	"latchkey/internal/store/db"
)

// StartSession opens a session, with the pending of its second step when there
// is one. Either of the two activities may be empty then, not both. Only the
// hash of the token comes here: who reads the database cannot sign in with it.
func (s *Store) StartSession(ctx context.Context, x latchkey.Session, tokenHash string, second *latchkey.Opening, act latchkey.Activity) error {
	return s.together(ctx, func(ctx context.Context, t *tx) error {
		err := t.InsertSession(ctx, db.InsertSessionParams{
			ID: x.ID, MemberID: x.MemberID, TokenHash: tokenHash, IsFull: x.Full, IP: plain(x.IP), UserAgent: plain(x.UserAgent),
			CreatedAt: micros(x.CreatedAt), LastSeen: micros(x.LastSeen), EndsAt: micros(x.EndsAt)})
		if err != nil {
			return err
		}
		if second == nil {
			_, err := t.record(ctx, act, nil)
			return err
		}
		return t.startSecond(ctx, *second, act)
	})
}

// startSecond opens the pending of the second step, with whichever of the two
// activities there are. The letters follow the pending's own.
func (t *tx) startSecond(ctx context.Context, second latchkey.Opening, act latchkey.Activity) error {
	if err := t.insertPending(ctx, second.Pending); err != nil {
		return err
	}
	if act.Type == "" {
		_, err := t.record(ctx, second.Activity, second.Letters)
		return err
	}
	done, err := t.record(ctx, act, nil)
	if err != nil {
		return err
	}
	if second.Activity.Type == "" {
		return t.post(ctx, second.Letters, done.Seq)
	}
	_, err = t.record(ctx, second.Activity, second.Letters)
	return err
}

// SessionByToken finds a session by the hash of its token, with its member as
// it is now: a role that was changed counts from the next request on. Whether
// the session has ended is for the caller to judge. ErrNotFound.
func (s *Store) SessionByToken(ctx context.Context, tokenHash string) (latchkey.Session, latchkey.Member, error) {
	row, err := s.read.SessionByToken(ctx, tokenHash)
	if err != nil {
		return latchkey.Session{}, latchkey.Member{}, found(err, latchkey.ErrNotFound)
	}
	return sessionOf(row.Session), memberOf(row.Member), nil
}

// TouchSession notes that the session was used, which its idle time counts
// from. It is no act, so it has no activity. ErrNotFound.
func (s *Store) TouchSession(ctx context.Context, sessionID string, at time.Time) error {
	return s.write(ctx, func(t *tx) error {
		rows, err := t.TouchSession(ctx, db.TouchSessionParams{ID: sessionID, LastSeen: micros(at)})
		return changed(rows, err, latchkey.ErrNotFound)
	})
}

// Sessions lists a member's sessions, newest first.
func (s *Store) Sessions(ctx context.Context, memberID string) ([]latchkey.Session, error) {
	rows, err := s.read.Sessions(ctx, memberID)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r db.Session) (latchkey.Session, error) { return sessionOf(r), nil })
}

// EndSession deletes one session of that member and cancels its open pendings:
// a pending ends with its session. ErrNotFound, also for the session of another
// member, so that nobody learns which ids exist.
func (s *Store) EndSession(ctx context.Context, memberID, sessionID string, act latchkey.Activity) error {
	return s.together(ctx, func(ctx context.Context, t *tx) error {
		rows, err := t.DeleteSession(ctx, db.DeleteSessionParams{ID: sessionID, MemberID: memberID})
		if err := changed(rows, err, latchkey.ErrNotFound); err != nil {
			return err
		}
		err = t.CancelOfSession(ctx, db.CancelOfSessionParams{Empty: []byte{}, MemberID: memberID, SessionID: sessionID})
		if err != nil {
			return err
		}
		_, err = t.record(ctx, act, nil)
		return err
	})
}

// ChargeBucket counts one more in the bucket; false, with nothing counted,
// when its limit is reached. A bucket without a limit takes nothing.
func (s *Store) ChargeBucket(ctx context.Context, b latchkey.Bucket) (bool, error) {
	var room bool
	err := s.write(ctx, func(t *tx) (err error) {
		room, err = t.charge(ctx, b)
		return err
	})
	return room && err == nil, err
}

// charge counts in the statement that checks the limit, so that two at once
// cannot both take the last place.
func (t *tx) charge(ctx context.Context, b latchkey.Bucket) (bool, error) {
	if b.Limit < 1 {
		return false, nil
	}
	_, err := t.ChargeBucket(ctx, db.ChargeBucketParams{Name: b.Name, Begins: micros(b.Window), Most: int64(b.Limit)})
	if errors.Is(found(err, latchkey.ErrNotFound), latchkey.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func sessionOf(r db.Session) latchkey.Session {
	return latchkey.Session{ID: r.ID, MemberID: r.MemberID, Full: r.IsFull, IP: r.IP, UserAgent: r.UserAgent,
		CreatedAt: moment(r.CreatedAt), LastSeen: moment(r.LastSeen), EndsAt: moment(r.EndsAt)}
}
