package testenv_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/testenv"
)

// Somebody else works on the owner's keys: with the server's own commands, or
// in a session that he stole. The mails are the owner's only alarm. They were
// once written, queued, and dropped because they named nobody.
func TestOwnerGetsAMailForEveryActOnAKey(t *testing.T) {
	s := testenv.Start(t, testenv.Options{})
	owner := s.Owner()
	bot := s.ActiveKey("bot-1", readOnly)
	mailed(t, s, "created", "activated")
	testenv.Allows(t, owner.Do("POST", "/v1/keys/"+bot.KeyID+"/deactivate", nil), http.StatusOK)
	mailed(t, s, "deactivated")
	step := testenv.Allows(t, owner.Do("PATCH", "/v1/keys/"+bot.KeyID, map[string]any{"version": 3, "permissions": []string{"read", "trade"}}), http.StatusAccepted)
	testenv.Allows(t, owner.Confirm(step, s.TOTP()), http.StatusOK)
	mailed(t, s, "edited")
	if _, _, err := s.Operator().Move(t.Context(), bot.KeyID, latchkey.OpDelete); err != nil {
		t.Fatal(err)
	}
	mailed(t, s, "deleted")
}

// mailed waits until the owner has a mail whose subject holds each word.
func mailed(t *testing.T, s *testenv.System, words ...string) {
	t.Helper()
	for _, word := range words {
		found := false
		for deadline := time.Now().Add(10 * time.Second); !found && time.Now().Before(deadline); {
			for _, m := range s.Inbox.Messages() {
				found = found || m.To == testenv.OwnerEmail && strings.Contains(m.Subject+m.Text, word) && strings.Contains(m.Text, "bot-1")
			}
			if !found {
				time.Sleep(10 * time.Millisecond) // the courier polls in real time
			}
		}
		if !found {
			t.Errorf("no mail says that the key was %s", word)
		}
	}
}
