package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Window is how far the gateway's clock and the exchange's may lie apart.
const Window = 30 * time.Second

// MinSecret is the least length of the shared secret in bytes.
const MinSecret = 16

// Errors that need another hand than a single header does.
var (
	ErrSecret = errors.New("the secret shared with the gateway is shorter than 16 bytes; set the same random one on both sides")
	ErrStale  = errors.New("the gateway signed this request outside the window; check the clocks of both machines")
	ErrForged = errors.New("Latchkey-Signature does not fit this request: another secret, or something was changed on the way")
)

// Header is one header to set.
type Header struct{ Name, Value string }

// Sign returns the five headers for a request to the exchange, in a fixed
// order. Every one must be sent, also with an empty value, after every header
// of a like name was dropped from the client's request. Target is what Target
// returns for the forwarded request; body is what is forwarded. The error says
// which part cannot be signed.
func Sign(secret []byte, now time.Time, c Caller, method, target string, body []byte) ([]Header, error) {
	signature, err := NewSigner(secret).Append(nil, now, c, method, target, body)
	if err != nil {
		return nil, err
	}
	return []Header{
		{AccountHeader, c.Account},
		{KeyHeader, c.Key},
		{PermissionsHeader, strings.Join(c.Permissions, ",")},
		{RequestIDHeader, c.RequestID},
		{SignatureHeader, string(signature)},
	}, nil
}

// Verify returns the caller of a request, or why there is none. Each of the
// five headers must stand exactly once, and no header may look like one of them
// (other case, _ for -). The request must have been signed within the window of
// now, for exactly this method, target (see Target) and body. Anything else,
// also a window that is not positive, is an error and no caller.
func Verify(secret []byte, now time.Time, window time.Duration, h http.Header, method, target string, body []byte) (Caller, error) {
	if err := checkRequest(secret, method, target); err != nil {
		return Caller{}, err
	}
	s, err := read(h)
	if err != nil {
		return Caller{}, err
	}
	mac := newHand(secret).mac(s.time, method, target, s.Caller, body)
	// The MAC comes before the clock: who does not hold the secret learns nothing.
	if !hmac.Equal(mac, s.mac) {
		return Caller{}, ErrForged
	}
	seconds, err := strconv.ParseInt(s.time, 10, 64)
	if err != nil || window <= 0 || now.Sub(time.Unix(seconds, 0)).Abs() > window {
		return Caller{}, ErrStale
	}
	return s.Caller, nil
}

// checkRequest refuses what the framing could not hold, and a missing secret.
func checkRequest(secret []byte, method, target string) error {
	path, query, _ := strings.Cut(target, "?")
	switch {
	case len(secret) < MinSecret:
		return ErrSecret
	case !word(method, 16, ""):
		return errors.New("the method is not 1 to 16 letters")
	case !word(path, maxID, ".-"):
		return errors.New("the last element of the path must have 1 to 128 letters, digits, dots, _ or -")
	case strings.ContainsFunc(query, func(r rune) bool { return r <= ' ' || r >= 0x7f }):
		return errors.New("the query holds a character that must be escaped")
	}
	return nil
}

// statement is what the headers say before anything is believed.
type statement struct {
	Caller
	permissions string // as it was sent, because that is what was signed
	time        string
	mac         []byte
}

// read takes the headers apart. Its errors name the header at fault.
func read(h http.Header) (s statement, err error) {
	var sig string
	for _, part := range []struct {
		name  string
		value *string
	}{
		{AccountHeader, &s.Account}, {KeyHeader, &s.Key}, {PermissionsHeader, &s.permissions},
		{RequestIDHeader, &s.RequestID}, {SignatureHeader, &sig},
	} {
		if *part.value, err = single(h, part.name); err != nil {
			return statement{}, err
		}
	}
	if s.permissions != "" {
		s.Permissions = strings.Split(s.permissions, ",")
	}
	if s.time, s.mac, err = readSignature(sig); err != nil {
		return statement{}, err
	}
	if err := s.check(); err != nil {
		return statement{}, err
	}
	return s, nil
}

// single returns the value of a header that stands exactly once. Many servers
// and frameworks fold case and take _ for -, so a look-alike counts as a second
// one: which of the two such a server would read is not known here.
func single(h http.Header, name string) (string, error) {
	var values []string
	for other, v := range h {
		if strings.EqualFold(strings.ReplaceAll(other, "_", "-"), name) {
			if other != name {
				return "", fmt.Errorf("a header looks like %s but is spelled differently", name)
			}
			values = v
		}
	}
	switch len(values) {
	case 1:
		return values[0], nil
	case 0:
		return "", fmt.Errorf("%s is missing: only requests that come through the gateway are served", name)
	}
	return "", fmt.Errorf("%s stands %d times", name, len(values))
}

// strictBase64 leaves one spelling of each MAC.
var strictBase64 = base64.StdEncoding.Strict()

// readSignature reads v1,t=<seconds>,h=<44 characters>. Another version is
// refused, so that it can never be read by the rules of this one.
func readSignature(value string) (t string, mac []byte, err error) {
	bad := errors.New("Latchkey-Signature is not of the form v1,t=<unix seconds>,h=<base64>")
	rest, ok := strings.CutPrefix(value, "v1,t=")
	t, text, cut := strings.Cut(rest, ",h=")
	if !ok || !cut || !unixSeconds(t) || len(text) != base64.StdEncoding.EncodedLen(sha256.Size) {
		return "", nil, bad
	}
	// The decoder skips line breaks, hence the length of the result.
	if mac, err = strictBase64.DecodeString(text); err != nil || len(mac) != sha256.Size {
		return "", nil, bad
	}
	return t, mac, nil
}

// unixSeconds reports 9 or 10 digits without a leading zero: 1973 to 2286.
func unixSeconds(t string) bool {
	for _, c := range []byte(t) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return (len(t) == 9 || len(t) == 10) && t[0] != '0'
}
