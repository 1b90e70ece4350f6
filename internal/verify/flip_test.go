package verify_test

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"

	"latchkey"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// RFC 4231, section 4: keys, data and MACs of test cases 1 to 7. Of case 5 the
// RFC prints the first 128 bits; the rest was computed by another program.
var rfc4231 = []struct{ key, data, mac string }{
	{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{again("aa", 20), again("dd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{"0102030405060708090a0b0c0d0e0f10111213141516171819", again("cd", 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{again("0c", 20), hex.EncodeToString([]byte("Test With Truncation")), "a3b6167473100ee06e0c796c2955552bfa6f7c0a6a8aef8b93f860aab0cd20c5"},
	{again("aa", 131), hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{again("aa", 131), hex.EncodeToString([]byte("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.")), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
}

func again(pair string, n int) (out string) {
	for range n {
		out += pair
	}
	return out
}

// The gateway does not verify with the public package, which has a test of its
// own, but with a secret that was prepared.
func TestThePreparedSecretGivesTheMACsOfRFC4231(t *testing.T) {
	for i, c := range rfc4231 {
		key, data, mac := unhex(t, c.key), unhex(t, c.data), [signature.Size]byte(unhex(t, c.mac))
		for where, got := range accepted(key, data, mac) {
			if !got {
				t.Errorf("case %d is refused as a %s", i+1, where)
			}
		}
		for half := range 2 { // RFC 4231, 4.6 is about truncation: no half is enough
			cut := mac
			clear(cut[16*half : 16*half+16])
			for where, got := range accepted(key, data, cut) {
				if got {
					t.Errorf("half of case %d is accepted as a %s", i+1, where)
				}
			}
		}
	}
}

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

// flipper turns one bit of one part of a call or a logon.
type flipper struct {
	*rand.Rand
	checker *verify.Checker
	seen    map[string]int // flips of each part
}

func newFlipper(t *testing.T) *flipper {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	table := verify.NewTable()
	table.Put(good().key, secret)
	neighbour := good().key
	neighbour.ID = "lk_ond" // one bit beside lk_one, and somebody else's
	table.Put(neighbour, "lks_the secret of the neighbour")
	return &flipper{rand.New(rand.NewPCG(seed, 1)), tireless(table, free{}), map[string]int{}}
}

// turn copies the parts, turns one bit of one of them and returns them all.
func (f *flipper) turn(names []string, parts ...[]byte) [][]byte {
	out := make([][]byte, len(parts))
	for i, p := range parts {
		out[i] = append([]byte(nil), p...)
	}
	i := f.IntN(len(parts))
	bit := f.IntN(8 * len(parts[i]))
	out[i][bit/8] ^= 1 << (bit % 8)
	f.seen[names[i]]++
	return out
}

var restParts = []string{"secret", "key", "timestamp", "action", "body", "signature"}

// signed makes the parts of a call that is right, with a body of its own.
func (f *flipper) signed() [][]byte {
	body := []byte(`{"side":"BUY","amountCcy1":"0.01","x":"`)
	for range f.IntN(120) {
		body = append(body, byte('a'+f.IntN(26)))
	}
	body = append(body, `"}`...)
	ts := signature.Timestamp(now)
	mac := signature.SignREST([]byte(secret.Reveal()), order.Name, ts, body)
	return [][]byte{[]byte(secret.Reveal()), []byte("lk_one"), []byte(ts), []byte(order.Name), body, []byte(mac)}
}

// check is what the gateway says to the parts of a call; the first one is the
// secret that its table holds.
func (f *flipper) check(parts [][]byte) verify.Reason {
	checker := f.checker
	if string(parts[0]) != secret.Reveal() {
		table := verify.NewTable()
		table.Put(good().key, latchkey.Secret(parts[0]))
		checker = tireless(table, free{})
	}
	s, err := signature.ParseREST(parts[1], parts[2], parts[5], parts[3], parts[4])
	return checker.Check(context.Background(), verify.Request{Signed: s, Malformed: err != nil, Action: order, Addr: home}).Reason
}

// The attack: whoever can touch a call on its way turns one bit of it, and the
// exchange sells where it was told to buy.
func TestNoBitOfACallCanBeTurned(t *testing.T) {
	f := newFlipper(t)
	var parts [][]byte
	for n := range flipCount(t) {
		if n%1000 == 0 {
			parts = f.signed()
			if got := f.check(parts); got != verify.Allowed {
				t.Fatalf("the call that nobody touched is refused: %v", got)
			}
		}
		turned := f.turn(restParts, parts...)
		if got := f.check(turned); got != verify.Unauthorized {
			t.Fatalf("%q, of which one bit was turned from %q, is %v", turned, parts, got)
		}
	}
	f.complete(t, restParts)
}

// complete demands that every part had its flips.
func (f *flipper) complete(t *testing.T, names []string) {
	t.Helper()
	for _, name := range names {
		if f.seen[name] < flipCount(t)/10 {
			t.Errorf("only %d bits of the %s were turned", f.seen[name], name)
		}
	}
	t.Logf("flips: %v", f.seen)
}

func TestNoBitOfALogonCanBeTurned(t *testing.T) {
	names := []string{"key", "timestamp", "signature"}
	f := newFlipper(t)
	for range flipCount(t) {
		at := fmt.Sprintf("%d.%03d", now.Unix(), f.IntN(1000))
		text, _ := hex.DecodeString(signature.SignWS([]byte(secret.Reveal()), at, "lk_one"))
		parts := f.turn(names, []byte("lk_one"), []byte(at), text)
		s := signature.WS{Key: parts[0], Timestamp: parts[1], Signature: [signature.Size]byte(parts[2])}
		if v, session := f.checker.Logon(verify.Logon{Signed: s, Addr: home}); v.Reason != verify.Unauthorized || session != nil {
			t.Fatalf("the logon %q is %v", parts, v.Reason)
		}
	}
	f.complete(t, names)
}

// The twin: without the check of the signature the flips of what is signed and
// nothing else (action, timestamp, body) pass.
func TestWithoutTheSignatureTurnedBitsPass(t *testing.T) {
	f := newFlipper(t)
	f.checker.Off(verify.Authentic | verify.Fresh)
	passed, parts := 0, f.signed()
	for range 1000 {
		if f.check(f.turn(restParts, parts...)) == verify.Allowed {
			passed++
		}
	}
	if passed < 300 {
		t.Errorf("only %d of 1000 pass", passed)
	}
}
