package store_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/store"
)

// tampered are changes that somebody makes beside the program in a chain of
// eight entries, and the first entry that must be found bad.
var tampered = []struct {
	name   string
	seq    int64
	tamper []string
}{
	{"an edited note", 4, []string{"UPDATE activity SET note = 'harmless' WHERE seq = 4"}},
	{"an edited type", 5, []string{"UPDATE activity SET type = 'signed_out' WHERE seq = 5"}},
	{"an edited time", 4, []string{"UPDATE activity SET at = at + 1 WHERE seq = 4"}},
	{"an edited address", 6, []string{"UPDATE activity SET ip = '198.51.100.1' WHERE seq = 6"}},
	{"an edited account", 4, []string{"UPDATE activity SET account_id = '' WHERE seq = 4"}},
	{"an edited change", 4, []string{`UPDATE activity SET changes = '[{"field":"permissions","old":"Read","new":"Read"}]' WHERE seq = 4`}},
	{"an unreadable change", 4, []string{"UPDATE activity SET changes = 'x' WHERE seq = 4"}},
	{"text moved to the next field", 4, []string{"UPDATE activity SET key_id = key_id || 'n', subject = 'ote' WHERE seq = 4"}},
	{"a deleted entry", 4, []string{"DELETE FROM activity WHERE seq = 4"}},
	{"the first entry deleted", 1, []string{"DELETE FROM activity WHERE seq = 1"}},
	{"the last entry deleted", 8, []string{"DELETE FROM activity WHERE seq = 8"}},
	{"all entries deleted", 1, []string{"DELETE FROM activity"}},
	{"two entries exchanged", 4, []string{"UPDATE activity SET seq = 99 WHERE seq = 4", "UPDATE activity SET seq = 4 WHERE seq = 5", "UPDATE activity SET seq = 5 WHERE seq = 99"}},
	{"cut, and the head with it", 7, []string{"DELETE FROM activity WHERE seq = 8",
		"UPDATE authority SET activity_seq = 7, activity_hash = (SELECT hash FROM activity WHERE seq = 7)"}},
	{"another head", 8, []string{"UPDATE authority SET activity_hash = (SELECT hash FROM activity WHERE seq = 7)"}},
}

func TestChainFindsTheFirstBadEntry(t *testing.T) {
	onEach(t, func(s *suite) {
		for i := range 5 {
			act := s.activity(latchkey.ActKeyEdited)
			act.KeyID, act.Subject, act.Note = "lk_1", "note", "entry"
			act.Changes = []latchkey.Change{{Field: "permissions", Old: "Read", New: "Read, Trade"}}
			act.At = act.At.Add(time.Duration(i) * time.Second)
			s.must(s.Record(s.ctx, act))
		}
		for _, table := range []string{"activity", "authority"} {
			s.raw("CREATE TABLE kept_" + table + " AS SELECT * FROM " + table)
		}
		for _, c := range tampered {
			for _, table := range []string{"activity", "authority"} {
				s.raw("DELETE FROM " + table)
				s.raw("INSERT INTO " + table + " SELECT * FROM kept_" + table)
			}
			s.same(s.verified(), int64(8))
			for _, statement := range c.tamper {
				s.raw(statement)
			}
			_, err := s.VerifyActivity(s.ctx)
			if broken, ok := errors.AsType[*store.BrokenChain](err); !ok || broken.Seq != c.seq {
				t.Errorf("%s: VerifyActivity = %v, want a broken chain at %d", c.name, err, c.seq)
			}
		}
	})
}

// A chain of hashes can be computed anew by anybody; the sealed head cannot.
// The store must not bless such a chain by going on from it either.
func TestForgedHeadIsNotGoneOnFrom(t *testing.T) {
	onEach(t, func(s *suite) {
		s.raw("DELETE FROM activity WHERE seq = 3")
		s.raw("UPDATE authority SET activity_seq = 2, activity_hash = (SELECT hash FROM activity WHERE seq = 2)")
		err := s.Record(s.ctx, s.activity(latchkey.ActSignedOut))
		if _, ok := errors.AsType[*store.BrokenChain](err); !ok {
			t.Fatalf("Record = %v, want a broken chain", err)
		}
		_, err = s.Apply(s.ctx, s.creation(s.newKey("bot-1")))
		s.unknown(err)
		s.same(s.number("SELECT count(*) FROM activity"), int64(2))
	})
}

// hashOf computes an entry's hash apart from the code of the store, as somebody
// could who forges one: netstrings of all fields after the hash before.
func hashOf(before string, a latchkey.Activity) string {
	fields := []string{"latchkey activity v1", before, fmt.Sprint(a.Seq), fmt.Sprint(a.At.UnixMicro()), a.AccountID, string(a.Type),
		string(a.Source), a.MemberID, a.IP, a.KeyID, a.Subject, a.Note, fmt.Sprint(len(a.Changes))}
	for _, c := range a.Changes {
		fields = append(fields, c.Field, c.Old, c.New)
	}
	var text strings.Builder
	for _, f := range fields {
		fmt.Fprintf(&text, "%d:%s,", len(f), f)
	}
	return fmt.Sprintf("%x", sha256.Sum256([]byte(text.String())))
}

