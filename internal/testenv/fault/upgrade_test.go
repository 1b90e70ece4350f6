//go:build fault

package fault

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey/internal/testenv/postgres"
)

// git asks the checkout's history.
func git(args ...string) (string, error) {
	out, err := exec.Command("git", args...).Output()
	return strings.TrimSpace(string(out)), err
}

// predecessor builds the program as it was before the newest migration came: the
// last one that knows less of the database than this one. PREDECESSOR names
// another commit.
func predecessor(t *testing.T) string {
	t.Helper()
	commit, err := predecessorCommit()
	if err != nil {
		// An archive of the source has no history, nor has a shallow clone.
		t.Skipf("the program before the newest migration is not in this checkout: %v", err)
	}
	dir := t.TempDir()
	tree := exec.Command("git", "archive", commit, "--", ":/")
	root, err := git("rev-parse", "--show-toplevel")
	must(t, err)
	tree.Dir = root
	files, err := tree.Output()
	must(t, err)
	unpack := exec.Command("tar", "-x", "-C", dir)
	unpack.Stdin = bytes.NewReader(files)
	must(t, unpack.Run())
	program := filepath.Join(programs, "latchkey-"+commit[:12])
	build := exec.Command("go", "build", "-o", program, "./cmd/latchkey")
	build.Dir = dir
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build of %s: %v\n%s", commit, err, out)
	}
	t.Logf("the predecessor is %s", commit[:12])
	return program
}

func predecessorCommit() (string, error) {
	if named := os.Getenv("PREDECESSOR"); named != "" {
		return git("rev-parse", "--verify", named+"^{commit}")
	}
	migrations, err := filepath.Glob("../../store/migrations/*.sql")
	if err != nil || len(migrations) == 0 {
		return "", fmt.Errorf("no migrations: %v", err)
	}
	// Not committed yet: then the newest commit is the program before it.
	added, err := git("log", "-1", "--diff-filter=A", "--format=%H", "--", slices.Max(migrations))
	if err != nil || added == "" {
		return git("rev-parse", "--verify", "HEAD^{commit}")
	}
	return git("rev-parse", "--verify", added+"^^{commit}")
}

// TestAReleaseAndItsPredecessorServeOneDatabase replaces the machines of a site
// one after the other, while bots call and owners change their keys, and then
// takes one back to the older program. No change waits for longer than one of
// the replaced nodes' leases, and nothing is let through that an acknowledged
// change took away.
func TestAReleaseAndItsPredecessorServeOneDatabase(t *testing.T) {
	before, now := predecessor(t), build(t, "")
	s := newSite(t, postgres.NewPair(t), plan{program: before, older: true, lease: time.Second, keys: 4})
	ctx, stop := context.WithCancel(t.Context())
	var bots sync.WaitGroup
	s.work(ctx, 1, &bots)
	s.turns("before")
	for _, i := range []int{0, 2, 3, 1, 4} { // the first console migrates
		s.replace(s.machines[i], now)
		s.turns(s.machines[i].name + " is new")
	}
	s.replace(s.machines[3], before)
	s.turns(s.machines[3].name + " is old again")
	stop()
	bots.Wait()
	s.t.Logf("%d definite answers were compared; %d calls reached the exchange", s.judge(), len(s.landed))
	for _, fault := range s.wrong() {
		t.Error(fault)
	}
}

func (s *site) replace(m *machine, program string) {
	s.t.Helper()
	m.stop()
	m.program = program
	if ok, err := m.start(); !ok || err != nil {
		s.t.Fatalf("%s does not start: %v\n%v", m.name, err, m.said(""))
	}
}

// turns changes every key by each console, twice.
func (s *site) turns(when string) {
	s.t.Helper()
	var took []time.Duration
	for range 2 {
		for i := range s.slots {
			took = append(took, s.turn(s.t.Context(), s.consoles[i%2], i))
		}
	}
	s.t.Logf("%s: changes are acknowledged after %s", when, spread(took))
	if longest := slices.Max(took); longest > s.lease+slack {
		s.t.Errorf("%s: a change waited for %v", when, longest)
	}
}
