//go:build browser

package testenv_test

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/node"
	"latchkey/internal/testenv"
	"latchkey/web"
)

// console is the folder of the console, where the browser's tests are.
const console = "../../web"

// TestTimersInABrowser plays web/e2e/timers*.spec.ts: a real browser, the real
// console and a server whose clock the browser's tests move, which the program
// offers to nobody. It stands under a tag of its own, because it wants Node,
// Chromium and a built console:
//
//	go test -tags browser -run InABrowser ./internal/testenv
func TestTimersInABrowser(t *testing.T) {
	if _, err := fs.Stat(web.Dist(), "index.html"); err != nil {
		t.Fatal("the console is not built, so there is nothing to look at: run `make bin` (scripts/console builds it) and then this again")
	}
	s := testenv.Start(t, testenv.Options{Change: func(c *node.Config) { c.OutboxPoll = 20 * time.Millisecond }})
	d := &desk{s: s}
	t.Cleanup(d.close)
	control := httptest.NewServer(d.handler())
	t.Cleanup(control.Close)
	told := map[string]string{"console": s.ConsoleURL, "gateway": s.GatewayURL, "inbox": control.URL}
	text, err := json.Marshal(told)
	if err == nil {
		err = os.WriteFile(filepath.Join(s.DataDir, "demo.json"), text, 0o600) // where world.ts looks for a system
	}
	if err != nil {
		t.Fatal(err)
	}
	played, said := play(t, "LATCHKEY_DATA="+s.DataDir, "LATCHKEY_URL="+s.ConsoleURL, "LATCHKEY_CONTROL="+control.URL)
	// Each counts as a test, so that a spec that is not found is not a success.
	for _, p := range played {
		t.Run(p.Title, func(t *testing.T) {
			if !p.OK {
				t.Error(p.fault())
			}
		})
	}
	if t.Failed() || len(played) == 0 {
		t.Errorf("the browser's tests failed; Playwright said:\n%s", said)
	}
}

// play runs the browser's tests and returns them with all that was written.
func play(t *testing.T, env ...string) ([]spec, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	result := filepath.Join(t.TempDir(), "result.json")
	cmd := exec.CommandContext(ctx, "node_modules/.bin/playwright", "test", "--project=timers", "--timeout=20000", "--reporter=list,json", "--output="+t.TempDir())
	cmd.Dir, cmd.WaitDelay = console, 5*time.Second
	cmd.Env = append(os.Environ(), append(env, "FORCE_COLOR=0", "PLAYWRIGHT_JSON_OUTPUT_NAME="+result)...)
	said, err := cmd.CombinedOutput()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatalf("Playwright does not start: %v (scripts/console installs it)", err)
	}
	var root suite
	text, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(text, &root)
	}
	if err != nil {
		t.Fatalf("no result of Playwright: %v\n%s", err, said)
	}
	if len(root.Errors) > 0 {
		t.Errorf("beside the tests: %v", root.Errors)
	}
	return root.all(""), string(said)
}

// suite is what Playwright's JSON reporter writes: at the root, for a file, and
// for a group of tests.
type suite struct {
	Title  string
	Suites []suite
	Specs  []spec
	Errors []fault
}

// spec is one test.
type spec struct {
	Title string
	OK    bool
	Tests []struct {
		Results []struct{ Errors []fault }
	}
}

type fault struct{ Message string }

// all are the tests of a suite and of those in it, each with its full name.
func (s suite) all(group string) []spec {
	var found []spec
	for _, p := range s.Specs {
		p.Title = group + p.Title
		found = append(found, p)
	}
	for _, inner := range s.Suites {
		name := group
		if !strings.HasSuffix(inner.Title, ".ts") {
			name += inner.Title + " "
		}
		found = append(found, inner.all(name)...)
	}
	return found
}

// fault is why a test failed.
func (p spec) fault() string {
	text := "did not run"
	for _, test := range p.Tests {
		for _, r := range test.Results {
			for _, e := range r.Errors {
				text = e.Message
			}
		}
	}
	return text
}
