package store

import (
	"context"
	"database/sql"
	"time"

	"latchkey"
	"latchkey/internal/store/db"
)

// OpenReset writes the link of a forgotten password in the place of the
// member's older one, with its activity and its letter. A link of nobody
// (MemberID "") is written by the same statements, so that the time taken does
// not tell which addresses exist; its letter finds no addressee.
func (s *Store) OpenReset(ctx context.Context, l latchkey.Link, act latchkey.Activity) error {
	sealed, err := s.sealText("link", "token", l.ID, l.Token)
	if err != nil {
		return err
	}
	return s.act(ctx, func(t *tx) error {
		if err := t.DeleteResets(ctx, somebody(l.MemberID)); err != nil {
			return err
		}
		if err := t.insertLink(ctx, l, sealed); err != nil {
			return err
		}
		_, err := t.record(ctx, act, []latchkey.Letter{{Kind: latchkey.LetterReset, LinkID: l.ID}})
		return err
	})
}

// OpenSetup writes the link of the set-up in the place of an older one, if
// there is no account; "already_set_up" otherwise. It changes nothing that
// anybody has, so it has no activity: the set-up itself has.
func (s *Store) OpenSetup(ctx context.Context, l latchkey.Link) error {
	return s.write(ctx, func(t *tx) error {
		if err := t.checkEmpty(ctx); err != nil {
			return err
		}
		if err := t.DeleteSetups(ctx); err != nil {
			return err
		}
		return t.insertLink(ctx, l, []byte{})
	})
}

// LinkByToken finds a link by the hash of its token, expired or not, without
// the token. ErrNotFound, also for a link of another kind.
func (s *Store) LinkByToken(ctx context.Context, kind latchkey.LinkKind, tokenHash string) (latchkey.Link, error) {
	row, err := s.read.LinkByToken(ctx, db.LinkByTokenParams{Kind: string(kind), TokenHash: tokenHash})
	return linkOf(row), found(err, latchkey.ErrNotFound)
}

// ResetPassword uses a link up and does what SetPassword does: it writes the
// hash, ends all sessions of the member and cancels what they had pending. The
// member hears of it by mail. "invalid_link" when the link is not live at that
// moment, or another member's.
func (s *Store) ResetPassword(ctx context.Context, l latchkey.Link, passwordHash string, at time.Time, act latchkey.Activity) error {
	return s.act(ctx, func(t *tx) error {
		memberID, err := t.useLink(ctx, latchkey.LinkReset, l.TokenHash, at)
		if err != nil {
			return err
		}
		if memberID == "" || memberID != l.MemberID {
			return latchkey.ErrLink
		}
		rows, err := t.SetPassword(ctx, db.SetPasswordParams{ID: l.MemberID, PasswordHash: passwordHash})
		if err := changed(rows, err, latchkey.ErrLink); err != nil {
			return err
		}
		err = t.CancelOfOtherSessions(ctx, db.CancelOfOtherSessionsParams{Empty: []byte{}, MemberID: l.MemberID})
		if err != nil {
			return err
		}
		if err := t.DeleteOtherSessions(ctx, db.DeleteOtherSessionsParams{MemberID: l.MemberID}); err != nil {
			return err
		}
		_, err = t.record(ctx, act, []latchkey.Letter{{Kind: latchkey.LetterNotice, MemberID: l.MemberID}})
		return err
	})
}

// SetUp uses the set-up's link up and writes the first account and its owner,
// with an activity for each. "invalid_link" when the link is not live at that
// moment, "already_set_up" when there is an account by now.
func (s *Store) SetUp(ctx context.Context, tokenHash string, a latchkey.Account, owner latchkey.Member, passwordHash string, acts []latchkey.Activity) error {
	return s.act(ctx, func(t *tx) error {
		if _, err := t.useLink(ctx, latchkey.LinkSetup, tokenHash, a.CreatedAt); err != nil {
			return err
		}
		if err := t.checkEmpty(ctx); err != nil {
			return err
		}
		if err := t.InsertAccount(ctx, db.InsertAccountParams{ID: a.ID, Name: a.Name, CreatedAt: micros(a.CreatedAt)}); err != nil {
			return err
		}
		err := t.InsertMember(ctx, db.InsertMemberParams{ID: owner.ID, AccountID: a.ID, Email: owner.Email,
			Role: string(owner.Role), PasswordHash: passwordHash, CreatedAt: micros(owner.CreatedAt)})
		if err != nil {
			return err
		}
		for _, act := range acts {
			if _, err := t.record(ctx, act, nil); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkEmpty lets the set-up pass while there is no account.
func (t *tx) checkEmpty(ctx context.Context) error {
	n, err := t.CountAccounts(ctx)
	if err == nil && n > 0 {
		return errSetUp
	}
	return err
}

// useLink deletes the link, provided that it is live: of two requests with one
// token only one finds it. It returns whose it was, "" for nobody's.
func (t *tx) useLink(ctx context.Context, kind latchkey.LinkKind, tokenHash string, at time.Time) (memberID string, err error) {
	who, err := t.UseLink(ctx, db.UseLinkParams{Kind: string(kind), TokenHash: tokenHash, Now: micros(at)})
	return who.String, found(err, latchkey.ErrLink)
}

func (t *tx) insertLink(ctx context.Context, l latchkey.Link, sealed []byte) error {
	return t.InsertLink(ctx, db.InsertLinkParams{ID: l.ID, Kind: string(l.Kind), MemberID: somebody(l.MemberID),
		TokenHash: l.TokenHash, Token: sealed, CreatedAt: micros(l.CreatedAt), ExpiresAt: micros(l.ExpiresAt)})
}

// resetFacts are for the mail with the link. A link that was used or replaced
// is gone, and one of nobody has no addressee: ErrNotFound for all of these.
func (s *Store) resetFacts(ctx context.Context, l latchkey.Letter) (f latchkey.Facts, err error) {
	row, err := s.read.Link(ctx, l.LinkID)
	if err != nil {
		return latchkey.Facts{}, found(err, latchkey.ErrNotFound)
	}
	f.Link = linkOf(row)
	if f.Link.Kind != latchkey.LinkReset || f.Link.MemberID == "" {
		return latchkey.Facts{}, latchkey.ErrNotFound
	}
	if f.Link.Token, err = s.openFull("link", "token", row.ID, row.Token); err != nil {
		return latchkey.Facts{}, err
	}
	if f.Member, _, err = s.Member(ctx, f.Link.MemberID); err != nil {
		return latchkey.Facts{}, err
	}
	f.Account, err = s.Account(ctx, f.Member.AccountID)
	return f, err
}

// somebody is a member's id as it stands in a link: nobody is NULL.
func somebody(memberID string) sql.NullString {
	return sql.NullString{String: memberID, Valid: memberID != ""}
}

// linkOf reads a row but for its token, which only the letter needs.
func linkOf(r db.Link) latchkey.Link {
	return latchkey.Link{ID: r.ID, Kind: latchkey.LinkKind(r.Kind), MemberID: r.MemberID.String, TokenHash: r.TokenHash,
		CreatedAt: moment(r.CreatedAt), ExpiresAt: moment(r.ExpiresAt)}
}
