package store

import (
	"context"

	"latchkey"
	"latchkey/internal/store/db"
)

// CreateAccount writes an account and its activity. It fails with
// "account_exists" when the name is taken. The unique index decides that, not a
// look beforehand: two that create at once would both have looked.
func (s *Store) CreateAccount(ctx context.Context, a latchkey.Account, act latchkey.Activity) error {
	return s.act(ctx, func(t *tx) error {
		err := t.InsertAccount(ctx, db.InsertAccountParams{ID: a.ID, Name: a.Name, CreatedAt: micros(a.CreatedAt)})
		if err != nil {
			return err
		}
		_, err = t.record(ctx, act, nil)
		return err
	})
}

// AccountByName finds by exact name. ErrNotFound.
func (s *Store) AccountByName(ctx context.Context, name string) (latchkey.Account, error) {
	row, err := s.read.AccountByName(ctx, name)
	return accountOf(row), found(err, latchkey.ErrNotFound)
}

// Account finds by id. ErrNotFound.
func (s *Store) Account(ctx context.Context, id string) (latchkey.Account, error) {
	row, err := s.read.Account(ctx, id)
	return accountOf(row), found(err, latchkey.ErrNotFound)
}

// Accounts lists all, oldest first.
func (s *Store) Accounts(ctx context.Context) ([]latchkey.Account, error) {
	rows, err := s.read.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r db.Account) (latchkey.Account, error) { return accountOf(r), nil })
}

// AddMember fails with "member_exists" when the e-mail is taken anywhere, in any
// account, and with "owner_exists" for a second owner. The e-mail is stored as
// it comes: latchkey.NormalEmail makes it comparable. An account that does not
// exist, or a role that is none, is an error without a code.
func (s *Store) AddMember(ctx context.Context, m latchkey.Member, passwordHash string, act latchkey.Activity, letters ...latchkey.Letter) error {
	return s.act(ctx, func(t *tx) error {
		err := t.InsertMember(ctx, db.InsertMemberParams{ID: m.ID, AccountID: m.AccountID, Email: m.Email,
			Role: string(m.Role), PasswordHash: passwordHash, CreatedAt: micros(m.CreatedAt)})
		if err != nil {
			return err
		}
		_, err = t.record(ctx, act, letters)
		return err
	})
}

// RemoveMember takes the sessions, factors, recovery codes and pendings with it
// (ON DELETE CASCADE), so nothing of the member can be used from this commit
// on. The owner cannot be removed ("owner_stays"): an account without one could
// never again be managed. ErrNotFound, also for a member of another account.
func (s *Store) RemoveMember(ctx context.Context, accountID, memberID string, act latchkey.Activity, letters ...latchkey.Letter) error {
	return s.act(ctx, func(t *tx) error {
		row, err := t.Member(ctx, memberID)
		switch {
		case err != nil:
			return found(err, latchkey.ErrNotFound)
		case row.AccountID != accountID:
			return latchkey.ErrNotFound
		case row.Role == string(latchkey.RoleOwner):
			return errOwnerStays
		}
		// The account and the role stand in the WHERE once more: what was read
		// above explains the refusal, this decides.
		rows, err := t.DeleteMember(ctx, db.DeleteMemberParams{ID: memberID, AccountID: accountID})
		if err := changed(rows, err, latchkey.ErrNotFound); err != nil {
			return err
		}
		_, err = t.record(ctx, act, letters)
		return err
	})
}

// Members lists the members of one account, oldest first.
func (s *Store) Members(ctx context.Context, accountID string) ([]latchkey.Member, error) {
	rows, err := s.read.Members(ctx, accountID)
	if err != nil {
		return nil, err
	}
	return each(rows, func(r db.Member) (latchkey.Member, error) { return memberOf(r), nil })
}

// Member finds by id, with the hash of the password. ErrNotFound.
func (s *Store) Member(ctx context.Context, id string) (m latchkey.Member, passwordHash string, err error) {
	row, err := s.read.Member(ctx, id)
	return memberOf(row), row.PasswordHash, found(err, latchkey.ErrNotFound)
}

// MemberByEmail finds by normal e-mail, with the hash of the password.
// ErrNotFound.
func (s *Store) MemberByEmail(ctx context.Context, email string) (m latchkey.Member, passwordHash string, err error) {
	row, err := s.read.MemberByEmail(ctx, email)
	return memberOf(row), row.PasswordHash, found(err, latchkey.ErrNotFound)
}

// SetPassword writes the hash, ends all sessions but keepSession ("" keeps
// none), cancels what they had pending and kills links of a forgotten password:
// whoever changes a password after a theft must not leave the thief signed in
// (ASVS 7.4.3), nor with a way to come back. ErrNotFound.
func (s *Store) SetPassword(ctx context.Context, memberID, passwordHash, keepSession string, act latchkey.Activity, letters ...latchkey.Letter) error {
	return s.act(ctx, func(t *tx) error {
		rows, err := t.SetPassword(ctx, db.SetPasswordParams{ID: memberID, PasswordHash: passwordHash})
		if err := changed(rows, err, latchkey.ErrNotFound); err != nil {
			return err
		}
		err = t.CancelOfOtherSessions(ctx, db.CancelOfOtherSessionsParams{Empty: []byte{}, MemberID: memberID, SessionID: keepSession})
		if err != nil {
			return err
		}
		if err := t.DeleteOtherSessions(ctx, db.DeleteOtherSessionsParams{MemberID: memberID, ID: keepSession}); err != nil {
			return err
		}
		if err := t.DeleteResets(ctx, somebody(memberID)); err != nil {
			return err
		}
		_, err = t.record(ctx, act, letters)
		return err
	})
}

func accountOf(r db.Account) latchkey.Account {
	return latchkey.Account{ID: r.ID, Name: r.Name, CreatedAt: moment(r.CreatedAt)}
}

func memberOf(r db.Member) latchkey.Member {
	return latchkey.Member{ID: r.ID, AccountID: r.AccountID, Email: r.Email, Role: latchkey.Role(r.Role), CreatedAt: moment(r.CreatedAt)}
}
