package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"latchkey"
	"latchkey/internal/evidence"
	"latchkey/internal/store/db"
)

// Record writes an activity that stands for itself, with its letters: something
// that was refused, or that changed nothing here.
func (s *Store) Record(ctx context.Context, act latchkey.Activity, letters ...latchkey.Letter) error {
	return s.together(ctx, func(ctx context.Context, t *tx) error {
		_, err := t.record(ctx, act, letters)
		return err
	})
}

// record numbers an activity, chains it and puts its letters in the outbox. It
// needs the authority row, so it works in act and together only: in write the head is
// empty and the number is taken.
func (t *tx) record(ctx context.Context, act latchkey.Activity, letters []latchkey.Letter) (latchkey.Activity, error) {
	if act.Type == "" || act.Source == "" || act.At.IsZero() {
		return latchkey.Activity{}, errors.New("an activity needs a type, a source and a time")
	}
	act = storable(act)
	act.Seq = t.end.head.seq + 1
	act.Hash = evidence.Hash(t.end.head.hash, act)
	changes, err := encode(act.Changes)
	if err != nil {
		return latchkey.Activity{}, err
	}
	t.end.acts = append(t.end.acts, db.Activity{
		Seq: act.Seq, At: micros(act.At), AccountID: act.AccountID, Type: string(act.Type), Source: string(act.Source),
		MemberID: act.MemberID, IP: act.IP, KeyID: act.KeyID, Subject: act.Subject, Changes: changes, Note: act.Note, Hash: act.Hash})
	t.end.head = head{seq: act.Seq, hash: act.Hash}
	return act, t.post(ctx, letters, act.Seq)
}

// storable returns the activity as it will be read again: the hash must be
// that of what is stored.
func storable(act latchkey.Activity) latchkey.Activity {
	act.At = moment(micros(act.At))
	for _, s := range []*string{&act.AccountID, &act.MemberID, &act.IP, &act.KeyID, &act.Subject, &act.Note} {
		*s = plain(*s)
	}
	changes := make([]latchkey.Change, 0, len(act.Changes))
	for _, c := range act.Changes {
		changes = append(changes, latchkey.Change{Field: plain(c.Field), Old: plain(c.Old), New: plain(c.New)})
	}
	act.Changes = changes
	return act
}

// activityOf reads a row. It does not check the hash: VerifyActivity does.
func activityOf(row db.Activity) (latchkey.Activity, error) {
	changes, err := decode[[]latchkey.Change](row.Changes)
	if err != nil {
		return latchkey.Activity{}, fmt.Errorf("activity %d: %w", row.Seq, err)
	}
	return latchkey.Activity{
		Seq: row.Seq, At: moment(row.At), AccountID: row.AccountID, Type: latchkey.ActivityType(row.Type),
		Source: latchkey.Source(row.Source), MemberID: row.MemberID, IP: row.IP, KeyID: row.KeyID,
		Subject: row.Subject, Changes: changes, Note: row.Note, Hash: row.Hash}, nil
}

// Activities lists entries of one account, newest first. "invalid_limit" for
// other than 1 to 1,000 at a time; Before takes the reader to the next page, and
// entries that are written meanwhile do not move it.
func (s *Store) Activities(ctx context.Context, q latchkey.ActivityQuery) ([]latchkey.Activity, error) {
	if q.Limit < 1 || q.Limit > 1000 {
		return nil, latchkey.Invalid("limit", "invalid_limit", "ask for 1 to 1000 activities, not %d", q.Limit)
	}
	text, args := activityQuery(q)
	rows, err := s.engine.read.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("list activities: %w", err)
	}
	defer rows.Close()
	var out []latchkey.Activity
	for rows.Next() {
		var r db.Activity
		if err := rows.Scan(&r.Seq, &r.At, &r.AccountID, &r.Type, &r.Source, &r.MemberID, &r.IP, &r.KeyID, &r.Subject, &r.Changes, &r.Note, &r.Hash); err != nil {
			return nil, fmt.Errorf("list activities: %w", err)
		}
		act, err := activityOf(r)
		if err != nil {
			return nil, err
		}
		out = append(out, act)
	}
	return out, rows.Err()
}

// activityQuery is the one query that is put together by hand: SQLite has no
// arrays, so a list of types needs as many placeholders as it has. Nothing but
// placeholders is put in.
func activityQuery(q latchkey.ActivityQuery) (text string, args []any) {
	var where strings.Builder
	add := func(condition string, arg any) {
		args = append(args, arg)
		fmt.Fprintf(&where, " AND "+condition, len(args))
	}
	args = append(args, q.AccountID)
	bounds := []struct {
		condition string
		at        time.Time
	}{{"at >= $%d", q.From}, {"at < $%d", q.To}}
	for _, b := range bounds {
		if !b.at.IsZero() {
			add(b.condition, micros(b.at))
		}
	}
	if q.KeyID != "" {
		add("key_id = $%d", q.KeyID)
	}
	if q.Before > 0 {
		add("seq < $%d", q.Before)
	}
	if len(q.Types) > 0 {
		var marks []string
		for _, kind := range q.Types {
			args = append(args, string(kind))
			marks = append(marks, fmt.Sprintf("$%d", len(args)))
		}
		where.WriteString(" AND type IN (" + strings.Join(marks, ", ") + ")")
	}
	args = append(args, int64(q.Limit))
	return fmt.Sprintf(`SELECT seq, at, account_id, type, source, member_id, ip, key_id, subject, changes, note, hash
FROM activity WHERE account_id = $1%s ORDER BY seq DESC LIMIT $%d`, where.String(), len(args)), args
}