func TestEntryThatIsMadeAnewBreaksTheNext(t *testing.T) {
	onEach(t, func(s *suite) {
		list, err := s.Activities(s.ctx, latchkey.ActivityQuery{AccountID: s.account.ID, Limit: 3})
		s.must(err)
		first, second := list[2], list[1]
		s.same(second.Hash, hashOf(first.Hash, second))
		second.Note = "harmless"
		s.raw("UPDATE activity SET note = $1, hash = $2 WHERE seq = 2", second.Note, hashOf(first.Hash, second))
		_, err = s.VerifyActivity(s.ctx)
		s.says(err, "activity 3")
	})
}

func TestChainIsWalkedPageByPage(t *testing.T) {
	s := newSuite(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	for range 1100 {
		s.must(s.Record(s.ctx, s.activity(latchkey.ActRefused)))
	}
	s.same(s.verified(), int64(1103))
	s.raw("DELETE FROM activity WHERE seq = 501")
	_, err := s.VerifyActivity(s.ctx)
	s.says(err, "activity 501")
}

func TestActivitiesAreFiltered(t *testing.T) {
	onEach(t, func(s *suite) {
		for i, kind := range []latchkey.ActivityType{latchkey.ActKeyEdited, latchkey.ActKeyActivated, latchkey.ActKeyEdited, latchkey.ActRefused} {
			s.pass(time.Minute)
			act := s.activity(kind)
			if i != 1 {
				act.KeyID = "lk_1"
			}
			s.must(s.Record(s.ctx, act))
		}
		foreign := s.activity(latchkey.ActKeyEdited)
		foreign.AccountID = "acc_other"
		s.must(s.Record(s.ctx, foreign))
		for _, c := range []struct {
			name string
			q    latchkey.ActivityQuery
			want []int64
		}{
			{"all, newest first", latchkey.ActivityQuery{}, []int64{7, 6, 5, 4, 3, 2, 1}},
			{"the first two", latchkey.ActivityQuery{Limit: 2}, []int64{7, 6}},
			{"the next two", latchkey.ActivityQuery{Limit: 2, Before: 6}, []int64{5, 4}},
			{"two types", latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActKeyEdited, latchkey.ActRefused}}, []int64{7, 6, 4}},
			{"an unknown type", latchkey.ActivityQuery{Types: []latchkey.ActivityType{"x' OR '1'='1"}}, nil},
			{"a key", latchkey.ActivityQuery{KeyID: "lk_1"}, []int64{7, 6, 4}},
			{"from, inclusive", latchkey.ActivityQuery{From: start.Add(3 * time.Minute)}, []int64{7, 6}},
			{"to, exclusive", latchkey.ActivityQuery{To: start.Add(3 * time.Minute)}, []int64{5, 4, 3, 2, 1}},
			{"everything at once", latchkey.ActivityQuery{From: start.Add(time.Minute), To: start.Add(4 * time.Minute), KeyID: "lk_1",
				Types: []latchkey.ActivityType{latchkey.ActKeyEdited}, Before: 6}, []int64{4}},
		} {
			c.q.AccountID = s.account.ID
			if c.q.Limit == 0 {
				c.q.Limit = 1000
			}
			list, err := s.Activities(s.ctx, c.q)
			s.must(err)
			var got []int64
			for _, act := range list {
				got = append(got, act.Seq)
			}
			s.same(got, c.want)
		}
		for _, limit := range []int{0, 1001} {
			_, err := s.Activities(s.ctx, latchkey.ActivityQuery{AccountID: s.account.ID, Limit: limit})
			s.refused(err, "invalid_limit")
		}
	})
}

func TestHostileTextIsRecordedNotRefused(t *testing.T) {
	onEach(t, func(s *suite) {
		act := s.activity(latchkey.ActSignInFailed)
		act.Subject, act.Note = "a\x00b\xff'; DROP TABLE activity; --", "\xc3\x28"
		act.Changes = []latchkey.Change{{Field: "\x00", Old: "<&>\u2028", New: "\xed\xa0\x80"}}
		s.must(s.Record(s.ctx, act))
		list, err := s.Activities(s.ctx, latchkey.ActivityQuery{AccountID: s.account.ID, Limit: 1})
		s.must(err)
		s.same(list[0].Subject, "a\uFFFDb\uFFFD'; DROP TABLE activity; --")
		s.same(s.verified(), int64(4))
	})
}
