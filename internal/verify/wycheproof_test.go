package verify_test

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"latchkey"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// The vectors of Project Wycheproof are read where Go keeps modules, at one
// version whose checksum stands here. They are no dependency: linking them would
// put 100 MB into the test and raise the version of Go that everybody needs.
const (
	wycheproof    = "github.com/c2sp/wycheproof@v0.0.0-20260902155932-3fa63dd0344a"
	wycheproofSum = "h1:pNbL2nztRsWfW/ispAwsvcDFxs9Id38uIsR2/Up5G2c="
)

// macVectors is a file of vectors of MACs.
type macVectors struct {
	NumberOfTests int
	TestGroups    []struct {
		KeySize, TagSize int // bits
		Tests            []macVector
	}
}

type macVector struct {
	TcID          int
	Comment       string
	Key, Msg, Tag string // hex
	Result        string // valid or invalid
}

// wycheproofFile asks the go command for the module, which downloads it once.
func wycheproofFile(t *testing.T, name string) (v macVectors) {
	t.Helper()
	download := exec.Command("go", "mod", "download", "-json", wycheproof)
	download.Dir = t.TempDir() // beside our module, so that go.mod stays as it is
	download.Env = append(os.Environ(), "GOFLAGS=", "GOWORK=off")
	out, err := download.Output()
	var module struct{ Dir, Sum, Error string }
	if bad := json.Unmarshal(out, &module); err != nil || bad != nil || module.Sum != wycheproofSum {
		t.Fatalf("download %s: %v, %v, sum %q, %s", wycheproof, err, bad, module.Sum, module.Error)
	}
	text, err := os.ReadFile(filepath.Join(module.Dir, "testvectors_v1", name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// accepted is what each place that verifies says to a MAC over a message: the
// prepared secret that the gateway uses, for a call and for a logon, and the
// public package, for both.
func accepted(secret, message []byte, mac [signature.Size]byte) map[string]bool {
	rest := signature.REST{Body: message, Signature: mac}
	ws := signature.WS{Timestamp: message, Signature: mac}
	// The parts are hashed one after the other; cut somewhere else, all the same.
	third := len(message) / 3
	parts := signature.REST{Action: message[:third], Timestamp: message[third : 2*third], Body: message[2*third:], Signature: mac}
	return map[string]bool{
		"call":                verify.ValidREST(latchkey.Secret(secret), rest),
		"call in parts":       verify.ValidREST(latchkey.Secret(secret), parts),
		"public call":         rest.Valid(secret),
		"public call, parts":  parts.Valid(secret),
		"public logon":        ws.Valid(secret),
		"public call, reused": rest.ValidMAC(signature.NewMAC(secret)),
	}
}

func TestEveryVectorOfWycheproofGetsItsVerdict(t *testing.T) {
	v := wycheproofFile(t, "hmac_sha256_test.json")
	seen, valid, invalid, truncated := 0, 0, 0, 0
	for _, g := range v.TestGroups {
		for _, c := range g.Tests {
			seen++
			key, msg, tag := unhex(t, c.Key), unhex(t, c.Msg), unhex(t, c.Tag)
			if g.TagSize != 8*signature.Size {
				truncated++
				refusesTruncated(t, c, key, msg, tag)
				continue
			}
			if c.Result == "valid" {
				valid++
			} else {
				invalid++
			}
			for where, got := range accepted(key, msg, [signature.Size]byte(tag)) {
				if got != (c.Result == "valid") {
					t.Errorf("vector %d (%s) as a %s: accepted is %v, want %s", c.TcID, c.Comment, where, got, c.Result)
				}
			}
		}
	}
	if seen != v.NumberOfTests || valid < 30 || invalid < 50 || truncated < 80 {
		t.Errorf("%d of %d vectors: %d valid, %d invalid, %d truncated", seen, v.NumberOfTests, valid, invalid, truncated)
	}
	t.Logf("%d vectors: %d valid, %d invalid, %d truncated", seen, valid, invalid, truncated)
}

// refusesTruncated: 128 bits of a MAC are right for some protocols, and never
// for ours, whatever stands in for the other half.
func refusesTruncated(t *testing.T, c macVector, key, msg, tag []byte) {
	t.Helper()
	text, inHex := base64.StdEncoding.EncodeToString(tag), hex.EncodeToString(tag)
	if _, err := signature.ParseREST([]byte("k1"), []byte("1700000000"), []byte(text), []byte("get_my_orders"), []byte("{}")); err != signature.ErrSignature {
		t.Errorf("vector %d: the header %q gives %v", c.TcID, text, err)
	}
	auth := `{"key":"k1","timestamp":1700000000,"signature":"` + inHex + `"}`
	if _, err := signature.ParseWS([]byte(auth)); err != signature.ErrSignature {
		t.Errorf("vector %d: the logon %s gives %v", c.TcID, auth, err)
	}
	for _, rest := range [][]byte{make([]byte, len(tag)), tag} {
		for where, got := range accepted(key, msg, [signature.Size]byte(append(tag[:len(tag):len(tag)], rest...))) {
			if got {
				t.Errorf("vector %d (%s) as a %s: half a MAC is accepted", c.TcID, c.Comment, where)
			}
		}
	}
}
