package stepup

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"

	"latchkey"
)

const someDigest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func TestTheChallengeIsTheHashOfDigestAndNonce(t *testing.T) {
	nonce := NewNonce()
	got, ok := Challenge(someDigest, nonce)
	digest, _ := hex.DecodeString(someDigest)
	random, err := base64.RawURLEncoding.DecodeString(nonce.Reveal())
	if err != nil || len(random) != 32 {
		t.Fatalf("a nonce has %d bytes, %v", len(random), err)
	}
	want := sha256.Sum256(append(digest, random...))
	if !ok || !bytes.Equal(got, want[:]) {
		t.Errorf("%x, %t, want %x", got, ok, want)
	}
}

func TestAnotherDigestOrNonceIsAnotherChallenge(t *testing.T) {
	nonce := NewNonce()
	seen := map[string]bool{}
	for i := range someDigest {
		other := someDigest[:i] + string("0123456789abcdef"[(strings.IndexByte("0123456789abcdef", someDigest[i])+1)%16]) + someDigest[i+1:]
		c, ok := Challenge(other, nonce)
		if !ok || seen[string(c)] {
			t.Fatalf("%s: %t", other, ok)
		}
		seen[string(c)] = true
	}
	for range 1000 {
		c, ok := Challenge(someDigest, NewNonce())
		if !ok || seen[string(c)] {
			t.Fatal("two nonces have one challenge")
		}
		seen[string(c)] = true
	}
}

// A code of six digits, or nothing, must not become a challenge that somebody
// can know.
func TestWhatIsNoNonceOrDigestIsNoChallenge(t *testing.T) {
	good := NewNonce()
	for _, nonce := range []latchkey.Secret{"", "123456", good[:42], good + "AA", "!" + good[1:], latchkey.Secret(strings.Repeat("A", 44))} {
		if c, ok := Challenge(someDigest, nonce); ok || c != nil {
			t.Errorf("nonce %q: %x", nonce.Reveal(), c)
		}
	}
	for _, digest := range []string{"", "00", someDigest[2:], someDigest + "00", "x" + someDigest[1:]} {
		if c, ok := Challenge(digest, good); ok || c != nil {
			t.Errorf("digest %q: %x", digest, c)
		}
	}
}
