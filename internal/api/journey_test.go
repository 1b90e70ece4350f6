package api_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
)

// alone is a world with one account and its owner, signed in.
func alone(t *testing.T) (*world, *browser) {
	t.Helper()
	w := newWorld(t)
	account, err := w.operator().CreateAccount(t.Context(), "One")
	w.must(err)
	return w, w.member(account, "owner@one.example", latchkey.RoleOwner).signIn()
}

// mailed is the code that the newest message of a pending has.
func (w *world) mailed(pending string) string {
	w.t.Helper()
	p, err := w.store.Pending(w.t.Context(), pending)
	w.must(err)
	return p.Code.Reveal()
}

const newBot = `{"name":"bot-1","permissions":["trade"],"allowlist":["198.51.100.7","2001:db8::/32"]}`

func TestTheLifeOfAKeyOverTheAPI(t *testing.T) {
	w, owner := alone(t)
	begun := owner.want(202, "POST /v1/keys", newBot)
	if got := begun.at("summary"); got != "create key bot-1: Read, Trade; 2 IPs" {
		t.Errorf("summary %q", got)
	}
	made := owner.confirm(201, begun.at("id"))
	id, secret := made.at("key", "id"), made.at("secret")
	if !latchkey.IsKeyID(id) || !latchkey.IsSecret(secret) || made.at("key", "status") != "inactive" {
		t.Fatalf("created: %s", made.text)
	}
	if shown := owner.want(200, "GET /v1/keys/"+id, ""); strings.Contains(shown.text, secret) || strings.Contains(shown.text, "secret") {
		t.Errorf("the secret is shown again: %s", shown.text)
	}

	pending := owner.want(202, "POST /v1/keys/"+id+"/activate", `{"version":1}`).at("id")
	active := owner.want(200, "POST /v1/pending/"+pending+"/confirm", fmt.Sprintf(`{"code":%q}`, w.mailed(pending)))
	if active.at("key", "status") != "active" || active.at("receipt", "confirmed") != "2" {
		t.Errorf("activated: %s", active.text)
	}

	owner.want(422, "PATCH /v1/keys/"+id, `{"version":2,"permissions":["trade"]}`)
	owner.want(409, "PATCH /v1/keys/"+id, `{"version":1,"permissions":[]}`)
	edit := owner.want(202, "PATCH /v1/keys/"+id, `{"version":2,"permissions":["funds_internal"],"allowlist":[]}`)
	edited := owner.confirm(200, edit.at("id"))
	if edited.at("key", "status") != "inactive" || edited.at("key", "permissions") != "[read funds_internal]" || edited.at("key", "allowlist") != "[]" {
		t.Errorf("edited: %s", edited.text)
	}
	owner.want(409, "POST /v1/keys/"+id+"/deactivate", "")

	deletion := owner.want(202, "DELETE /v1/keys/"+id+"?version=3", "").at("id")
	owner.confirm(200, deletion)
	owner.want(404, "GET /v1/keys/"+id, "")
	if types := owner.types("/v1/activities?limit=200&key=" + id); !cmp.Equal(types, []string{
		"key_deleted", "pending_opened", "key_edited", "pending_opened", "key_activated", "pending_opened", "key_created",
	}) {
		t.Errorf("history %q", types)
	}
}

// types lists the types of a page of activities.
func (b *browser) types(path string) []string {
	b.w.t.Helper()
	var out []string
	items, _ := b.want(200, "GET "+path, "").json["items"].([]any)
	for _, item := range items {
		out = append(out, fmt.Sprint(item.(map[string]any)["type"]))
	}
	return out
}

