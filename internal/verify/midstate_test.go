package verify_test

import (
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/verify"
	"latchkey/signature"

	"pgregory.net/rapid"
)

// The prepared secret gives the MAC of RFC 2104, for any length of the secret
// and the message, and no other.
func TestMidstate(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.SliceOfN(rapid.Byte(), 1, 200).Draw(t, "secret")
		body := append([]byte{'{'}, rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "body")...)
		ts := signature.Timestamp(time.Unix(1_700_000_000, 0))
		mac := signature.SignREST(secret, "get_my_orders", ts, body)
		r, err := signature.ParseREST([]byte("k1"), []byte(ts), []byte(mac), []byte("get_my_orders"), body)
		if err != nil {
			t.Fatal(err)
		}
		if !verify.ValidREST(latchkey.Secret(secret), r) {
			t.Fatal("the right MAC is refused")
		}
		bit := rapid.IntRange(0, 8*signature.Size-1).Draw(t, "bit")
		r.Signature[bit/8] ^= 1 << (bit % 8)
		if verify.ValidREST(latchkey.Secret(secret), r) {
			t.Fatal("a wrong MAC is accepted")
		}
	})
}

// RFC 2104, 2: a key of one block is used as it is, and a longer one is hashed.
func TestASecretOfOneBlockIsNotHashed(t *testing.T) {
	for _, n := range []int{1, 63, 64, 65, 128, 129} {
		secret := []byte(strings.Repeat("s", n))
		mac := signature.SignREST(secret, "get_my_orders", "1700000000", []byte("{}"))
		r, err := signature.ParseREST([]byte("k1"), []byte("1700000000"), []byte(mac), []byte("get_my_orders"), []byte("{}"))
		if err != nil || !verify.ValidREST(latchkey.Secret(secret), r) {
			t.Errorf("a secret of %d bytes gives another MAC, %v", n, err)
		}
	}
}

func TestAnEmptySecretFitsNothing(t *testing.T) {
	r := signature.REST{Action: []byte("get_my_orders"), Timestamp: []byte("1700000000"), Body: []byte("{}")}
	if verify.ValidREST("", r) || verify.ForgedREST(r) {
		t.Error("accepted")
	}
}
