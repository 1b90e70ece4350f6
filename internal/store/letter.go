package store

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"maragu.dev/goqite"

	"latchkey"
)

// letterHidden is how long a letter that somebody received is not given to
// anybody else. A sender that died is replaced after it.
const letterHidden = time.Minute

// newOutbox opens the job queue that holds the letters. It works by the clock of
// the machine, not by the one of Config: it counts how long a sender is silent.
func newOutbox(e *engine) *goqite.Queue {
	return goqite.New(goqite.NewOpts{
		DB: e.write, Name: "letter", SQLFlavor: e.flavor, Timeout: letterHidden,
		// The courier decides when to give up: it knows what expires.
		MaxReceive: math.MaxInt32,
	})
}

// post puts letters in the outbox, in the transaction of the act: a code is
// never sent for a pending that does not exist, nor forgotten for one that
// does. A notice gets the number of its activity.
func (t *tx) post(ctx context.Context, letters []latchkey.Letter, activity int64) error {
	for _, l := range letters {
		if l.Kind == latchkey.LetterNotice {
			l.Activity = activity
		}
		body, err := encode(l)
		if err != nil {
			return err
		}
		message := goqite.Message{Body: []byte(body)}
		if l.Kind == latchkey.LetterCode {
			message.Priority = 1 // somebody waits for it: before all notices
		}
		if err := t.store.outbox.SendTx(ctx, t.sql, message); err != nil {
			return fmt.Errorf("write to the outbox: %w", err)
		}
	}
	return nil
}

// ReceiveLetter takes the next letter; ok is false when none is due. Until it
// is done or put off, nobody else gets it for a minute. tries counts how often
// it was received, this time included.
func (s *Store) ReceiveLetter(ctx context.Context) (id string, l latchkey.Letter, tries int, ok bool, err error) {
	s.letter.Lock()
	defer s.letter.Unlock()
	err = s.write(ctx, func(t *tx) error {
		id, l, tries, ok = "", latchkey.Letter{}, 0, false
		m, err := s.outbox.ReceiveTx(ctx, t.sql)
		if err != nil || m == nil {
			return err
		}
		if err := json.Unmarshal(m.Body, &l); err != nil {
			// It would come back for ever and hold up those behind it.
			s.log.Error("store: a letter that cannot be read was dropped", "id", m.ID)
			return s.outbox.DeleteTx(ctx, t.sql, m.ID)
		}
		id, ok = string(m.ID), true
		return t.sql.QueryRowContext(ctx, "SELECT received FROM goqite WHERE id = $1", id).Scan(&tries)
	})
	if err != nil {
		return "", latchkey.Letter{}, 0, false, fmt.Errorf("receive a letter: %w", err)
	}
	return id, l, tries, ok, nil
}

// LetterDone takes a letter out of the outbox, sent or given up.
func (s *Store) LetterDone(ctx context.Context, id string) error {
	return s.write(ctx, func(t *tx) error { return s.outbox.DeleteTx(ctx, t.sql, goqite.ID(id)) })
}

// LetterRetry gives the letter out again, but not before that time has passed.
// Unknown ids are no error, here and in LetterDone: the letter is gone anyway.
func (s *Store) LetterRetry(ctx context.Context, id string, after time.Duration) error {
	return s.write(ctx, func(t *tx) error { return s.outbox.ExtendTx(ctx, t.sql, goqite.ID(id), max(after, 0)) })
}

// Facts reads what the message of a letter is made from, as it is now.
// ErrNotFound when what it is about no longer exists.
func (s *Store) Facts(ctx context.Context, l latchkey.Letter) (latchkey.Facts, error) {
	switch l.Kind {
	case latchkey.LetterCode:
		return s.codeFacts(ctx, l)
	case latchkey.LetterNotice:
		return s.noticeFacts(ctx, l)
	case latchkey.LetterReset:
		return s.resetFacts(ctx, l)
	}
	return latchkey.Facts{}, latchkey.ErrNotFound
}

// codeFacts are for a code. The pending is as it is now, so the courier sees
// whether it still waits and whether this was its newest code.
func (s *Store) codeFacts(ctx context.Context, l latchkey.Letter) (f latchkey.Facts, err error) {
	if f.Pending, err = s.Pending(ctx, l.PendingID); err != nil {
		return latchkey.Facts{}, err
	}
	if f.Member, _, err = s.Member(ctx, f.Pending.MemberID); err != nil {
		return latchkey.Facts{}, err
	}
	if f.Account, err = s.Account(ctx, f.Pending.AccountID); err != nil {
		return latchkey.Facts{}, err
	}
	if f.Pending.FactorKind == latchkey.FactorSMS {
		if f.Phone, err = s.phone(ctx, f.Pending); err != nil {
			return latchkey.Facts{}, err
		}
	}
	return f, nil
}

// phone is where the code goes. Only a factor that proves itself uses the new
// number; else a code meant for the old phone could go to the new one.
func (s *Store) phone(ctx context.Context, p latchkey.Pending) (string, error) {
	if p.Proof == latchkey.ProofNewFactor {
		if p.NewSecret == "" {
			return "", latchkey.ErrNotFound
		}
		return p.NewSecret.Reveal(), nil
	}
	_, number, _, err := s.FactorSecret(ctx, p.MemberID, p.FactorID)
	return number.Reveal(), err
}

// noticeFacts are for a notice. The account is the addressee's own, never one
// that the letter names.
func (s *Store) noticeFacts(ctx context.Context, l latchkey.Letter) (f latchkey.Facts, err error) {
	row, err := s.read.Activity(ctx, l.Activity)
	if err != nil {
		return latchkey.Facts{}, found(err, latchkey.ErrNotFound)
	}
	if f.Activity, err = activityOf(row); err != nil {
		return latchkey.Facts{}, err
	}
	if f.Member, err = s.addressee(ctx, l.MemberID, f.Activity.AccountID); err != nil {
		return latchkey.Facts{}, err
	}
	if f.Account, err = s.Account(ctx, f.Member.AccountID); err != nil {
		return latchkey.Facts{}, err
	}
	return f, nil
}

// addressee is the named member, or else the owner of the account, who hears of
// everything that the operator does to a key.
func (s *Store) addressee(ctx context.Context, memberID, accountID string) (latchkey.Member, error) {
	if memberID != "" {
		m, _, err := s.Member(ctx, memberID)
		return m, err
	}
	row, err := s.read.OwnerOf(ctx, accountID)
	if err != nil {
		return latchkey.Member{}, found(err, latchkey.ErrNotFound)
	}
	return memberOf(row), nil
}

// OutboxEmpty reports whether no letter waits, due or put off.
func (s *Store) OutboxEmpty(ctx context.Context) (bool, error) {
	var n int64
	err := s.engine.read.QueryRowContext(ctx, "SELECT count(*) FROM goqite").Scan(&n)
	return err == nil && n == 0, err
}
