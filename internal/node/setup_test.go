package node_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/courier"
	"latchkey/internal/node"
)

// start runs a node over that folder until the returned function is called.
func start(t *testing.T, dir string, log io.Writer) (*node.Node, func()) {
	t.Helper()
	inbox := courier.NewInbox(time.Now)
	n, err := node.Start(t.Context(), node.Config{
		Store: node.StoreConfig{DataDir: dir}, Limits: latchkey.DefaultLimits(), Name: "Latchkey", Setup: true,
		Console: node.Listen{Addr: "127.0.0.1:0"}, Sandbox: true, AnswerDeadline: time.Second,
		Mail: inbox, SMS: inbox, Now: time.Now, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return n, func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := n.Stop(ctx); err != nil {
			t.Error(err)
		}
	}
}

// token reads the link and checks the file that holds it.
func token(t *testing.T, n *node.Node, dir string) string {
	t.Helper()
	if n.SetupLink != filepath.Join(dir, "setup-link") {
		t.Fatalf("the file is %q", n.SetupLink)
	}
	info, err := os.Stat(n.SetupLink)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info.Mode(), err)
	}
	link, err := os.ReadFile(n.SetupLink)
	if err != nil {
		t.Fatal(err)
	}
	token, found := strings.CutPrefix(string(link), n.ConsoleURL+"/setup#")
	if !found || len(strings.TrimSpace(token)) != 43 {
		t.Fatalf("the link is %q", link)
	}
	return strings.TrimSpace(token)
}

// setUp uses a token, and returns the status and the code of a refusal.
func setUp(t *testing.T, n *node.Node, token string) string {
	t.Helper()
	body := fmt.Sprintf(`{"token":%q,"account":"First","email":"first@example.com","password":"a long sentence nobody guesses"}`, token)
	res, err := http.Post(n.ConsoleURL+"/v1/setup", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var problem struct{ Code string }
	if err := json.NewDecoder(res.Body).Decode(&problem); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(fmt.Sprint(res.StatusCode, " ", problem.Code))
}

// The life of the link over three starts: written, replaced, used, and never
// again.
func TestTheLinkOfTheFirstStart(t *testing.T) {
	dir, log := t.TempDir(), &bytes.Buffer{}
	n, stop := start(t, dir, log)
	old := token(t, n, dir)
	stop()
	n, stop = start(t, dir, log)
	now := token(t, n, dir)
	if got := setUp(t, n, old); got != "422 invalid_link" {
		t.Errorf("the link of the start before: %s", got)
	}
	if got := setUp(t, n, "a guess"); got != "422 invalid_link" {
		t.Errorf("a guess: %s", got)
	}
	token(t, n, dir) // the file is still there
	if got := setUp(t, n, now); got != "201" {
		t.Fatalf("the link: %s", got)
	}
	if _, err := os.Stat(filepath.Join(dir, "setup-link")); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
	if got := setUp(t, n, now); got != "422 invalid_link" {
		t.Errorf("the link once more: %s", got)
	}
	stop()
	n, stop = start(t, dir, log)
	defer stop()
	if _, err := os.Stat(filepath.Join(dir, "setup-link")); n.SetupLink != "" || !os.IsNotExist(err) {
		t.Errorf("a start with an account makes a link: %q, %v", n.SetupLink, err)
	}
	for _, secret := range []string{old, now} {
		if strings.Contains(log.String(), secret) {
			t.Error("a token stands in the log")
		}
	}
}

func TestALinkThatWasNotUsedGoesWhenTheOperatorMadeTheAccount(t *testing.T) {
	dir := t.TempDir()
	n, stop := start(t, dir, io.Discard)
	now := token(t, n, dir)
	if _, err := n.Operator().CreateAccount(t.Context(), "By hand"); err != nil {
		t.Fatal(err)
	}
	if got := setUp(t, n, now); got != "409 already_set_up" {
		t.Errorf("the link beside an account: %s", got)
	}
	stop()
	n, stop = start(t, dir, io.Discard)
	defer stop()
	if _, err := os.Stat(filepath.Join(dir, "setup-link")); n.SetupLink != "" || !os.IsNotExist(err) {
		t.Errorf("the file is still there: %q, %v", n.SetupLink, err)
	}
}

// Whatever was built in, the console's address shows a page under a policy.
func TestTheConsoleIsServed(t *testing.T) {
	n, stop := start(t, t.TempDir(), io.Discard)
	defer stop()
	res, err := http.Get(n.ConsoleURL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || !bytes.Contains(page, []byte("Latchkey")) {
		t.Errorf("%d, %v: %s", res.StatusCode, err, page)
	}
	policy := res.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") || bytes.Contains(page, []byte("NONCE_PLACEHOLDER")) {
		t.Errorf("the policy is %q", policy)
	}
}
