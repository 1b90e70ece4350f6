package store

import (
	"context"
	"time"

	"latchkey"
	"latchkey/internal/store/db"
)

// OpenOperatorLink writes a link that waits to be opened, with its activity.
// Other links stay: several operators may look at once.
func (s *Store) OpenOperatorLink(ctx context.Context, x latchkey.OperatorSession, linkHash string, act latchkey.Activity) error {
	return s.act(ctx, func(t *tx) error {
		err := t.InsertOperatorSession(ctx, db.InsertOperatorSessionParams{
			ID: x.ID, TokenHash: linkHash, CreatedAt: micros(x.CreatedAt), EndsAt: micros(x.EndsAt)})
		if err != nil {
			return err
		}
		_, err = t.record(ctx, act, nil)
		return err
	})
}

// StartOperatorSession turns a link into the session of the browser that opened
// it, under the token of its cookie, until ends. The activity is about it.
// "invalid_link" when the link is not waiting at that moment: of two browsers
// with one link only one gets in.
func (s *Store) StartOperatorSession(ctx context.Context, linkHash, cookieHash, ip string, at, ends time.Time, act latchkey.Activity) (latchkey.OperatorSession, error) {
	var out latchkey.OperatorSession
	err := s.act(ctx, func(t *tx) error {
		row, err := t.OpenOperatorSession(ctx, db.OpenOperatorSessionParams{
			LinkHash: linkHash, CookieHash: cookieHash, IP: plain(ip), EndsAt: micros(ends), Now: micros(at)})
		if err != nil {
			return found(err, latchkey.ErrLink)
		}
		out = operatorSessionOf(row)
		about := act
		about.Subject = out.ID
		_, err = t.record(ctx, about, nil)
		return err
	})
	return out, err
}

// OperatorSessionByToken finds a session, or a link, by the hash of its token.
// Whether it may look is for the caller to judge. ErrNotFound.
func (s *Store) OperatorSessionByToken(ctx context.Context, tokenHash string) (latchkey.OperatorSession, error) {
	row, err := s.read.OperatorSessionByToken(ctx, tokenHash)
	return operatorSessionOf(row), found(err, latchkey.ErrNotFound)
}

// EndOperatorSession deletes a session, with its activity. ErrNotFound.
func (s *Store) EndOperatorSession(ctx context.Context, id string, act latchkey.Activity) error {
	return s.act(ctx, func(t *tx) error {
		rows, err := t.DeleteOperatorSession(ctx, id)
		if err := changed(rows, err, latchkey.ErrNotFound); err != nil {
			return err
		}
		_, err = t.record(ctx, act, nil)
		return err
	})
}

func operatorSessionOf(r db.OperatorSession) latchkey.OperatorSession {
	return latchkey.OperatorSession{ID: r.ID, Open: r.IsOpen, IP: r.IP, CreatedAt: moment(r.CreatedAt), EndsAt: moment(r.EndsAt)}
}
