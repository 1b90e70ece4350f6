package testenv_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"testing"
	"time"

	virtual "github.com/descope/virtualwebauthn"

	"latchkey/internal/testenv"
)

var linkPattern = regexp.MustCompile(`(http://localhost:\d+)/reset#([A-Za-z0-9_-]{43})\s`)

// mailedLink waits for the newest mail with a link and returns its token.
func mailedLink(t *testing.T, s *testenv.System) string {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		for _, m := range s.Inbox.Messages() {
			if found := linkPattern.FindStringSubmatch(m.Text); found != nil {
				if found[1] != s.ConsoleURL || m.To != testenv.OwnerEmail || m.Code != "" {
					t.Fatalf("the link goes to %s, the mail to %s, with code %q", found[1], m.To, m.Code)
				}
				return found[2]
			}
		}
		time.Sleep(10 * time.Millisecond) // the courier polls in real time
	}
	t.Fatal("no link arrived within 10 s")
	return ""
}

// From the forgotten password to the new sign-in, through the mailbox.
func TestAForgottenPasswordThroughTheMailbox(t *testing.T) {
	onBothEngines(t, func(t *testing.T, o testenv.Options) {
		s := testenv.Start(t, o)
		owner, nobody := s.Owner(), s.Nobody()
		for _, email := range []string{"nobody@one.example", testenv.OwnerEmail} {
			testenv.Allows(t, nobody.Do(http.MethodPost, "/v1/password/forgot", map[string]string{"email": email}), http.StatusAccepted)
		}
		body := map[string]string{"token": mailedLink(t, s), "password": "a new sentence nobody guesses"}
		testenv.Allows(t, nobody.Do(http.MethodPost, "/v1/password/reset", body), http.StatusNoContent)
		testenv.Refuses(t, nobody.Do(http.MethodPost, "/v1/password/reset", body), 422, "invalid_link")
		testenv.Refuses(t, owner.Do(http.MethodGet, "/v1/keys", nil), 401, "not_signed_in")
		testenv.Refuses(t, nobody.SignIn(testenv.OwnerEmail), 401, "wrong_credentials")
		testenv.Allows(t, nobody.Do(http.MethodPost, "/v1/session", map[string]string{"email": testenv.OwnerEmail, "password": "a new sentence nobody guesses"}), http.StatusAccepted)
		for _, m := range s.Inbox.Messages() {
			if m.To == "nobody@one.example" {
				t.Error("a mail goes to an address that nobody has")
			}
		}
	})
}

// Passkeys are bound to the name under which the console is reached; here that
// is localhost with the port that was free.
func TestAPasskeyOnTheRealConsole(t *testing.T) {
	s := testenv.Start(t, testenv.Options{})
	owner := s.Owner()
	auth, cred := virtual.NewAuthenticator(), virtual.NewCredential(virtual.KeyTypeRSA)
	rp := virtual.RelyingParty{ID: "localhost", Origin: s.ConsoleURL}
	step := testenv.Allows(t, owner.Do(http.MethodPost, "/v1/factors", map[string]string{"kind": "passkey", "password": testenv.Password}), http.StatusAccepted)
	next := testenv.Allows(t, owner.Confirm(step, s.TOTP()), http.StatusOK).Object("next")
	create, err := json.Marshal(next.Object("passkey").Body["create"])
	if err != nil {
		t.Fatal(err)
	}
	options, err := virtual.ParseAttestationOptions(string(create))
	if err != nil {
		t.Fatal(err)
	}
	answer := func(text string) map[string]json.RawMessage {
		return map[string]json.RawMessage{"passkey": json.RawMessage(text)}
	}
	confirm := fmt.Sprintf("/v1/pending/%s/confirm", next.Text("id"))
	elsewhere := rp
	elsewhere.Origin = "http://localhost:1"
	testenv.Refuses(t, owner.Do(http.MethodPost, confirm, answer(virtual.CreateAttestationResponse(elsewhere, auth, cred, *options))), 422, "wrong_code")
	testenv.Allows(t, owner.Do(http.MethodPost, confirm, answer(virtual.CreateAttestationResponse(rp, auth, cred, *options))), http.StatusOK)
}
