//go:build fault

package fault

import (
	"bytes"
	"context"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"latchkey/internal/testenv/postgres"
)

// TestTwinsAreFoundOut switches one guard off at a time: the same run must then
// see a call that should have been refused. Only a program built with a tag of
// its own has the switches.
func TestTwinsAreFoundOut(t *testing.T) {
	db, program := postgres.NewPair(t), build(t, "faulty")
	for _, wrong := range []string{"barrier", "lease"} {
		t.Run(wrong, func(t *testing.T) {
			s := newSite(t, db, plan{program: program, env: []string{"LATCHKEY_FAULTY=" + wrong}, lease: 500 * time.Millisecond, keys: 16})
			begin, seed := s.now(), number(t, "FAULTSEED", 1)
			var breakers []breaker
			for i, m := range s.machines[2:] {
				c := &chaos{site: s, rng: rand.New(rand.NewPCG(seed, uint64(200+i))), targets: []*machine{m}, kinds: faultKinds[2:7]}
				breakers = append(breakers, c.run)
			}
			s.run(seed, enough{changes: 1 << 62}, time.Minute, breakers...)
			s.mustBeFound(begin)
		})
	}
}

// mustBeFound demands that a call was let through that should have been refused.
func (s *site) mustBeFound(begin time.Duration) {
	s.t.Helper()
	took, wrong := s.now()-begin, s.wrong()
	if len(wrong) == 0 || !strings.Contains(wrong[0], "was acknowledged at") {
		s.t.Errorf("it was not found in %v and %d changes: %v", took, s.acknowledged.Load(), wrong)
	}
	s.t.Logf("after %v and %d changes: %v", took.Round(time.Millisecond), s.acknowledged.Load(), first(wrong))
}

// TestALeaseThatIsExtendedBeforeTheChangesIsFoundOut cuts a gateway off for
// longer than its lease while a key is deactivated. When it comes back it takes
// its time to put the change into force. That is no fault; to serve meanwhile is.
func TestALeaseThatIsExtendedBeforeTheChangesIsFoundOut(t *testing.T) {
	db, program := postgres.NewPair(t), build(t, "faulty")
	for wrong, rounds := range map[string]int{"slow,order": 10, "slow": 4} {
		t.Run(wrong, func(t *testing.T) {
			s := newSite(t, db, plan{program: program, env: []string{"LATCHKEY_FAULTY=" + wrong}, lease: 500 * time.Millisecond, keys: 1})
			begin := s.now()
			for range rounds {
				s.comeBack(t.Context(), s.machines[3])
				if len(s.wrong()) > 0 {
					break
				}
			}
			if wrong == "slow" {
				if all := s.wrong(); len(all) > 0 {
					t.Errorf("without a fault there was one: %v", all)
				}
				return
			}
			s.mustBeFound(begin)
		})
	}
}

// comeBack deactivates a key that a machine knows to be active, while that is
// cut off, and calls there when it is back.
func (s *site) comeBack(ctx context.Context, m *machine) {
	s.turn(ctx, s.consoles[0], 0)
	key := s.slots[0].Load()
	for s.call(key, m, false).code != "allowed" {
		must(s.t, ctx.Err()) // it was not told yet that the key is active everywhere
	}
	m.line.there.cut()
	m.line.back.cut()
	s.turn(ctx, s.consoles[0], 0)
	m.line.reset() // what was announced meanwhile is lost; else the key would be refused for that
	m.line.mend()
	for len(s.wrong()) == 0 && s.call(key, m, false).code != "key_not_activated" {
		must(s.t, ctx.Err())
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
