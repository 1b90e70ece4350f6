package api

import (
	"testing"

	"latchkey/internal/authority"
)

func TestADigestTellsRequestsApart(t *testing.T) {
	digests := map[string]string{}
	for name, d := range map[string]authority.Idempotency{
		"one part":      Once{"k"}.of("abc"),
		"two parts":     Once{"k"}.of("a", "bc"),
		"cut elsewhere": Once{"k"}.of("ab", "c"),
		"empty part":    Once{"k"}.of("abc", ""),
		"other header":  Once{"l"}.of("abc"),
		"nothing":       Once{"k"}.of(),
	} {
		if before, twice := digests[d.Digest]; twice {
			t.Errorf("%s has the digest of %s", name, before)
		}
		digests[d.Digest] = name
		if d.Key == "" || d.Key == "k" || d.Digest == "" {
			t.Errorf("%s: %+v", name, d)
		}
	}
	if got := (Once{}).of("abc"); got != (authority.Idempotency{}) {
		t.Errorf("without the header there is no idempotency: %+v", got)
	}
}

// A digest over the password would stand in the database as a hash that is
// guessed a million times faster than the real one.
func TestThePasswordIsNoPartOfTheDigest(t *testing.T) {
	s := &stub{}
	h := New(config(t, s))
	enrol := func(password, phone string) authority.Idempotency {
		c := call{target: "POST /v1/factors", token: "owner", body: `{"kind":"sms","password":"` + password + `","phone":"` + phone + `"}`,
			header: map[string][]string{"Idempotency-Key": {"k"}}}
		if w := c.do(h); w.Code != 202 {
			t.Fatal(w.Code, w.Body)
		}
		return s.idem
	}
	first := enrol("first password", "+35312345678")
	if again := enrol("second password", "+35312345678"); again != first {
		t.Error("the digest depends on the password")
	}
	if other := enrol("first password", "+35312345679"); other.Digest == first.Digest {
		t.Error("another phone is another request")
	}
}
