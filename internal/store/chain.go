package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"

	"latchkey"
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

// chained is the hash of an entry: SHA-256 over the hash before it and all of
// its fields, each with its length in front, so that no two entries have the
// same encoding. In hex.
func chained(before string, act latchkey.Activity) string {
	sum := sha256.New()
	field(sum, "latchkey activity v1")
	field(sum, before)
	for _, n := range []int64{act.Seq, micros(act.At)} {
		field(sum, strconv.FormatInt(n, 10))
	}
	for _, s := range []string{act.AccountID, string(act.Type), string(act.Source), act.MemberID, act.IP, act.KeyID, act.Subject, act.Note} {
		field(sum, s)
	}
	field(sum, strconv.Itoa(len(act.Changes)))
	for _, c := range act.Changes {
		field(sum, c.Field)
		field(sum, c.Old)
		field(sum, c.New)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// field writes a netstring (cr.yp.to/proto/netstrings.txt).
func field(sum hash.Hash, s string) {
	fmt.Fprintf(sum, "%d:%s,", len(s), s) // a hash never fails to take bytes
}

// verifyPage is how many entries are read at a time.
const verifyPage = 500

// VerifyActivity walks the whole chain and returns how many entries it has. An
// entry that was edited, deleted or moved, and a chain that was cut or made
// anew, is a *BrokenChain that names the first bad number. Two things it cannot
// see, and what is written down elsewhere must show them: a whole database that
// was put back to an older state, and whatever somebody does who has both the
// database and the keyset.
func (s *Store) VerifyActivity(ctx context.Context) (rows int64, err error) {
	// One snapshot: what is written meanwhile is not looked at.
	snapshot, err := s.engine.read.BeginTx(ctx, s.engine.snapshot())
	if err != nil {
		return 0, fmt.Errorf("begin: %w", err)
	}
	defer snapshot.Rollback()
	q := db.New(snapshot)
	end, err := q.Authority(ctx)
	if err != nil {
		return 0, fmt.Errorf("read the head of the chain: %w", err)
	}
	at, err := walk(ctx, q)
	if err != nil {
		return at.seq, err
	}
	return at.seq, s.checkEnd(at, end)
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
func walk(ctx context.Context, q *db.Queries) (head, error) {
	var at head
	for {
		page, err := q.ActivitiesAfter(ctx, db.ActivitiesAfterParams{Seq: at.seq, Limit: verifyPage})
		if err != nil {
			return at, fmt.Errorf("read activities: %w", err)
		}
		for _, row := range page {
			if at, err = at.follow(row); err != nil {
				return at, err
			}
		}
		if len(page) < verifyPage {
			return at, nil
		}
	}
}

// follow checks one entry and makes it the new end. On an error the end stays.
func (h head) follow(row db.Activity) (head, error) {
	if row.Seq != h.seq+1 {
		return h, &BrokenChain{h.seq + 1, "it is missing"}
	}
	act, err := activityOf(row)
	if err != nil {
		return h, &BrokenChain{row.Seq, "it cannot be read: it was changed"}
	}
	if chained(h.hash, act) != act.Hash {
		return h, &BrokenChain{row.Seq, "its hash does not fit: it, or what stood before it, was changed"}
	}
	return head{seq: row.Seq, hash: row.Hash}, nil
}

// snapshot are the options of a transaction that reads everything as it was at
// one moment.
func (e *engine) snapshot() *sql.TxOptions {
	if e.options == nil {
		return &sql.TxOptions{ReadOnly: true}
	}
	return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
}
