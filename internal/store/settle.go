package store

import (
	"context"
	"fmt"
	"strings"

	"latchkey/internal/store/db"
)

// end is where revisions and activities end, as the transaction knows it. What
// has been added and is read by nobody in the transaction waits here, so that
// each table is written once, however many acts there are.
type end struct {
	rev     int64 // of the newest change of a key
	head    head
	changes []db.KeyChange // not written yet
	acts    []db.Activity  // not written yet
}

// head is the end of the chain of activities.
type head struct {
	seq  int64
	hash string
}

// settle writes what was added since the authority row was read.
func (t *tx) settle(ctx context.Context) error {
	if len(t.end.changes) == 0 && len(t.end.acts) == 0 {
		return nil
	}
	if err := t.insertChanges(ctx); err != nil {
		return fmt.Errorf("write the changes of keys: %w", err)
	}
	if err := t.insertActivities(ctx); err != nil {
		return fmt.Errorf("write the activity: %w", err)
	}
	return t.moveEnd(ctx)
}

func (t *tx) insertActivities(ctx context.Context) error {
	var args []any
	for _, a := range t.end.acts {
		args = append(args, a.Seq, a.At, a.AccountID, a.Type, a.Source, a.MemberID, a.IP, a.KeyID, a.Subject, a.Changes, a.Note, a.Hash)
	}
	return t.insert(ctx, "activity (seq, at, account_id, type, source, member_id, ip, key_id, subject, changes, note, hash)", 12, args)
}

// insertChanges writes the changes of keys and tells the other processes of
// each.
func (t *tx) insertChanges(ctx context.Context) error {
	var args, notes []any
	var tell []string
	for _, c := range t.end.changes {
		args = append(args, c.Rev, c.KeyID, c.Version, c.Status, c.At)
		notes = append(notes, fmt.Sprintf("%d %s", c.Rev, c.KeyID))
		tell = append(tell, fmt.Sprintf("pg_notify('%s', $%d)", ChannelChange, len(notes)))
	}
	err := t.insert(ctx, "key_change (rev, key_id, version, status, at)", 5, args)
	if err != nil || len(notes) == 0 || !t.store.engine.shared {
		return err
	}
	_, err = t.sql.ExecContext(ctx, "SELECT "+strings.Join(tell, ", "), notes...) // #nosec G202 -- only placeholders are put together
	return err
}

// insert writes as many rows as there are arguments for, by one statement. It is
// put together by hand, of placeholders only: its length is not known before.
func (t *tx) insert(ctx context.Context, table string, columns int, args []any) error {
	if len(args) == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString("INSERT INTO " + table + " VALUES ")
	for i := range args {
		switch {
		case i == 0:
			text.WriteString("(")
		case i%columns == 0:
			text.WriteString("), (")
		default:
			text.WriteString(", ")
		}
		fmt.Fprintf(&text, "$%d", i+1)
	}
	text.WriteString(")")
	_, err := t.sql.ExecContext(ctx, text.String(), args...)
	return err
}

// moveEnd writes the end into the authority row, which must have been held since
// it was read.
func (t *tx) moveEnd(ctx context.Context) error {
	sealed, err := t.store.sealHead(t.end.head)
	if err != nil {
		return err
	}
	return t.MoveEnd(ctx, db.MoveEndParams{Rev: t.end.rev, ActivitySeq: t.end.head.seq, ActivityHash: t.end.head.hash, ActivitySeal: sealed})
}
