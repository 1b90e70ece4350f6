package store

import (
	"context"
	"database/sql"
	"fmt"

	"latchkey"
	"latchkey/internal/evidence"
	"latchkey/internal/store/db"
)

// BrokenChain is the first activity that is not what was written.
type BrokenChain struct {
	Seq    int64
	Reason string
}

func (b *BrokenChain) Error() string {
	return fmt.Sprintf("activity %d: %s", b.Seq, b.Reason)
}

// verifyPage is how many entries are read at a time.
const verifyPage = 500

// VerifyActivity walks the whole chain and returns how many entries it has; see
// ReadActivity.
func (s *Store) VerifyActivity(ctx context.Context) (rows int64, err error) {
	end, err := s.ReadActivity(ctx, func(string, latchkey.Activity) error { return nil })
	return end.Seq, err
}

// ReadActivity walks the whole chain, gives each entry to each, with the hash
// before it, and returns where it ends. An entry that was edited, deleted or
// moved, and a chain that was cut or made anew, is a *BrokenChain that names the
// first bad number. Two things it cannot see, and a checkpoint that is kept
// elsewhere must show them (package evidence): a whole database that was put
// back to an older state, and whatever somebody does who has both the database
// and the keyset.
func (s *Store) ReadActivity(ctx context.Context, each func(before string, act latchkey.Activity) error) (evidence.End, error) {
	// One snapshot: what is written meanwhile is not looked at.
	snapshot, err := s.engine.read.BeginTx(ctx, s.engine.snapshot())
	if err != nil {
		return evidence.End{}, fmt.Errorf("begin: %w", err)
	}
	defer snapshot.Rollback()
	q := db.New(snapshot)
	end, err := q.Authority(ctx)
	if err != nil {
		return evidence.End{}, fmt.Errorf("read the head of the chain: %w", err)
	}
	at, err := walk(ctx, q, each)
	if err == nil {
		err = s.checkEnd(at, end)
	}
	return evidence.End{Incarnation: end.Incarnation, Seq: at.seq, Hash: at.hash}, err
}

// ActivityEnd is where the chain ends, as the program left it: a *BrokenChain
// when somebody else did. It does not look at the entries.
func (s *Store) ActivityEnd(ctx context.Context) (evidence.End, error) {
	row, err := s.read.Authority(ctx)
	if err != nil {
		return evidence.End{}, fmt.Errorf("read the head of the chain: %w", err)
	}
	return evidence.End{Incarnation: row.Incarnation, Seq: row.ActivitySeq, Hash: row.ActivityHash},
		s.checkHead(head{seq: row.ActivitySeq, hash: row.ActivityHash}, row.ActivitySeal)
}

// checkEnd compares the end of the walk with the recorded end and its sealed
// copy.
func (s *Store) checkEnd(at head, end db.Authority) error {
	if at.seq != end.ActivitySeq {
		return &BrokenChain{min(at.seq, end.ActivitySeq) + 1, fmt.Sprintf("the chain has %d entries and must have %d: it was cut or added to", at.seq, end.ActivitySeq)}
	}
	if at.hash != end.ActivityHash {
		return &BrokenChain{at.seq, "the chain does not end as recorded: it was made anew"}
	}
	return s.checkHead(at, end.ActivitySeal)
}

// walk follows the chain from its begin and returns where it ends.
func walk(ctx context.Context, q *db.Queries, each func(before string, act latchkey.Activity) error) (head, error) {
	var at head
	for {
		page, err := q.ActivitiesAfter(ctx, db.ActivitiesAfterParams{Seq: at.seq, Limit: verifyPage})
		if err != nil {
			return at, fmt.Errorf("read activities: %w", err)
		}
		for _, row := range page {
			act, err := at.follow(row)
			if err == nil {
				err = each(at.hash, act)
			}
			if err != nil {
				return at, err
			}
			at = head{seq: act.Seq, hash: act.Hash}
		}
		if len(page) < verifyPage {
			return at, nil
		}
	}
}

// follow reads the entry that must come next.
func (h head) follow(row db.Activity) (latchkey.Activity, error) {
	if row.Seq != h.seq+1 {
		return latchkey.Activity{}, &BrokenChain{h.seq + 1, "it is missing"}
	}
	act, err := activityOf(row)
	if err != nil {
		return latchkey.Activity{}, &BrokenChain{row.Seq, "it cannot be read: it was changed"}
	}
	if evidence.Hash(h.hash, act) != act.Hash {
		return latchkey.Activity{}, &BrokenChain{row.Seq, "its hash does not fit: it, or what stood before it, was changed"}
	}
	return act, nil
}

// snapshot are the options of a transaction that reads everything as it was at
// one moment.
func (e *engine) snapshot() *sql.TxOptions {
	if e.options == nil {
		return &sql.TxOptions{ReadOnly: true}
	}
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}
