package evidence

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// Key is the public half of what signs checkpoints (Ed25519, RFC 8032). It is
// written as "ed25519:" and 64 hex digits.
type Key [ed25519.PublicKeySize]byte

const keyPrefix = "ed25519:"

// String writes the key as people hand it on.
func (k Key) String() string { return keyPrefix + hex.EncodeToString(k[:]) }

// MarshalText writes it as String does.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText reads what String writes.
func (k *Key) UnmarshalText(text []byte) error {
	digits, found := strings.CutPrefix(string(text), keyPrefix)
	raw, err := hex.DecodeString(digits)
	if !found || err != nil || len(raw) != len(k) {
		return errors.New("a public key is ed25519: and 64 hex digits, as `latchkey activity key` prints it")
	}
	copy(k[:], raw)
	return nil
}

// Signer signs checkpoints. Its zero value is of no use.
type Signer struct{ private ed25519.PrivateKey }

// Key is the public key that checks what it signs.
func (s Signer) Key() (k Key) {
	copy(k[:], s.private.Public().(ed25519.PublicKey))
	return k
}

// String hides the private key.
func (s Signer) String() string { return s.Key().String() }

// LogValue hides it from slog.
func (s Signer) LogValue() slog.Value { return slog.StringValue(s.String()) }

// Load reads the private key in a file, in PKCS #8 (RFC 5958) as PEM, as
// openssl writes it, too. The file must belong to its owner alone, as that of
// the keyset. A missing file is fs.ErrNotExist.
func Load(path string) (Signer, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Signer{}, fmt.Errorf("the key that signs the activities cannot be read: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return Signer{}, fmt.Errorf("the file %s, which signs the activities, can be read by others (mode %04o): run chmod 600 on it, or move it away to get a new key if somebody may have read it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return Signer{}, fmt.Errorf("the key that signs the activities cannot be read: %w", err)
	}
	if block, rest := pem.Decode(text); block != nil && block.Type == pemType && len(strings.TrimSpace(string(rest))) == 0 {
		if parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
			if private, ok := parsed.(ed25519.PrivateKey); ok {
				return Signer{private}, nil
			}
		}
	}
	return Signer{}, fmt.Errorf("the file %s is no Ed25519 private key in PEM: put it back from your backup, or move it away to get a new key", path)
}

// LoadOrMake is Load, but a file that does not exist is made with a new key.
func LoadOrMake(path string) (Signer, error) {
	s, err := Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return s, err
	}
	if err := makeKey(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return Signer{}, fmt.Errorf("the key that signs the activities cannot be made: %w", err)
	}
	return Load(path)
}

const pemType = "PRIVATE KEY"

// makeKey writes beside the file and links it there: nobody reads half a key,
// and a key that is there already stays.
func makeKey(path string) error {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".key-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	err = pem.Encode(f, &pem.Block{Type: pemType, Bytes: der})
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Link(f.Name(), path)
}
