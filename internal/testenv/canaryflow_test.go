package testenv_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pquerna/otp/totp"

	"latchkey"
	"latchkey/internal/operator"
	"latchkey/internal/testenv"
)

// keysetName is the one file in which a key of the keyset may stand.
const keysetName = "keyset.json"

var keyPattern = regexp.MustCompile(`[A-Za-z0-9+/_-]{40,}=*`) // in base 64

// command is one of the operator's, by the socket; the secret is that of a key.
func (c *cage) command(op string, args any) (raw []byte, made struct{ ID, Secret string }) {
	c.t.Helper()
	text, err := json.Marshal(args)
	if err == nil {
		raw, err = operator.Call(c.t.Context(), c.DataDir, operator.Request{Op: op, Args: text})
	}
	if err != nil {
		c.t.Fatalf("%s: %v", op, err)
	}
	_ = json.Unmarshal(raw, &made) // lists have none
	return raw, made
}

// operates makes a member and keys as the command does, and seals all anew.
func (c *cage) operates(n int) {
	c.command("member.add", operator.MemberArgs{Account: "one", Email: "third@one.example", Role: "subuser", Password: c.fresh("a member's first password")})
	for i := range n {
		_, made := c.command("key.create", operator.KeyArgs{Account: "one", Name: fmt.Sprintf("made-%d", i), Permissions: []string{"read"}, Active: true})
		bot := c.Bot(made.ID, latchkey.Secret(c.hide("the secret of a key that the command made", made.Secret)))
		testenv.Allows(c.t, bot.Call("get_my_fee", "{}"), http.StatusOK)
	}
	c.command("keyset.rotate", struct{}{})
	keyset, err := os.ReadFile(filepath.Join(c.DataDir, keysetName))
	found := keyPattern.FindAllString(string(keyset), -1)
	if err != nil || len(found) < 2 {
		c.t.Fatalf("%d keys in the keyset after it was rotated, %v", len(found), err)
	}
	for _, key := range found {
		c.hide("a key of the keyset", key)
	}
}

// talks opens sessions, and one that is refused.
func (c *cage) talks() {
	for _, bot := range c.keys[:3] {
		session := talk(c.t, c.System, bot)
		session.say(fmt.Sprintf(`{"e":"auth","auth":{"key":%q,"timestamp":"0","signature":%q}}`, bot.KeyID, c.fresh("what stands for a signature")))
		session.say(fmt.Sprintf(`{"e":"get_my_fee","oid":"x","data":{},"token":%q}`, c.fresh("a token in a message")))
		session.say(c.fresh("a message that is no JSON"))
	}
}

// stranger loses the app: another is enrolled by a recovery code. Then the
// password is changed, at first with a wrong one.
func (c *cage) stranger() {
	p := c.StrangerOwner()
	renewed := testenv.Allows(c.t, p.Do("POST", "/v1/recovery-codes", map[string]string{"password": testenv.Password}), http.StatusAccepted)
	codes, _ := testenv.Allows(c.t, p.Confirm(renewed, c.TOTP()), http.StatusOK).Body["recoveryCodes"].([]any)
	if len(codes) == 0 {
		c.t.Fatal("no recovery codes")
	}
	for _, code := range codes {
		c.hide("a recovery code", fmt.Sprint(code))
		c.hide("a recovery code without dashes", strings.ReplaceAll(fmt.Sprint(code), "-", ""))
	}
	step := testenv.Allows(c.t, p.Do("POST", "/v1/factors", map[string]string{"kind": "totp", "password": testenv.Password}), http.StatusAccepted)
	next := testenv.Allows(c.t, p.Do("POST", "/v1/pending/"+testenv.PendingID(step)+"/confirm", map[string]string{"recoveryCode": fmt.Sprint(codes[0])}), http.StatusOK).Object("next")
	seed := c.hide("the seed of the next app", next.Object("enrolment").Text("secret"))
	code, err := totp.GenerateCode(seed, c.Clock.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	for _, code := range testenv.Allows(c.t, p.Confirm(next, code), http.StatusOK).Body {
		list, _ := code.([]any) // other members are none
		for _, code := range list {
			c.hide("a later recovery code", fmt.Sprint(code))
		}
	}
	for old, status := range map[string]int{c.fresh("a wrong present password"): http.StatusUnprocessableEntity, testenv.Password: http.StatusNoContent} {
		testenv.Allows(c.t, p.Do("PUT", "/v1/password", map[string]string{"password": old, "newPassword": c.fresh("a new password")}), status)
	}
	for _, cookie := range p.Cookies() {
		c.hide("a stranger's cookie", cookie.Value)
	}
}

// returns follows the link of a mail to a new password, and signs in with it.
func (c *cage) returns(link string) {
	body := map[string]string{"token": link, "password": c.fresh("the password by a link")}
	c.owner = c.Nobody()
	testenv.Allows(c.t, c.owner.Do("POST", "/v1/password/reset", body), http.StatusNoContent)
	step := testenv.Allows(c.t, c.owner.Do("POST", "/v1/session", map[string]string{"email": testenv.OwnerEmail, "password": body["password"]}), http.StatusAccepted)
	testenv.Allows(c.t, c.owner.Confirm(step, c.TOTP()), http.StatusOK)
	for _, cookie := range c.owner.Cookies() {
		c.hide("a cookie after the link", cookie.Value)
	}
}
