// Package evidence makes the activities provable away from the database that
// holds them: the chain of hashes, checkpoints of its end that the authority
// signs, and exports, which anybody can check who has the public key. It knows
// no database and no server.
package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"time"

	"latchkey"
)

// Hash is the hash of an entry: SHA-256 over the hash before it ("" before the
// first) and all of its fields, each with its length in front, so that no two
// entries have the same encoding. In hex.
func Hash(before string, act latchkey.Activity) string {
	sum := sha256.New()
	fields(sum, "latchkey activity v1", before, strconv.FormatInt(act.Seq, 10), micros(act.At),
		act.AccountID, string(act.Type), string(act.Source), act.MemberID, act.IP, act.KeyID, act.Subject, act.Note,
		strconv.Itoa(len(act.Changes)))
	for _, c := range act.Changes {
		fields(sum, c.Field, c.Old, c.New)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// fields writes netstrings (cr.yp.to/proto/netstrings.txt).
func fields(sum hash.Hash, texts ...string) {
	for _, s := range texts {
		fmt.Fprintf(sum, "%d:%s,", len(s), s) // a hash never fails to take bytes
	}
}

// micros is a time as the database keeps it: microseconds since 1970; the zero
// time is 0.
func micros(t time.Time) string {
	if t.IsZero() {
		return "0"
	}
	return strconv.FormatInt(t.UnixMicro(), 10)
}

// End is where a chain ends.
type End struct {
	// Incarnation counts how often the database was put back from a backup, from
	// 1 on. A chain of a later one may lack what an earlier one had.
	Incarnation int64  `json:"incarnation"`
	Seq         int64  `json:"seq"`  // of the newest entry; 0: there is none
	Hash        string `json:"hash"` // of that entry, and so of all before it
}
