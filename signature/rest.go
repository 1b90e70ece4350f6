package signature

import (
	"encoding/base64"
	"errors"
	"time"
)

// The headers of a signed REST request.
const (
	KeyHeader       = "X-AGGR-KEY"
	TimestampHeader = "X-AGGR-TIMESTAMP"
	SignatureHeader = "X-AGGR-SIGNATURE"
)

// MaxKey is the longest key id in bytes.
const MaxKey = 128

// maxAction is the longest name of an action in bytes.
const maxAction = 64

// What is malformed about a request. To a client that has not proved that it
// holds the secret, the first three all mean the same: not authorized.
var (
	ErrKey       = errors.New("the key is not 1 to 128 characters of A-Z, a-z, 0-9, _ and -")
	ErrTimestamp = errors.New("the timestamp is not Unix time in seconds of 9 or 10 digits (not milliseconds, no sign, no spaces)")
	ErrSignature = errors.New("the signature has the wrong form: REST takes 44 characters of standard base64, WebSocket 64 of hex")
	ErrAction    = errors.New("the action is not 2 to 64 characters of a-z, 0-9 and _ that begin with a letter (the last path element only)")
	ErrBody      = errors.New("the body does not begin like a JSON object; send at least {}")
)

// REST is a signed REST request as it was received. Its slices alias the input
// of ParseREST. Only ParseREST makes values for which the promises of the
// package comment hold.
type REST struct {
	Key       []byte     // id of the key, X-AGGR-KEY
	Timestamp []byte     // header text, X-AGGR-TIMESTAMP
	Signature [Size]byte // raw MAC, X-AGGR-SIGNATURE decoded
	Action    []byte     // last path element
	Body      []byte     // exact request body
}

// ParseREST checks the form of a signed request. Key, timestamp and signature
// are the header values as they came, a missing one is empty; action is the
// last path element; body is the raw request body. The error is one of ErrKey,
// ErrTimestamp, ErrSignature, ErrAction and ErrBody. ParseREST does not look
// into the body (see ScanJSON) and does not check the signature (see Valid).
func ParseREST(key, timestamp, signature, action, body []byte) (REST, error) {
	r := REST{Key: key, Timestamp: timestamp, Action: action, Body: body}
	switch {
	case !validKey(key):
		return REST{}, ErrKey
	case !wholeSeconds(timestamp):
		return REST{}, ErrTimestamp
	case !decodeBase64(&r.Signature, signature):
		return REST{}, ErrSignature
	case !validAction(action):
		return REST{}, ErrAction
	case !objectBegins(body):
		return REST{}, ErrBody
	}
	return r, nil
}

// Time returns the timestamp; the zero time when it is malformed.
func (r REST) Time() time.Time { return instant(r.Timestamp) }

// AppendMessage appends the string to sign to dst.
func (r REST) AppendMessage(dst []byte) []byte {
	dst = append(dst, r.Action...)
	dst = append(dst, r.Timestamp...)
	return append(dst, r.Body...)
}

// Valid reports whether the holder of the secret signed exactly this request.
// An empty secret is never valid. For a key that does not exist call it with
// any other secret and drop the answer, so that both cases take equally long.
func (r REST) Valid(secret []byte) bool { return r.ValidMAC(NewMAC(secret)) }

// ValidMAC is Valid without the set-up of the secret, and does not allocate.
func (r REST) ValidMAC(m *MAC) bool {
	return m.matches(&r.Signature, r.Action, r.Timestamp, r.Body)
}

// SignREST returns the value of X-AGGR-SIGNATURE. It signs what it is given;
// whether a gateway accepts that is for ParseREST. The result is empty when the
// secret is.
func SignREST(secret []byte, action, timestamp string, body []byte) string {
	return base64.StdEncoding.EncodeToString(NewMAC(secret).compute([]byte(action), []byte(timestamp), body))
}

// strictBase64 refuses stray bits at the end, so a MAC has one text only.
var strictBase64 = base64.StdEncoding.Strict()

// decodeBase64 reads exactly one MAC. The length is checked on both sides
// because the decoder skips line breaks, which no header value may hold.
func decodeBase64(mac *[Size]byte, text []byte) bool {
	var room [Size + 1]byte // the decoder wants room for the padding
	if len(text) != base64.StdEncoding.EncodedLen(Size) {
		return false
	}
	n, err := strictBase64.Decode(room[:], text)
	copy(mac[:], room[:])
	return err == nil && n == Size
}

// validKey keeps ids to characters that mean the same in a header, in JSON, in
// a log and in a URL.
func validKey(key []byte) bool {
	for _, c := range key {
		if !letter(c) && !(c >= 'A' && c <= 'Z') && c != '-' {
			return false
		}
	}
	return len(key) >= 1 && len(key) <= MaxKey
}

// validAction is the rule for names in the catalog. That the first byte is a
// letter is what keeps REST and WebSocket strings apart.
func validAction(action []byte) bool {
	for _, c := range action {
		if !letter(c) {
			return false
		}
	}
	return len(action) >= 2 && len(action) <= maxAction && action[0] >= 'a'
}

// letter reports a-z, 0-9 and _. Of these only a-z are >= 'a'.
func letter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '_'
}

// objectBegins looks at one byte: a digit here could have been taken from the
// timestamp. Whether it is an object is for ScanJSON.
func objectBegins(body []byte) bool {
	return len(body) > 0 && (body[0] == '{' || white(body[0]))
}
