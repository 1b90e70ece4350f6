package signature

import (
	"encoding/hex"
	"fmt"
	"time"
)

// WS is the auth object of a WebSocket logon as it was received. Its slices
// alias the input of ParseWS.
type WS struct {
	Key       []byte     // id of the key
	Timestamp []byte     // literal text of the number or the string
	Signature [Size]byte // raw MAC, decoded from hex
}

// ParseWS reads the raw JSON of the auth object of a logon:
//
//	{"key":"...","signature":"<64 hex>","timestamp":1700000000.123}
//
// The object must pass ScanJSON. The timestamp is a number or a string and
// keeps its literal text, because that text is what was signed: 1700000000.10
// and 1700000000.1 are different logons. Members that are not known are
// skipped. The error is ErrKey, ErrTimestamp, ErrSignature or a *JSONError.
func ParseWS(auth []byte) (WS, error) {
	var key, timestamp, signature []byte
	err := ScanJSON(auth, Field{Name: "key", Value: &key}, Field{Name: "timestamp", Value: &timestamp},
		Field{Name: "signature", Value: &signature})
	if err != nil {
		return WS{}, fmt.Errorf("auth: %w", err)
	}
	return readWS(key, timestamp, signature)
}

// readWS takes the raw JSON values. A missing member is nil, which no rule accepts.
func readWS(key, timestamp, signature []byte) (WS, error) {
	var w WS
	var ok bool
	if w.Key, ok = PlainString(key); !ok || !validKey(w.Key) {
		return WS{}, ErrKey
	}
	if w.Timestamp, ok = PlainString(timestamp); !ok {
		w.Timestamp = timestamp // a number, or else the next line refuses it
	}
	if !fractionalSeconds(w.Timestamp) {
		return WS{}, ErrTimestamp
	}
	if text, ok := PlainString(signature); !ok || !decodeHex(&w.Signature, text) {
		return WS{}, ErrSignature
	}
	return w, nil
}

// Time returns the timestamp with its fraction; the zero time when it is malformed.
func (w WS) Time() time.Time { return instant(w.Timestamp) }

// AppendMessage appends the string to sign to dst.
func (w WS) AppendMessage(dst []byte) []byte {
	dst = append(dst, w.Timestamp...)
	return append(dst, w.Key...)
}

// Valid reports whether the holder of the secret signed exactly this logon.
// An empty secret is never valid; see REST.Valid for a key that does not exist.
func (w WS) Valid(secret []byte) bool { return w.ValidMAC(NewMAC(secret)) }

// ValidMAC is Valid without the set-up of the secret, and does not allocate.
func (w WS) ValidMAC(m *MAC) bool {
	return m.matches(&w.Signature, w.Timestamp, w.Key, nil)
}

// SignWS returns the signature of a logon in lower-case hex. Timestamp is the
// literal text as it will stand in the message. The result is empty when the
// secret is.
func SignWS(secret []byte, timestamp, key string) string {
	return hex.EncodeToString(NewMAC(secret).compute([]byte(timestamp), []byte(key), nil))
}

// decodeHex reads exactly one MAC in either case: the exchange documents lower
// case, ccxt sends upper case.
func decodeHex(mac *[Size]byte, text []byte) bool {
	if len(text) != hex.EncodedLen(Size) {
		return false
	}
	_, err := hex.Decode(mac[:], text)
	return err == nil
}
