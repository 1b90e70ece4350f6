package evidence

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strconv"
	"time"
)

// Checkpoint says where the chain ended at a moment, signed. Whoever keeps one
// away from the authority can tell later whether what it covers is still there.
type Checkpoint struct {
	End
	At        time.Time `json:"at"` // when it was signed, in microseconds
	Key       Key       `json:"key"`
	Signature Signature `json:"signature"`
}

// Signature is one of Ed25519, in hex.
type Signature [ed25519.SignatureSize]byte

// MarshalText writes it in hex.
func (s Signature) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(s[:])), nil }

// UnmarshalText reads it from hex.
func (s *Signature) UnmarshalText(text []byte) error {
	raw, err := hex.DecodeString(string(text))
	if err != nil || len(raw) != len(s) {
		return errors.New("a signature is 128 hex digits")
	}
	copy(s[:], raw)
	return nil
}

// Sign signs where the chain ends now.
func (s Signer) Sign(end End, at time.Time) Checkpoint {
	c := Checkpoint{End: end, At: at.UTC().Truncate(time.Microsecond), Key: s.Key()}
	copy(c.Signature[:], ed25519.Sign(s.private, c.text()))
	return c
}

// signed reports whether the key that it names has signed it. Whose key that is
// has to be known from elsewhere.
func (c Checkpoint) signed() bool { return ed25519.Verify(c.Key[:], c.text(), c.Signature[:]) }

// text is what is signed: the digest of all fields, marked so that no signature
// of anything else can be taken for one of a checkpoint.
func (c Checkpoint) text() []byte {
	sum := sha256.New()
	fields(sum, "latchkey activity checkpoint v1", strconv.FormatInt(c.Incarnation, 10), strconv.FormatInt(c.Seq, 10), c.Hash, micros(c.At))
	return sum.Sum(nil)
}
