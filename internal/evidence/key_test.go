package evidence_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"latchkey/internal/evidence"
)

// A key that is made anew, or read by others, makes evidence worthless: an
// auditor cannot tell its signature from a thief's.
func TestTheKeyIsMadeOnceAndForItsOwnerAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "activity.key")
	if _, err := evidence.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load of nothing = %v", err)
	}
	keys := make([]evidence.Key, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			s, err := evidence.LoadOrMake(path)
			if err != nil {
				t.Error(err)
				return
			}
			keys[i] = s.Key()
		})
	}
	all.Wait()
	for _, k := range keys {
		if k != keys[0] || k == (evidence.Key{}) {
			t.Fatalf("first starts at once have the keys %v", keys)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file has mode %v, %v", info.Mode(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the key stands something: %v, %v", left, err)
	}
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.LoadOrMake(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("mode %04o: %v", mode, err)
		}
	}
}

// Half a file, or a key of another kind, is neither used nor written over.
func TestAFileThatIsNoKeyIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "activity.key")
	signer, err := evidence.LoadOrMake(path)
	if err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(other)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{
		"empty": nil, "half": good[:len(good)/2], "two": append(bytes.Clone(good), good...), "text": []byte("x"),
		"a key for ECDSA": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}),
		"a certificate":   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
	} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := evidence.LoadOrMake(path); err == nil || !strings.Contains(err.Error(), "no Ed25519 private key") {
			t.Errorf("%s: %v", name, err)
		}
		if now, _ := os.ReadFile(path); !bytes.Equal(now, text) {
			t.Errorf("%s: the file was written over", name)
		}
	}
	if err := os.WriteFile(path, good, 0o600); err != nil {
		t.Fatal(err)
	}
	again, err := evidence.Load(path)
	if err != nil || again.Key() != signer.Key() {
		t.Errorf("the key that was put back: %v, %v", again, err)
	}
}

func TestThePrivateKeyIsNeverPrinted(t *testing.T) {
	s := newSigner(t)
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "signer", s)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "signer", s)
	fmt.Fprintf(&out, "%v %s %+v", s, s, s)
	if n := strings.Count(out.String(), s.Key().String()); n != 5 || out.Len() > 600 {
		t.Errorf("printed as %s", out.String())
	}
}

func TestAPublicKeyHasOneSpelling(t *testing.T) {
	key := newSigner(t).Key()
	var back evidence.Key
	if err := back.UnmarshalText([]byte(key.String())); err != nil || back != key {
		t.Errorf("%s is read as %s, %v", key, back, err)
	}
	text := key.String()
	for _, bad := range []string{"", "ed25519:", text[1:], text[:len(text)-1], text + "0", strings.Replace(text, ":", ":x", 1), strings.TrimPrefix(text, "ed25519:"), "rsa" + text} {
		if err := back.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is taken for a key", bad)
		}
	}
}
