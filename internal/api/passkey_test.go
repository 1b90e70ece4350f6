package api_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	virtual "github.com/descope/virtualwebauthn"

	"latchkey"
)

// console is where the browser of these tests is.
var console = virtual.RelyingParty{ID: "console.example", Name: "Latchkey", Origin: "https://console.example"}

// key is a virtual authenticator with one credential.
type key struct {
	auth virtual.Authenticator
	cred virtual.Credential
}

// newKey makes one with an RSA key: the virtual authenticator writes one in 128
// of its elliptic ones wrongly.
func newKey() *key {
	return &key{auth: virtual.NewAuthenticator(), cred: virtual.NewCredential(virtual.KeyTypeRSA)}
}

// answer is the body that confirms a step, whose passkey member is at the path.
func (k *key) answer(w *world, r reply, path ...string) string {
	w.t.Helper()
	var at any = r.json
	for _, name := range append(path, "passkey") {
		object, _ := at.(map[string]any)
		at = object[name]
	}
	prompt, _ := at.(map[string]any)
	k.cred.Counter++
	text := func(v any) string {
		out, err := json.Marshal(v)
		w.must(err)
		return string(out)
	}
	if create := prompt["create"]; create != nil {
		options, err := virtual.ParseAttestationOptions(text(create))
		w.must(err)
		return fmt.Sprintf(`{"passkey":%s}`, virtual.CreateAttestationResponse(console, k.auth, k.cred, *options))
	}
	options, err := virtual.ParseAssertionOptions(text(prompt["get"]))
	w.must(err)
	return fmt.Sprintf(`{"passkey":%s}`, virtual.CreateAssertionResponse(console, k.auth, k.cred, *options))
}

// From the enrolment to an edited key, as a browser does it.
func TestAPasskeyFromItsEnrolmentToAnEdit(t *testing.T) {
	w := newWorld(t)
	account, err := w.operator().CreateAccount(w.t.Context(), "One")
	w.must(err)
	owner, k := w.member(account, "owner@one.example", latchkey.RoleOwner).signIn(), newKey()
	if got := owner.want(200, "GET /v1/factors", "").text; !strings.Contains(got, `"offered":["passkey","totp","sms"]`) {
		t.Errorf("what can be enrolled: %s", got)
	}
	owner.want(422, "POST /v1/factors", `{"kind":"totp","label":"x","password":"`+password+`"}`)
	owner.want(422, "POST /v1/factors", `{"kind":"passkey","phone":"+35312345678","password":"`+password+`"}`)
	step := owner.want(202, "POST /v1/factors", `{"kind":"passkey","label":"blue key","password":"`+password+`"}`)
	first := owner.confirm(200, step.at("id"))
	if first.at("next", "proof") != "new_factor" || first.at("next", "passkey", "create") == "" || first.at("next", "passkey", "get") != "" {
		t.Fatalf("what follows: %s", first.text)
	}
	made := owner.want(200, "POST /v1/pending/"+first.at("next", "id")+"/confirm", k.answer(w, first, "next"))
	if made.at("factor", "kind") != "passkey" || made.at("factor", "label") != "blue key" {
		t.Errorf("the factor: %s", made.text)
	}

	half := owner.half()
	if half.at("pending", "factorKind") != "passkey" || half.at("pending", "passkey", "get") == "" {
		t.Fatalf("the sign-in asks for: %s", half.text)
	}
	owner.want(200, "POST /v1/pending/"+half.at("pending", "id")+"/confirm", k.answer(w, half, "pending"))

	bot := w.key(account, "bot-1", true)
	edit := owner.want(202, "PATCH /v1/keys/"+bot, `{"version":2,"permissions":["trade"]}`)
	old := k.answer(w, edit)
	again := owner.want(200, "POST /v1/pending/"+edit.at("id")+"/resend", `{}`)
	wrong := owner.want(422, "POST /v1/pending/"+edit.at("id")+"/confirm", old)
	if wrong.at("code") != "wrong_code" || wrong.at("field") != "passkey" || wrong.at("triesLeft") != "4" {
		t.Errorf("the answer to a challenge that was renewed: %s", wrong.text)
	}
	owner.want(200, "POST /v1/pending/"+edit.at("id")+"/confirm", k.answer(w, again))
}

// What a browser sends of a passkey is deep and large, but bounded like all.
func TestAPasskeyMustBeAnObject(t *testing.T) {
	w := newWorld(t)
	account, err := w.operator().CreateAccount(w.t.Context(), "One")
	w.must(err)
	owner := w.member(account, "owner@one.example", latchkey.RoleOwner).signIn()
	bot := w.key(account, "bot-1", true)
	edit := owner.want(202, "PATCH /v1/keys/"+bot, `{"version":2,"permissions":["trade"]}`)
	for body, code := range map[string]string{
		`{"passkey":"x"}`: "invalid_input", `{"passkey":[]}`: "invalid_input", `{"passkey":1}`: "invalid_input",
		`{"passkey":{"id":"a","id":"b"}}`: "malformed_json", `{"passkey":{}}`: "invalid_code", `{"passkey":{"id":"a"},"code":"123456"}`: "invalid_code",
	} {
		if got := owner.call("POST /v1/pending/"+edit.at("id")+"/confirm", body); got.at("code") != code {
			t.Errorf("%s: %s, want %s", body, got.text, code)
		}
	}
	if got := owner.want(200, "GET /v1/pending/"+edit.at("id"), "").at("triesLeft"); got != "5" {
		t.Errorf("tries left: %s", got)
	}
}
