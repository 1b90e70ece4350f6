package signature_test

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"latchkey/signature"

	"pgregory.net/rapid"
)

// readings counts the ways in which a signed string can be read as a request,
// and as a logon.
func readings(message string) (requests, logons int) {
	for i := range message {
		for j := i; j <= len(message); j++ {
			if _, err := parseREST("k1", message[i:j], strings.Repeat("A", 43)+"=", message[:i], []byte(message[j:])); err == nil {
				requests++
			}
		}
		auth := `{"key":"` + message[i:] + `","signature":"` + strings.Repeat("0", 64) + `","timestamp":"` + message[:i] + `"}`
		if _, err := signature.ParseWS([]byte(auth)); err == nil {
			logons++
		}
	}
	return requests, logons
}

// Fault 14. Somebody who saw a bot's logon over WebSocket sends its signature
// with a REST call, or the other way round: the same secret signed both. What
// one protocol signs must have no reading in the other.
func TestALogonIsNoRequestAndARequestNoLogon(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stamp := rapid.StringMatching(`[1-9][0-9]{8,9}`).Draw(t, "timestamp")
		logon := stamp + rapid.StringMatching(`(\.[0-9]{1,6})?`).Draw(t, "fraction") + rapid.StringMatching(`[0-9A-Za-z_-]{1,24}`).Draw(t, "key")
		if requests, logons := readings(logon); requests != 0 || logons == 0 {
			t.Fatalf("the logon %q reads as %d requests and %d logons", logon, requests, logons)
		}
		request := rapid.StringMatching(`[a-z][a-z0-9_]{1,11}`).Draw(t, "action") + stamp + rapid.SampledFrom([]string{"{}", ` {"a":"1"}`, `{"pair":"BTC-USD"}`}).Draw(t, "body")
		if requests, logons := readings(request); requests == 0 || logons != 0 {
			t.Fatalf("the request %q reads as %d requests and %d logons", request, requests, logons)
		}
	})
}

// The twin of fault 14: the MAC does not tell them apart. Without the rules for
// action and body, the logon's signature is that of a call.
func TestTheMACAloneDoesNotTellALogonFromARequest(t *testing.T) {
	logon, err := hex.DecodeString(signature.SignWS(secret, "1700000000", "k1"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := base64.StdEncoding.DecodeString(signature.SignREST(secret, "", "1700000000", []byte("k1")))
	if err != nil || string(request) != string(logon) {
		t.Errorf("the MACs differ: %x and %x, %v", request, logon, err)
	}
}
