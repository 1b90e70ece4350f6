package store_test

import (
	"bytes"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/evidence"
	"latchkey/internal/store"
)

// exported writes what the store holds, signed.
func (s *suite) exported(signer evidence.Signer) (string, evidence.Checkpoint) {
	s.t.Helper()
	var out bytes.Buffer
	w := evidence.NewWriter(&out)
	end, err := s.ReadActivity(s.ctx, w.Add)
	s.must(err)
	last := signer.Sign(end, s.now())
	s.must(w.Close(last))
	return out.String(), last
}

// What either engine stores is what an auditor checks, to the byte: hostile text
// and times included, over several pages, and signed at the same end that the
// store knows without a walk.
func TestWhatIsExportedIsWhatWasRecorded(t *testing.T) {
	onEach(t, func(s *suite) {
		signer, err := evidence.LoadOrMake(filepath.Join(s.t.TempDir(), "activity.key"))
		s.must(err)
		trust := evidence.Trust{Keys: []evidence.Key{signer.Key()}}
		hostile := s.activity(latchkey.ActSignInFailed)
		hostile.Subject, hostile.Note = "a\x00b\xff\"checkpoint\":{", "\xc3\x28\u2028<>&\r\n"
		hostile.Changes = []latchkey.Change{{Field: "\x00", Old: "{}\\", New: "\xed\xa0\x80"}}
		hostile.At = start.Add(1234567 * time.Nanosecond)
		s.must(s.Record(s.ctx, hostile))
		for range 600 {
			s.must(s.Record(s.ctx, s.activity(latchkey.ActRefused)))
		}
		text, last := s.exported(signer)
		got, err := evidence.Verify(bytes.NewReader([]byte(text)), trust)
		s.must(err)
		s.same(got, last)
		end, err := s.ActivityEnd(s.ctx)
		s.must(err)
		s.same(end, evidence.End{Incarnation: 1, Seq: 604, Hash: last.Hash})

		older, err := evidence.ReadMarks(bytes.NewReader([]byte(text)), trust.Keys)
		s.must(err)
		s.must(s.Record(s.ctx, s.activity(latchkey.ActSignedOut)))
		trust.Marks = older
		text, last = s.exported(signer)
		_, err = evidence.Verify(bytes.NewReader([]byte(text)), trust)
		s.must(err)
		s.same(last.Seq, int64(605))
	})
}

// The authority must not put its signature under what somebody else left in the
// database, be it in the middle or at the end.
func TestNothingIsSignedThatWasNotRecorded(t *testing.T) {
	onEach(t, func(s *suite) {
		s.raw("UPDATE activity SET note = 'harmless' WHERE seq = 2")
		var seen []int64
		_, err := s.ReadActivity(s.ctx, func(_ string, act latchkey.Activity) error { seen = append(seen, act.Seq); return nil })
		if broken, ok := errors.AsType[*store.BrokenChain](err); !ok || broken.Seq != 2 {
			t.Errorf("ReadActivity = %v, want a broken chain at 2", err)
		}
		s.same(seen, []int64{1})
		_, err = s.ActivityEnd(s.ctx) // looks at the end alone
		s.must(err)
		s.raw("DELETE FROM activity WHERE seq = 3")
		s.raw("UPDATE authority SET activity_seq = 2, activity_hash = (SELECT hash FROM activity WHERE seq = 2)")
		_, err = s.ActivityEnd(s.ctx)
		if broken, ok := errors.AsType[*store.BrokenChain](err); !ok || broken.Seq != 2 {
			t.Errorf("ActivityEnd = %v, want a broken chain at 2", err)
		}
	})
}
