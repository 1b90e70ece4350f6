package signature_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/signature"

	"pgregory.net/rapid"
)

var secret = []byte("c2VjcmV0c2VjcmV0")

// signed returns a request that is valid under secret.
func signed(t testing.TB, action, timestamp, body string) signature.REST {
	t.Helper()
	sig := signature.SignREST(secret, action, timestamp, []byte(body))
	r, err := parseREST("k1", timestamp, sig, action, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// logon returns a logon that is valid under secret.
func logon(t testing.TB, timestamp string) signature.WS {
	t.Helper()
	auth := fmt.Sprintf(`{"key":"k1","signature":%q,"timestamp":%s}`, signature.SignWS(secret, timestamp, "k1"), timestamp)
	w, err := signature.ParseWS([]byte(auth))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// flips calls f with b after each single bit of it was turned, one at a time.
func flips(b []byte, f func(bit int)) {
	for bit := range 8 * len(b) {
		b[bit/8] ^= 1 << (bit % 8)
		f(bit)
		b[bit/8] ^= 1 << (bit % 8)
	}
}

func TestNoSingleBitOfARequestCanBeTurned(t *testing.T) {
	key := []byte("c2VjcmV0c2VjcmV0")
	r := signed(t, "do_my_new_order", "1700000000", `{"side":"BUY","amountCcy1":"0.01"}`)
	r.Action, r.Timestamp = []byte(r.Action), []byte(r.Timestamp)
	for name, part := range map[string][]byte{
		"action": r.Action, "timestamp": r.Timestamp, "body": r.Body, "signature": r.Signature[:], "secret": key,
	} {
		flips(part, func(bit int) {
			if r.Valid(key) {
				t.Errorf("bit %d of the %s was turned and the request is still valid", bit, name)
			}
		})
	}
	if !r.Valid(key) {
		t.Error("the request itself is not valid")
	}
}

func TestNoSingleBitOfALogonCanBeTurned(t *testing.T) {
	w := logon(t, "1700000000.123")
	for name, part := range map[string][]byte{"key": w.Key, "timestamp": w.Timestamp, "signature": w.Signature[:]} {
		flips(part, func(bit int) {
			if w.Valid(secret) {
				t.Errorf("bit %d of the %s was turned and the logon is still valid", bit, name)
			}
		})
	}
	if !w.Valid(secret) {
		t.Error("the logon itself is not valid")
	}
}

// The text of a signature has one spelling: with any bit of it turned the
// request is malformed or not valid.
func TestNoSingleBitOfTheSignatureTextCanBeTurned(t *testing.T) {
	text := []byte(signature.SignREST(secret, "get_my_orders", "1700000000", []byte("{}")))
	flips(text, func(bit int) {
		r, err := parseREST("k1", "1700000000", string(text), "get_my_orders", []byte("{}"))
		if err == nil && r.Valid(secret) {
			t.Errorf("bit %d of %s may be turned", bit, text)
		}
	})
}

func TestAnEmptySecretSignsAndVerifiesNothing(t *testing.T) {
	if got := signature.SignREST(nil, "a", "1", nil) + signature.SignWS(nil, "1", "k"); got != "" {
		t.Errorf("signed %q without a secret", got)
	}
	// This is the MAC that HMAC gives for an empty key, computed elsewhere.
	mac, _ := base64.StdEncoding.DecodeString("thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0=")
	var r signature.REST // its string to sign is empty
	copy(r.Signature[:], mac)
	if r.Valid(nil) || r.Valid([]byte{}) || r.ValidMAC(&signature.MAC{}) || r.ValidMAC(nil) {
		t.Error("a request is valid under an empty secret")
	}
	w := signature.WS{Signature: r.Signature}
	if w.Valid(nil) || w.ValidMAC(signature.NewMAC(nil)) {
		t.Error("a logon is valid under an empty secret")
	}
}

func TestTheZeroValuesAreRefused(t *testing.T) {
	if (signature.REST{}).Valid(secret) || (signature.WS{}).Valid(secret) {
		t.Error("a zero value is valid")
	}
	if !(signature.REST{}).Time().IsZero() || !(signature.WS{}).Time().IsZero() {
		t.Error("a zero value has a time")
	}
}

func TestAMACServesManyRequests(t *testing.T) {
	m := signature.NewMAC(secret)
	for i := range 5 {
		body := fmt.Sprintf(`{"n":%d}`, i)
		if r := signed(t, "get_my_orders", "1700000000", body); !r.ValidMAC(m) {
			t.Errorf("request %d is not valid", i)
		}
		other := signed(t, "get_my_orders", "1700000000", body)
		other.Body = []byte(`{}`)
		if other.ValidMAC(m) {
			t.Errorf("request %d is valid with another body", i)
		}
	}
}

func TestTimeKeepsTheFraction(t *testing.T) {
	for literal, nanos := range map[string]int64{
		"1700000000": 0, "1700000000.5": 500_000_000, "1700000000.123": 123_000_000, "1700000000.000000001": 1,
	} {
		if got, want := logon(t, literal).Time(), time.Unix(1_700_000_000, nanos); !got.Equal(want) {
			t.Errorf("%s is %v, want %v", literal, got, want)
		}
	}
	at := time.Unix(1_700_000_000, 999)
	if got := signed(t, "get_my_orders", signature.Timestamp(at), "{}").Time(); !got.Equal(at.Truncate(time.Second)) {
		t.Errorf("time is %v", got)
	}
}

// Every way to cut one signed string into action, timestamp and body that
// ParseREST accepts: any two of them are so far apart in time that only one can
// be fresh. Without the rules for the timestamp and the body this fails.
func TestASignedStringHasOneFreshReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		action := rapid.StringMatching(`[a-z][a-z0-9_]{1,8}[0-9_a-z]{0,3}`).Draw(t, "action")
		timestamp := rapid.StringMatching(`[1-9][0-9]{8,9}`).Draw(t, "timestamp")
		body := rapid.StringMatching(`[ {][0-9a-z:{} ]{0,8}`).Draw(t, "body")
		message := action + timestamp + body
		var times []time.Time
		for i := range message {
			for j := i; j <= len(message); j++ {
				sig := strings.Repeat("A", 43) + "="
				if r, err := parseREST("k1", message[i:j], sig, message[:i], []byte(message[j:])); err == nil {
					times = append(times, r.Time())
				}
			}
		}
		if len(times) == 0 {
			t.Fatalf("%q was not read at all", message)
		}
		for _, a := range times[1:] {
			if gap := a.Sub(times[0]).Abs(); gap < 1e9*time.Second {
				t.Fatalf("%q has two readings %v apart", message, gap)
			}
		}
	})
}

