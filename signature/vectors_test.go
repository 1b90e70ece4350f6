package signature_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"testing"

	"latchkey/signature"
)

// vectors is testdata/vectors.json, made by another implementation of HMAC.
type vectors struct {
	REST []restVector
	WS   []wsVector
	Scan []scanVector
}

type restVector struct {
	Name, Secret, Key, Timestamp, Action string
	Body                                 string
	BodyHex                              string
	Signature, Result                    string
}

type wsVector struct {
	Name, Secret, Auth, Key, Timestamp, Result string
}

type scanVector struct {
	Name, Body, BodyHex, Result string
}

// reasons are the words of the vectors for the errors of this package.
var reasons = map[string]error{
	"key":        signature.ErrKey,
	"timestamp":  signature.ErrTimestamp,
	"signature":  signature.ErrSignature,
	"action":     signature.ErrAction,
	"body":       signature.ErrBody,
	"syntax":     signature.ErrSyntax,
	"not_object": signature.ErrNotObject,
	"trailing":   signature.ErrTrailing,
	"bom":        signature.ErrBOM,
	"utf8":       signature.ErrUTF8,
	"surrogate":  signature.ErrSurrogate,
	"depth":      signature.ErrDepth,
	"duplicate":  signature.ErrDuplicate,
}

func load(t testing.TB) vectors {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.REST) < 40 || len(v.WS) < 40 || len(v.Scan) < 40 {
		t.Fatalf("vectors are missing: %d REST, %d WS, %d scan", len(v.REST), len(v.WS), len(v.Scan))
	}
	return v
}

func raw(t testing.TB, text, inHex string) []byte {
	t.Helper()
	if inHex == "" {
		return []byte(text)
	}
	b, err := hex.DecodeString(inHex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func parseREST(key, timestamp, sig, action string, body []byte) (signature.REST, error) {
	return signature.ParseREST([]byte(key), []byte(timestamp), []byte(sig), []byte(action), body)
}

func TestEveryRESTVectorGivesItsResult(t *testing.T) {
	for _, v := range load(t).REST {
		t.Run(v.Name, func(t *testing.T) {
			body := raw(t, v.Body, v.BodyHex)
			r, err := parseREST(v.Key, v.Timestamp, v.Signature, v.Action, body)
			if !errors.Is(err, reasons[v.Result]) {
				t.Fatalf("error is %v, want %v", err, reasons[v.Result])
			}
			if err != nil {
				return
			}
			if got, want := r.Valid([]byte(v.Secret)), v.Result == "valid"; got != want {
				t.Errorf("Valid is %v, want %v", got, want)
			}
			if want := v.Action + v.Timestamp + string(body); string(r.AppendMessage(nil)) != want {
				t.Errorf("string to sign is %q, want %q", r.AppendMessage(nil), want)
			}
			same := signature.SignREST([]byte(v.Secret), v.Action, v.Timestamp, body) == v.Signature
			if same != (v.Result == "valid") {
				t.Errorf("SignREST gives this signature: %v", same)
			}
		})
	}
}

func TestEveryWSVectorGivesItsResult(t *testing.T) {
	for _, v := range load(t).WS {
		t.Run(v.Name, func(t *testing.T) {
			w, err := signature.ParseWS([]byte(v.Auth))
			if v.Result == "json" {
				if _, ok := errors.AsType[*signature.JSONError](err); !ok {
					t.Fatalf("error is %v, want a *JSONError", err)
				}
				return
			}
			if !errors.Is(err, reasons[v.Result]) {
				t.Fatalf("error is %v, want %v", err, reasons[v.Result])
			}
			if err != nil {
				return
			}
			if string(w.Key) != v.Key || string(w.Timestamp) != v.Timestamp {
				t.Errorf("read key %q and timestamp %q, want %q and %q", w.Key, w.Timestamp, v.Key, v.Timestamp)
			}
			if got, want := w.Valid([]byte(v.Secret)), v.Result == "valid"; got != want {
				t.Errorf("Valid is %v, want %v", got, want)
			}
			sent := hex.EncodeToString(w.Signature[:])
			if same := signature.SignWS([]byte(v.Secret), v.Timestamp, v.Key) == sent; same != (v.Result == "valid") {
				t.Errorf("SignWS gives this signature: %v", same)
			}
		})
	}
}

func TestEveryScanVectorGivesItsResult(t *testing.T) {
	for _, v := range load(t).Scan {
		t.Run(v.Name, func(t *testing.T) {
			err := signature.ScanJSON(raw(t, v.Body, v.BodyHex))
			if v.Result != "ok" && reasons[v.Result] == nil {
				t.Fatalf("the vector's result %q is not known", v.Result)
			}
			if !errors.Is(err, reasons[v.Result]) {
				t.Fatalf("error is %v, want %v", err, reasons[v.Result])
			}
		})
	}
}

// The secret that the vectors were refused with must be the only thing that is
// wrong with a mismatch: signed anew, each of them is valid.
func TestEveryMismatchIsValidWhenSignedRightly(t *testing.T) {
	for _, v := range load(t).REST {
		if v.Result != "mismatch" {
			continue
		}
		body := raw(t, v.Body, v.BodyHex)
		sig := signature.SignREST([]byte(v.Secret), v.Action, v.Timestamp, body)
		r, err := parseREST(v.Key, v.Timestamp, sig, v.Action, body)
		if err != nil || !r.Valid([]byte(v.Secret)) {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}

// RFC 4231, section 4: test cases 1 to 7. Case 5 gives the first 128 bits only.
var rfc4231 = []struct{ name, key, data, mac string }{
	{"1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{"2", "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{"3", repeat("aa", 20), repeat("dd", 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{"4", "0102030405060708090a0b0c0d0e0f10111213141516171819", repeat("cd", 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
	{"5", repeat("0c", 20), hex.EncodeToString([]byte("Test With Truncation")), "a3b6167473100ee06e0c796c2955552b"},
	{"6", repeat("aa", 131), hex.EncodeToString([]byte("Test Using Larger Than Block-Size Key - Hash Key First")), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"},
	{"7", repeat("aa", 131), hex.EncodeToString([]byte("This is a test using a larger than block-size key and a larger than block-size data. The key needs to be hashed before being used by the HMAC algorithm.")), "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2"},
}

func repeat(pair string, n int) string {
	out := make([]byte, 0, 2*n)
	for range n {
		out = append(out, pair...)
	}
	return string(out)
}

func TestMACsAreThoseOfRFC4231(t *testing.T) {
	for _, c := range rfc4231 {
		key, data := raw(t, "", c.key), raw(t, "", c.data)
		rest, err := base64.StdEncoding.DecodeString(signature.SignREST(key, "", "", data))
		if err != nil || hex.EncodeToString(rest)[:len(c.mac)] != c.mac {
			t.Errorf("case %s over REST: %x, %v", c.name, rest, err)
		}
		if ws := signature.SignWS(key, string(data), ""); ws[:len(c.mac)] != c.mac {
			t.Errorf("case %s over WebSocket: %s", c.name, ws)
		}
	}
}