func TestAHalfSessionReachesOnlyItsOwnSecondStep(t *testing.T) {
	w, _ := alone(t)
	b := &browser{w: w, email: "owner@one.example", seed: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
	pending := b.half().at("pending", "id")
	before := b.cookie
	if got := b.want(200, "GET /v1/session", ""); got.at("session", "full") != "false" || got.at("account") != "" {
		t.Errorf("who am I: %s", got.text)
	}
	b.want(200, "GET /v1/pending/"+pending, "")
	if got := b.want(422, "POST /v1/pending/"+pending+"/confirm", `{"code":"000000"}`); got.at("triesLeft") != "4" {
		t.Errorf("wrong code: %s", got.text)
	}
	b.confirm(200, pending)
	if b.cookie == before {
		t.Error("the full session has the token that was handed out before the second factor")
	}
	b.want(200, "GET /v1/keys", "")
	b.cookie = before
	b.want(401, "GET /v1/keys", "")
	b.want(204, "GET /v1/session", "")
}

func TestARepeatedRequestBeginsNothingNew(t *testing.T) {
	w, owner := alone(t)
	key := []string{"Idempotency-Key", "5f2c1d0e-7a53-4f7e-9d0c-3b1f6a2e8d94"}
	first := owner.want(202, "POST /v1/keys", newBot, key...)
	again := owner.want(202, "POST /v1/keys", newBot, key...)
	if first.at("id") != again.at("id") || again.header.Get("Idempotency-Replayed") != "true" || first.header.Get("Idempotency-Replayed") != "" {
		t.Errorf("first %s %q, again %s %q", first.at("id"), first.header, again.at("id"), again.header)
	}
	reused := owner.want(422, "POST /v1/keys", strings.Replace(newBot, "bot-1", "bot-2", 1), key...)
	if reused.at("code") != "idempotency_key_reused" {
		t.Errorf("reused: %s", reused.text)
	}
	if other := owner.want(202, "POST /v1/keys", newBot); other.at("id") == first.at("id") {
		t.Error("without the header nothing is a repetition")
	}
	if other := owner.want(202, "POST /v1/keys", newBot, "Idempotency-Key", "another"); other.at("id") == first.at("id") {
		t.Error("another header value is no repetition")
	}
	p, err := w.store.Pending(t.Context(), first.at("id"))
	w.must(err)
	if p.Draft.KeyName != "bot-1" {
		t.Errorf("the pending was changed by the repetition: %+v", p.Draft)
	}
}

func TestEnrollingAFactorShowsTheSeedOnce(t *testing.T) {
	_, owner := alone(t)
	owner.want(422, "POST /v1/factors", `{"kind":"totp","password":"wrong wrong wrong"}`)
	owner.want(422, "POST /v1/factors", `{"kind":"sms","password":"`+password+`"}`)
	owner.want(422, "POST /v1/factors", `{"kind":"totp","phone":"+35312345678","password":"`+password+`"}`)
	begun := owner.want(202, "POST /v1/factors", `{"kind":"totp","password":"`+password+`"}`)
	if begun.at("operation") != "enrol_factor" || begun.at("enrolment") != "" {
		t.Errorf("the seed is shown before an existing factor allowed it: %s", begun.text)
	}
	next := owner.confirm(200, begun.at("id"))
	seed := next.at("next", "enrolment", "secret")
	if seed == "" || !strings.Contains(next.at("next", "enrolment", "uri"), seed) {
		t.Fatalf("no enrolment: %s", next.text)
	}
	if again := owner.want(200, "GET /v1/pending/"+next.at("next", "id"), ""); strings.Contains(again.text, seed) {
		t.Errorf("the seed is shown again: %s", again.text)
	}
	fresh := *owner
	fresh.seed = latchkey.Secret(seed)
	done := fresh.confirm(200, next.at("next", "id"))
	if done.at("factor", "kind") != "totp" {
		t.Errorf("enrolled: %s", done.text)
	}
}

func TestResendTooEarlySaysWhen(t *testing.T) {
	w, owner := alone(t)
	made := owner.confirm(201, owner.want(202, "POST /v1/keys", newBot).at("id"))
	pending := owner.want(202, "POST /v1/keys/"+made.at("key", "id")+"/activate", `{"version":1}`).at("id")
	early := owner.want(429, "POST /v1/pending/"+pending+"/resend", "")
	if early.at("retryAfter") != "120" || early.header.Get("Retry-After") != "120" {
		t.Errorf("%s %q", early.text, early.header.Get("Retry-After"))
	}
	w.pass(2 * time.Minute)
	if again := owner.want(200, "POST /v1/pending/"+pending+"/resend", ""); again.at("sendsLeft") != "1" {
		t.Errorf("%s", again.text)
	}
}

func TestPagesJoinWithoutGapsAndRepeats(t *testing.T) {
	_, owner := alone(t)
	for range 3 {
		owner.want(204, "POST /v1/pending/"+owner.want(202, "POST /v1/keys", newBot).at("id")+"/cancel", "")
	}
	whole := owner.types("/v1/activities?limit=200")
	var joined []string
	cursor := ""
	for {
		path := "/v1/activities?limit=2" + cursor
		joined = append(joined, owner.types(path)...)
		next := owner.want(200, "GET "+path, "").json["next"]
		if next == nil {
			break
		}
		cursor = fmt.Sprintf("&cursor=%.0f", next)
	}
	if diff := cmp.Diff(whole, joined); diff != "" || len(whole) < 6 {
		t.Errorf("-whole +pages:\n%s", diff)
	}
}

func TestAnAllowlistIsJudgedEntryByEntry(t *testing.T) {
	_, owner := alone(t)
	got := owner.want(200, "POST /v1/allowlist/check", `{"text":"198.51.100.0/24; 10.0.0.0/8,10.0.0.0/8 0.0.0.0/0"}`)
	var verdicts []string
	for _, e := range got.json["entries"].([]any) {
		verdicts = append(verdicts, fmt.Sprint(e.(map[string]any)["verdict"]))
	}
	if !cmp.Equal(verdicts, []string{"warning", "warning", "duplicate", "invalid"}) || got.at("valid") != "false" {
		t.Errorf("%q %s", verdicts, got.text)
	}
	for _, entry := range []string{"192.0.2.7 192.0.2.8", "192.0.2.7,", "", "192.0.2.7;10.0.0.1"} {
		body := fmt.Sprintf(`{"name":"a","permissions":[],"allowlist":[%q]}`, entry)
		want := 422
		if entry == "192.0.2.7," {
			want = 202 // one entry, however it is ended
		}
		owner.want(want, "POST /v1/keys", body)
	}
}
