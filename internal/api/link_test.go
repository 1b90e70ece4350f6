package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey"
)

// linked is the token of the newest mail with a link.
func (w *world) linked() (token string) {
	w.t.Helper()
	for {
		id, letter, _, ok, err := w.store.ReceiveLetter(w.t.Context())
		w.must(err)
		if !ok {
			return token
		}
		w.must(w.store.LetterDone(w.t.Context(), id))
		if letter.Kind == latchkey.LetterReset {
			facts, err := w.store.Facts(w.t.Context(), letter)
			if latchkey.Code(err) == "not_found" {
				continue // nobody's
			}
			w.must(err)
			token = facts.Link.Token.Reveal()
		}
	}
}

func TestAForgottenPasswordIsSetByTheLinkAndNoMore(t *testing.T) {
	w := newWorld(t)
	account, err := w.operator().CreateAccount(w.t.Context(), "One")
	w.must(err)
	owner := w.member(account, "owner@one.example", latchkey.RoleOwner).signIn()
	nobody := &browser{w: w}
	var answers []string
	for _, email := range []string{"owner@one.example", "nobody@one.example"} {
		got := nobody.want(202, "POST /v1/password/forgot", fmt.Sprintf(`{"email":%q}`, email))
		got.header.Del("X-Request-Id")
		answers = append(answers, fmt.Sprint(got.header, got.text))
	}
	if answers[0] != answers[1] {
		t.Errorf("the answers tell who exists:\n%s\n%s", answers[0], answers[1])
	}
	token := w.linked()
	body := func(token, password string) string { return fmt.Sprintf(`{"token":%q,"password":%q}`, token, password) }
	if got := nobody.want(422, "POST /v1/password/reset", body(token, "short")); got.at("code") != "invalid_password" || got.at("field") != "password" {
		t.Errorf("a bad password: %s", got.text)
	}
	done := nobody.want(204, "POST /v1/password/reset", body(token, "a new sentence nobody guesses"))
	if len(done.header.Values("Set-Cookie")) > 0 {
		t.Error("a mailbox alone signs in")
	}
	if got := nobody.want(422, "POST /v1/password/reset", body(token, "a new sentence nobody guesses")); got.at("code") != "invalid_link" {
		t.Errorf("the link once more: %s", got.text)
	}
	owner.want(401, "GET /v1/keys", "")
	nobody.want(202, "POST /v1/session", `{"email":"owner@one.example","password":"a new sentence nobody guesses"}`)
}

func TestTheFirstStartOverHTTP(t *testing.T) {
	w := newWorld(t)
	token, err := w.authority.OpenSetup(w.t.Context())
	w.must(err)
	nobody := &browser{w: w}
	body := fmt.Sprintf(`{"token":%q,"account":"First Ltd","email":"First@one.example","password":%q}`, token.Reveal(), password)
	made := nobody.want(201, "POST /v1/setup", body)
	if made.at("account", "name") != "First Ltd" || made.at("member", "email") != "first@one.example" || made.at("member", "role") != "owner" {
		t.Errorf("what was made: %s", made.text)
	}
	if got := nobody.want(422, "POST /v1/setup", body); got.at("code") != "invalid_link" {
		t.Errorf("once more: %s", got.text)
	}
	nobody.want(200, "POST /v1/session", fmt.Sprintf(`{"email":"first@one.example","password":%q}`, password))
	nobody.want(200, "GET /v1/keys", "")
}

func TestTheListOfKeysCountsWhatWasRefused(t *testing.T) {
	w := newWorld(t)
	account, err := w.operator().CreateAccount(w.t.Context(), "One")
	w.must(err)
	owner := w.member(account, "owner@one.example", latchkey.RoleOwner).signIn()
	busy, idle := w.key(account, "bot-1", true), w.key(account, "bot-2", true)
	w.must(w.store.NoteUse(w.t.Context(), []latchkey.KeyUse{{KeyID: busy, Refused: 3, Allowed: 1, LastUsed: w.now()}}, nil))
	w.pass(30 * time.Minute)
	got := owner.want(200, "GET /v1/keys", "")
	zeros := strings.Repeat("0,", 23)
	if !strings.Contains(got.text, `"refusedByHour":[`+zeros+`3]`) || !strings.Contains(got.text, `"refusedByHour":[`+zeros+`0]`) || !strings.Contains(got.text, `"lastUsed":"2026-03-01T12:`) {
		t.Errorf("the list: %s", got.text)
	}
	if one := owner.want(200, "GET /v1/keys/"+idle, ""); strings.Contains(one.text, "refusedByHour") {
		t.Errorf("one key: %s", one.text)
	}
}
