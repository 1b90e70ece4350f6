package testenv_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/node"
	"latchkey/internal/operator"
	"latchkey/internal/testenv"
)

// buffer is a log that the test reads while servers write to it.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// A backup, a log shipper and a metrics scraper are read by people who must not
// be able to trade. Every secret of a whole life is searched for in all of them.
func TestNoSecretIsLeftInLogsDatabaseOrMetrics(t *testing.T) {
	log := &buffer{}
	var dir string
	var metrics string
	s := testenv.Start(t, testenv.Options{
		Log:    slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Change: func(c *node.Config) { dir = c.Store.DataDir },
	})
	metrics = s.MetricsURL
	canaries := wholeLife(t, s)
	places := map[string]string{"the log": log.String(), "the metrics": fetch(t, metrics+"/metrics")}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
			continue // the socket
		}
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		places[filepath.Base(file)] = string(content)
	}
	for name, canary := range canaries {
		if len(canary) < 6 {
			t.Fatalf("the canary %q is empty: the test would find nothing", name)
		}
		for place, content := range places {
			if strings.Contains(content, canary) {
				t.Errorf("%s stands in %s", name, place)
			}
		}
	}
	if !strings.Contains(places["the log"], "get_my_fee") || !strings.Contains(places["latchkey.db-wal"]+places["latchkey.db"], "bot-canary") {
		t.Error("the search looked in the wrong place: what must be there is not")
	}
}

// wholeLife does everything that meets a secret, and returns them all. Codes
// have six digits, which a time or a number could hold by chance; they are
// searched for by a test of the store, in the column where they would stand.
func wholeLife(t *testing.T, s *testenv.System) map[string]string {
	t.Helper()
	canaries := map[string]string{"the password": testenv.Password, "the TOTP seed": s.Seed.Reveal()}
	owner := s.Owner()
	for _, cookie := range owner.Cookies() {
		canaries["the session token"] = cookie.Value
	}
	const phone = "+35386998877665"
	enrol := testenv.Allows(t, owner.Do("POST", "/v1/factors", map[string]string{"kind": "sms", "phone": phone, "password": testenv.Password}), http.StatusAccepted)
	before := len(s.Inbox.Messages())
	next := testenv.Allows(t, owner.Confirm(enrol, s.TOTP()), http.StatusOK).Object("next")
	codes := testenv.Allows(t, owner.Confirm(next, s.Mailed(before)), http.StatusOK)
	canaries["the phone number"] = phone[1:]
	if list, ok := codes.Body["recoveryCodes"].([]any); ok && len(list) > 0 {
		canaries["a recovery code"] = list[0].(string)
	}
	made := testenv.Allows(t, owner.Confirm(testenv.Allows(t, owner.Do("POST", "/v1/keys",
		map[string]any{"name": "bot-canary", "permissions": []string{"read"}, "allowlist": []string{}}), http.StatusAccepted), s.TOTP()), http.StatusCreated)
	canaries["the key's secret"] = made.Text("secret")
	key := made.Object("key")
	before = len(s.Inbox.Messages())
	step := testenv.Allows(t, owner.Do("POST", "/v1/keys/"+key.Text("id")+"/activate", map[string]any{"version": 1}), http.StatusAccepted)
	testenv.Allows(t, owner.Confirm(step, s.Mailed(before)), http.StatusOK)
	bot := s.Bot(key.Text("id"), latchkey.Secret(made.Text("secret")))
	testenv.Allows(t, bot.Call("get_my_fee", "{}"), http.StatusOK)
	testenv.Refuses(t, s.Bot(bot.KeyID, "not-the-secret-canary").Call("get_my_fee", "{}"), http.StatusUnauthorized, "unauthorized")
	canaries["a wrong secret"] = "not-the-secret-canary"
	operated := s.ActiveKey("operated", authority.NewKey{Permissions: readTrade})
	canaries["the secret of the operator's key"] = operated.Secret.Reveal()
	wrong := owner.Do("PUT", "/v1/password", map[string]string{"password": "wrong password canary", "newPassword": "another long password canary"})
	testenv.Refuses(t, wrong, http.StatusUnprocessableEntity, "wrong_password")
	canaries["a wrong password"] = "wrong password canary"
	canaries["a refused new password"] = "another long password canary"
	looked(t, s, canaries)
	return canaries
}

// looked opens the operator's page, as the command and a browser do.
func looked(t *testing.T, s *testenv.System, canaries map[string]string) {
	t.Helper()
	raw, err := operator.Call(t.Context(), s.DataDir, operator.Request{Op: "node.link"})
	var link operator.Link
	if err == nil {
		err = json.Unmarshal(raw, &link)
	}
	if err != nil {
		t.Fatal(err)
	}
	_, token, _ := strings.Cut(link.Link, "#")
	looker := s.Nobody()
	testenv.Refuses(t, looker.Do("POST", "/v1/nodes/session", map[string]string{"token": "a guessed token canary"}), 422, "invalid_link")
	testenv.Allows(t, looker.Do("POST", "/v1/nodes/session", map[string]string{"token": token}), http.StatusCreated)
	testenv.Allows(t, looker.Do("GET", "/v1/nodes", nil), http.StatusOK)
	canaries["the operator's link"], canaries["a guessed link"] = token, "a guessed token canary"
	for _, cookie := range looker.Cookies() {
		canaries["the cookie of the operator's page"] = cookie.Value
	}
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	client := http.Client{Timeout: 10 * time.Second}
	res, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}
