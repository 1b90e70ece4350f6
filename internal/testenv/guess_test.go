package testenv_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey/internal/authority"
	"latchkey/internal/testenv"
)

// A thief has the owner's session and no second factor. He sends all codes at
// once, over many connections, hoping that they are compared before they are
// counted.
func TestTenThousandParallelGuessesGetFiveEvaluations(t *testing.T) {
	onBothEngines(t, func(t *testing.T, o testenv.Options) {
		s := testenv.Start(t, o)
		bot := s.ActiveKey("bot-1", authority.NewKey{Permissions: readTrade})
		owner := s.Owner()
		step := testenv.Allows(t, owner.Do("PATCH", "/v1/keys/"+bot.KeyID, map[string]any{"version": 2, "permissions": []string{"read"}}), http.StatusAccepted)
		right := s.TOTP()
		var wrong, right200 atomic.Int64
		confirmAll(t, s, owner, step, 10_000, func(i int) string {
			if code := fmt.Sprintf("%06d", i); code != right {
				return code
			}
			return "999999"
		}, func(status int, body string) {
			switch {
			case status == http.StatusOK:
				right200.Add(1)
			case strings.Contains(body, "wrong_code") || strings.Contains(body, "it was the last try"):
				wrong.Add(1)
			}
		})
		if n := wrong.Load(); n > 5 || n == 0 || right200.Load() > 0 {
			t.Errorf("%d guesses were evaluated and %d accepted, want at most 5 and none", n, right200.Load())
		}
		testenv.Refuses(t, owner.Confirm(step, right), http.StatusConflict, "pending_dead")
		key := owner.Do("GET", "/v1/keys/"+bot.KeyID, nil)
		if key.Number("version") != 2 || key.Text("status") != "active" {
			t.Errorf("the key was changed: %s", key.Raw)
		}
	})
}

// The owner's browser, or a clumsy script, sends the right code a thousand
// times at once: the edit happens once.
func TestAThousandParallelRightCodesWinOnce(t *testing.T) {
	onBothEngines(t, func(t *testing.T, o testenv.Options) {
		s := testenv.Start(t, o)
		bot := s.ActiveKey("bot-1", authority.NewKey{Permissions: readTrade})
		owner := s.Owner()
		step := testenv.Allows(t, owner.Do("PATCH", "/v1/keys/"+bot.KeyID, map[string]any{"version": 2, "permissions": []string{"read"}}), http.StatusAccepted)
		code := s.TOTP()
		var won atomic.Int64
		confirmAll(t, s, owner, step, 1000, func(int) string { return code }, func(status int, _ string) {
			if status == http.StatusOK {
				won.Add(1)
			}
		})
		if won.Load() != 1 {
			t.Errorf("%d confirmations won, want exactly 1", won.Load())
		}
		if key := owner.Do("GET", "/v1/keys/"+bot.KeyID, nil); key.Number("version") != 3 || key.Text("status") != "inactive" {
			t.Errorf("the edit did not happen exactly once: %s", key.Raw)
		}
	})
}

// confirmAll sends n confirmations over 200 connections.
func confirmAll(t *testing.T, s *testenv.System, owner *testenv.Person, step testenv.Answer, n int, code func(i int) string, seen func(status int, body string)) {
	t.Helper()
	const connections = 200
	base, err := url.Parse(s.ConsoleURL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	jar.SetCookies(base, owner.Cookies())
	client := &http.Client{Jar: jar, Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}
	defer client.CloseIdleConnections()
	target := s.ConsoleURL + "/v1/pending/" + testenv.PendingID(step) + "/confirm"
	work := make(chan int)
	var workers sync.WaitGroup
	for range connections {
		workers.Go(func() {
			for i := range work {
				res, err := client.Post(target, "application/json", bytes.NewReader([]byte(`{"code":"`+code(i)+`"}`)))
				if err != nil {
					t.Error(err)
					continue
				}
				body, _ := io.ReadAll(res.Body)
				res.Body.Close()
				seen(res.StatusCode, string(body))
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	workers.Wait()
}
