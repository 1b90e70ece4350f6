package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// vector is one row of signature/testdata/vectors.json, as far as REST goes.
type vector struct {
	Name, Secret, Key, Timestamp, Action, Body, Signature, Result string
	BodyHex                                                       string
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "signature", "testdata", "vectors.json"))
	must(t, err)
	var file struct{ REST []vector }
	must(t, json.Unmarshal(text, &file))
	if len(file.REST) < 40 {
		t.Fatalf("only %d vectors were read", len(file.REST))
	}
	return file.REST
}

// TestSignPrintsEveryVector: what the program signs is what the vectors say,
// and what they call malformed it refuses with exit code 2.
func TestSignPrintsEveryVector(t *testing.T) {
	valid := 0
	for _, v := range vectors(t) {
		if !sayable(v) {
			continue
		}
		t.Run(v.Name, func(t *testing.T) {
			t.Setenv("LATCHKEY_KEY", v.Key)
			t.Setenv("LATCHKEY_SECRET", v.Secret)
			var out, errs bytes.Buffer
			code := run(t.Context(), []string{"sign", "--json", "--timestamp", v.Timestamp, "--", v.Action, v.Body}, streams{in: strings.NewReader(""), out: &out, err: &errs})
			switch v.Result {
			case "valid":
				valid++
				if code != exitOK || signatureIn(t, out.Bytes()) != v.Signature {
					t.Errorf("exit %d, want the signature %s\n%s%s", code, v.Signature, &out, &errs)
				}
			case "key", "timestamp", "action", "body":
				if code != exitUsage || out.Len() > 0 {
					t.Errorf("exit %d, want %d and nothing printed\n%s%s", code, exitUsage, &out, &errs)
				}
			case "mismatch":
				if code == exitOK && signatureIn(t, out.Bytes()) == v.Signature {
					t.Error("the wrong signature was made")
				}
			}
			if strings.Contains(out.String()+errs.String(), v.Secret) && !strings.Contains(v.Body+v.Action+v.Key, v.Secret) {
				t.Error("the secret was printed")
			}
		})
	}
	if valid < 10 {
		t.Errorf("only %d valid vectors were signed", valid)
	}
}

// sayable is false for what a command line or an environment cannot hold, or
// where it means something else: "" is the default there.
func sayable(v vector) bool {
	for _, s := range []string{v.Body, v.Timestamp, v.Key, v.Secret} {
		if s == "" || strings.Contains(s, "\x00") {
			return false
		}
	}
	return v.BodyHex == "" && v.Body != "-"
}

func signatureIn(t *testing.T, text []byte) string {
	t.Helper()
	var answer map[string]string
	must(t, json.Unmarshal(text, &answer))
	return answer["X-AGGR-SIGNATURE"]
}
