//go:build fault

package fault

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"latchkey/internal/testenv/postgres"
)

// TestTwinsAreFoundOut switches one guard off at a time: the same run must then
// see a call that should have been refused. Only a program built with a tag of
// its own has the switches. "slow" alone is no fault, and changes nothing.
func TestTwinsAreFoundOut(t *testing.T) {
	db, program := postgres.NewPair(t), build(t, "faulty")
	for _, twin := range []struct {
		wrong string
		found bool
	}{
		{"barrier", true},
		{"lease", true},
		{"slow,order", true},
		{"slow", false},
	} {
		t.Run(twin.wrong, func(t *testing.T) {
			s := newSite(t, db, plan{program: program, env: []string{"LATCHKEY_FAULTY=" + twin.wrong}, lease: 500 * time.Millisecond, keys: 6})
			begin := s.now()
			changes, limit := uint64(1<<62), 40*time.Second
			if !twin.found {
				changes = 50
			}
			s.run(number(t, "FAULTSEED", 1), changes, limit)
			took := s.now() - begin
			wrong := s.wrong()
			switch {
			case !twin.found && len(wrong) > 0:
				t.Errorf("without a fault there was one: %v", wrong)
			case twin.found && (len(wrong) == 0 || !strings.Contains(wrong[0], "was acknowledged at")):
				t.Errorf("it was not found in %v and %d changes: %v", took, s.acknowledged.Load(), wrong)
			}
			t.Logf("after %v and %d changes: %v", took.Round(time.Millisecond), s.acknowledged.Load(), first(wrong))
		})
	}
}

func first(all []string) string {
	if len(all) == 0 {
		return "nothing was wrong"
	}
	return all[0]
}

// TestTheShippedProgramHasNoSwitch looks for the name of the switches' variable.
func TestTheShippedProgramHasNoSwitch(t *testing.T) {
	for tags, want := range map[string]bool{"": false, "faulty": true} {
		text, err := os.ReadFile(build(t, tags))
		must(t, err)
		if bytes.Contains(text, []byte("LATCHKEY_FAULTY")) != want {
			t.Errorf("with tags %q the program has the switches: %v", tags, !want)
		}
	}
}
