package identity_test

import (
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"latchkey/identity"
)

// flipCount is how many bits are turned; FLIPS=1000000 is the long form.
func flipCount(t *testing.T) int {
	t.Helper()
	text := os.Getenv("FLIPS")
	switch {
	case text == "" && testing.Short():
		return 10_000
	case text == "":
		return 50_000
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("FLIPS is %q, want a number", text)
	}
	return n
}

// The attack: somebody between gateway and exchange turns one bit of who calls,
// what for, or of what they send.
func TestNoBitOfAStatementCanBeTurned(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 1))
	right := headers(t, bot)
	names := []string{
		identity.AccountHeader, identity.KeyHeader, identity.PermissionsHeader, identity.RequestIDHeader, identity.SignatureHeader,
		"secret", "method", "target", "body",
	}
	seen := map[string]int{}
	for range flipCount(t) {
		part := names[dice.IntN(len(names))]
		values := map[string]string{"secret": string(secret), "method": method, "target": target, "body": string(body)}
		for name := range right {
			values[name] = right.Get(name)
		}
		turned := []byte(values[part])
		bit := dice.IntN(8 * len(turned))
		turned[bit/8] ^= 1 << (bit % 8)
		values[part] = string(turned)
		h := http.Header{}
		for name, value := range values {
			if strings.HasPrefix(name, "Latchkey-") {
				h.Set(name, value)
			}
		}
		c, err := identity.Verify([]byte(values["secret"]), now, identity.Window, h, values["method"], values["target"], []byte(values["body"]))
		if err == nil || c.RequestID != "" {
			t.Fatalf("%s %q instead of %q is taken for %+v", part, turned, right.Get(part), c)
		}
		seen[part]++
	}
	for _, name := range names {
		if seen[name] < flipCount(t)/20 {
			t.Errorf("only %d bits of the %s were turned", seen[name], name)
		}
	}
	t.Logf("flips: %v", seen)
}