func TestVerifyingDoesNotAllocate(t *testing.T) {
	m := signature.NewMAC(secret)
	body := []byte(`{"clientOrderId":"a","accountId":"b","tags":[{"x":1},{"x":2}],"price":"1"}`)
	key, stamp, action := []byte("k1"), []byte("1700000000"), []byte("do_my_new_order")
	sig := []byte(signature.SignREST(secret, "do_my_new_order", "1700000000", body))
	auth := []byte(`{"key":"k1","signature":"` + signature.SignWS(secret, "1700000000.5", "k1") + `","timestamp":1700000000.5}`)
	allocs := testing.AllocsPerRun(100, func() {
		r, err := signature.ParseREST(key, stamp, sig, action, body)
		if err != nil || !r.ValidMAC(m) || r.Time().IsZero() || signature.ScanJSON(body) != nil {
			t.Fatal("the request is refused")
		}
		w, err := signature.ParseWS(auth)
		if err != nil || !w.ValidMAC(m) {
			t.Fatal("the logon is refused")
		}
	})
	if allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}

func BenchmarkREST(b *testing.B) {
	m := signature.NewMAC(secret)
	body := []byte(`{"clientOrderId":"0190a6","accountId":"sub1","side":"BUY","orderType":"Limit","amountCcy1":"0.01","price":"7500"}`)
	sig := []byte(signature.SignREST(secret, "do_my_new_order", "1700000000", body))
	key, stamp, action := []byte("k1"), []byte("1700000000"), []byte("do_my_new_order")
	for b.Loop() {
		r, err := signature.ParseREST(key, stamp, sig, action, body)
		if err != nil || !r.ValidMAC(m) {
			b.Fatal("the request is refused")
		}
	}
}

func BenchmarkScanJSON(b *testing.B) {
	body := []byte(`{"clientOrderId":"0190a6","accountId":"sub1","side":"BUY","orderType":"Limit","amountCcy1":"0.01","price":"7500"}`)
	for b.Loop() {
		if err := signature.ScanJSON(body); err != nil {
			b.Fatal(err)
		}
	}
}
