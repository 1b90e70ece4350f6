package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
	"sync"
	"time"
)

// Signer signs many requests with one secret. It does what Sign does without
// preparing the secret anew for each, and is safe for use from many goroutines.
type Signer struct {
	secret []byte
	hands  sync.Pool // of *hand
}

// NewSigner returns a Signer. A secret that is too short is an error of every
// Append.
func NewSigner(secret []byte) *Signer { return &Signer{secret: secret} }

// Append appends the value of the signature header to dst and returns it. The
// other headers are what the caller holds, its permissions joined by commas. The
// arguments and errors are those of Sign; the buffer of dst is not kept.
func (s *Signer) Append(dst []byte, now time.Time, c Caller, method, target string, body []byte) ([]byte, error) {
	if err := checkRequest(s.secret, method, target); err != nil {
		return dst, err
	}
	if err := c.check(); err != nil {
		return dst, err
	}
	var digits [20]byte
	t := strconv.AppendInt(digits[:0], now.Unix(), 10)
	if !unixSeconds(string(t)) {
		return dst, fmt.Errorf("the clock shows %v, which cannot be right", now)
	}
	h, ok := s.hands.Get().(*hand)
	if !ok {
		h = newHand(s.secret)
	}
	defer s.hands.Put(h)
	dst = append(append(append(dst, "v1,t="...), t...), ",h="...)
	return base64.StdEncoding.AppendEncode(dst, h.mac(string(t), method, target, c, body)), nil
}

// hand is the working space of one signature.
type hand struct {
	hmac hash.Hash
	text []byte
	sum  [sha256.Size]byte
}

func newHand(secret []byte) *hand { return &hand{hmac: hmac.New(sha256.New, secret)} }

// mac returns the MAC over the ten lines of the package comment, which is good
// until the next call. The first line keeps it apart from whatever else might be
// signed with the same secret.
func (h *hand) mac(t, method, target string, c Caller, body []byte) []byte {
	h.text = append(h.text[:0], "latchkey-identity\nv1\n"...)
	for _, line := range [...]string{t, method, target, c.Account, c.Key} {
		h.text = append(append(h.text, line...), '\n')
	}
	for i, p := range c.Permissions {
		if i > 0 {
			h.text = append(h.text, ',')
		}
		h.text = append(h.text, p...)
	}
	h.text = append(append(append(h.text, '\n'), c.RequestID...), '\n')
	digest := sha256.Sum256(body)
	h.text = hex.AppendEncode(h.text, digest[:])
	h.hmac.Reset()
	h.hmac.Write(h.text) // never fails, says hash.Hash
	return h.hmac.Sum(h.sum[:0])
}
