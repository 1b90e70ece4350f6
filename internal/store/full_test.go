package store_test

import (
	"path/filepath"
	"testing"

	"latchkey"
)

// TestWhatFindsNoRoomChangesNothing takes the room from SQLite; the fault harness
// does the same with the disk.
func TestWhatFindsNoRoomChangesNothing(t *testing.T) {
	t.Parallel()
	s := newSuite(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"))
	s.must(s.SetMostPages(1)) // as many as there are, then
	written := s.verified()
	for err := error(nil); ; written++ {
		if err = s.Record(s.ctx, s.activity(latchkey.ActSignedIn)); err == nil {
			continue
		}
		s.refused(err, "store_unavailable")
		break
	}
	if s.Failed() == nil {
		t.Error("nobody is told that a write failed")
	}
	if n := s.verified(); n != written {
		t.Errorf("%d activities are there, %d were written", n, written)
	}
	s.must(s.SetMostPages(1 << 20))
	s.must(s.Record(s.ctx, s.activity(latchkey.ActSignedIn)))
	if err := s.Failed(); err != nil {
		t.Errorf("after a write that succeeded: %v", err)
	}
}
