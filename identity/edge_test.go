package identity_test

import (
	"fmt"
	"strings"
	"testing"

	"latchkey/identity"
)

// few returns so many different permissions.
func few(n int) (permissions []string) {
	for i := range n {
		permissions = append(permissions, fmt.Sprint("p", i))
	}
	return permissions
}

// A gateway that refuses the longest value of a rule lets nobody with it trade;
// one that takes the next longer signs what the other side may cut or misread.
func TestTheLongestValuesAreSignedAndNoLongerOnes(t *testing.T) {
	for _, c := range []struct {
		name   string
		caller identity.Caller
		method string
		target string
		good   bool
	}{
		{"32 permissions", identity.Caller{Account: "a", Key: "k", Permissions: few(32), RequestID: "r"}, method, target, true},
		{"33 permissions", identity.Caller{Account: "a", Key: "k", Permissions: few(33), RequestID: "r"}, method, target, false},
		{"an id of 128", identity.Caller{RequestID: strings.Repeat("r", 128)}, method, target, true},
		{"an id of 129", identity.Caller{RequestID: strings.Repeat("r", 129)}, method, target, false},
		{"both ends of every range", identity.Caller{Account: "azAZ09_.:@-", Key: "azAZ09_-", Permissions: []string{"azAZ09_"}, RequestID: "azAZ09_.:-"}, method, target, true},
		{"a method of 16", nobody, strings.Repeat("M", 16), target, true},
		{"a method of 17", nobody, strings.Repeat("M", 17), target, false},
		{"the ends of what a query may hold", nobody, method, target + "?!~", true},
		{"a space in the query", nobody, method, target + "? ", false},
		{"a delete character in the query", nobody, method, target + "?\x7f", false},
	} {
		signed, err := identity.Sign(secret, now, c.caller, c.method, c.target, body)
		if (err == nil) != c.good || (signed != nil) != c.good {
			t.Errorf("%s: %d headers, error %v", c.name, len(signed), err)
		}
	}
	for _, c := range "`{@[/" {
		if _, err := identity.Sign(secret, now, identity.Caller{RequestID: "r" + string(c)}, method, target, body); err == nil {
			t.Errorf("an id with %q is signed", c)
		}
	}
}

// Somebody cuts the version off, or writes another one, so that a signature is
// read by rules under which it was never made.
func TestASignatureWithoutItsVersionIsRefused(t *testing.T) {
	h := headers(t, bot)
	whole := h.Get(identity.SignatureHeader)
	for _, front := range []string{"", "t=", "v2,t=", "v1,T=", " v1,t="} {
		h.Set(identity.SignatureHeader, front+strings.TrimPrefix(whole, "v1,t="))
		c, err := verify(h)
		refused(t, c, err, "is not of the form")
	}
	h.Set(identity.SignatureHeader, whole)
	if _, err := verify(h); err != nil {
		t.Error(err)
	}
}

// A time that is no number, of the length of one, and a secret of just the least
// length.
func TestTheTimeIsDigitsAndTheShortestSecretWillDo(t *testing.T) {
	for _, clock := range []string{"+170000000", "17000000x0", "1700000.00", "17000000:0", "17000000/0", "0700000000"} {
		h := headers(t, bot)
		h.Set(identity.SignatureHeader, strings.Replace(h.Get(identity.SignatureHeader), "1700000000", clock, 1))
		c, err := verify(h)
		refused(t, c, err, "is not of the form")
	}
	shortest := secret[:identity.MinSecret]
	if _, err := identity.Sign(shortest, now, nobody, method, target, body); err != nil {
		t.Error(err)
	}
	if _, err := identity.Sign(shortest[1:], now, nobody, method, target, body); err == nil {
		t.Error("a shorter secret will do as well")
	}
}
