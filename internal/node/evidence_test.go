package node_test

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/evidence"
	"latchkey/internal/node"
)

// A server whose log is shipped leaves evidence that it cannot take back: where
// the activities ended, signed, at its start and its stop, and once only where
// nothing was added.
func TestAServerSignsWhereTheActivitiesEnd(t *testing.T) {
	c := node.StoreConfig{DataDir: filepath.Join(t.TempDir(), "data")}
	var log bytes.Buffer
	serve := func(work func(n *node.Node)) {
		t.Helper()
		n, err := node.Start(t.Context(), node.Config{Store: c, Sandbox: true, Limits: latchkey.DefaultLimits(), Now: time.Now, Log: slog.New(slog.NewJSONHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		work(n)
		if err := n.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	serve(func(n *node.Node) {
		if _, err := n.Operator().CreateAccount(t.Context(), "acme"); err != nil {
			t.Fatal(err)
		}
	})
	serve(func(*node.Node) {}) // nothing is added
	signer, err := c.Signer()
	if err != nil {
		t.Fatal(err)
	}
	keys := []evidence.Key{signer.Key()}
	marks, err := evidence.ReadMarks(strings.NewReader(log.String()), keys)
	if err != nil {
		t.Fatal(err)
	}
	var ends []int64
	for _, m := range marks {
		ends = append(ends, m.Seq)
	}
	if len(ends) != 3 || ends[0] != 0 || ends[1] != 1 || ends[2] != 1 {
		t.Errorf("signed ends %v, want 0 at the start, 1 at the stop, 1 at the next start", ends)
	}
	var out bytes.Buffer
	last, err := node.Export(t.Context(), c, &out)
	if err != nil {
		t.Fatal(err)
	}
	got, err := evidence.Verify(&out, evidence.Trust{Keys: keys, Marks: marks})
	if err != nil || got != last || got.Seq != 1 {
		t.Errorf("Verify = %+v, %v; want %+v", got, err, last)
	}
}

// The private key stands in its file and nowhere else: neither in the database
// nor in a log that is shipped.
func TestThePrivateKeyOfActivitiesStaysInItsFile(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	n, stop := start(t, dir, &log)
	if _, err := n.Operator().CreateAccount(t.Context(), "acme"); err != nil {
		t.Fatal(err)
	}
	stop()
	text, err := os.ReadFile(filepath.Join(dir, node.SignerName))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(text)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	seed := parsed.(ed25519.PrivateKey).Seed()
	spellings := map[string][]byte{
		"raw": seed, "hex": []byte(hex.EncodeToString(seed)), "base64": []byte(base64.RawStdEncoding.EncodeToString(seed)[:42]),
		"PEM": []byte(base64.StdEncoding.EncodeToString(block.Bytes)),
	}
	places, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(places) < 4 {
		t.Fatalf("the folder has %v, %v", places, err)
	}
	holds := map[string][]byte{"the log": log.Bytes()}
	for _, path := range places {
		if holds[path], err = os.ReadFile(path); err != nil {
			t.Fatal(err)
		}
	}
	found := 0
	for path, content := range holds {
		for name, spelling := range spellings {
			if !bytes.Contains(content, spelling) {
				continue
			}
			if found++; path != filepath.Join(dir, node.SignerName) {
				t.Errorf("%s has the private key (%s)", path, name)
			}
		}
	}
	if found != 1 {
		t.Errorf("found %d times; the search must find it in its own file, as PEM", found)
	}
}

// A typing mistake in --data must not make a folder; and a key that is made
// where it was lost must not sign, as if it were the one that auditors know.
func TestAnExportMakesNothing(t *testing.T) {
	c := node.StoreConfig{DataDir: filepath.Join(t.TempDir(), "data")}
	var out bytes.Buffer
	if _, err := node.Export(t.Context(), c, &out); latchkey.Code(err) != "no_data" {
		t.Errorf("Export of nothing = %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(c.DataDir), "*")); len(left) > 0 {
		t.Errorf("it made %v", left)
	}
	if err := node.Migrate(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(c.DataDir, node.SignerName)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if _, err := node.Export(t.Context(), c, &out); latchkey.Code(err) != "no_activity_key" {
		t.Errorf("Export without the key = %v", err)
	}
	if _, err := os.Stat(path); err == nil || out.Len() > 0 {
		t.Errorf("it made a key, or wrote %q", out.String())
	}
}
