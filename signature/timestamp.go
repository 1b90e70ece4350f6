package signature

import (
	"bytes"
	"strconv"
	"time"
)

// Bounds of a timestamp's text. 9 and 10 digits reach from 1973 to 2286;
// milliseconds have 13 digits and are refused, and so is everything that would
// give one string two fresh readings (see the package comment).
const (
	minSeconds  = 9
	maxSeconds  = 10
	maxFraction = 9 // nanoseconds: what time.Time can hold
)

// wholeSeconds reports whether t is Unix time in seconds: ASCII digits only, no
// sign, no space, no leading zero.
func wholeSeconds(t []byte) bool {
	return len(t) >= minSeconds && len(t) <= maxSeconds && t[0] != '0' && digits(t)
}

// fractionalSeconds is wholeSeconds with an optional fraction of 1 to 9 digits:
// the exchange's own clients send Date.now()/1000 over WebSocket. An exponent
// or a sign is refused although JSON allows it.
func fractionalSeconds(t []byte) bool {
	whole, fraction, dotted := bytes.Cut(t, []byte{'.'})
	if !dotted {
		return wholeSeconds(t)
	}
	return wholeSeconds(whole) && len(fraction) >= 1 && len(fraction) <= maxFraction && digits(fraction)
}

func digits(t []byte) bool {
	for _, c := range t {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}

// instant returns the time that a literal names. A malformed literal gives the
// zero time, which no window reaches.
func instant(t []byte) time.Time {
	if !fractionalSeconds(t) {
		return time.Time{}
	}
	whole, fraction, _ := bytes.Cut(t, []byte{'.'})
	return time.Unix(number(whole), number(fraction)*scale(len(fraction))).UTC()
}

// number reads at most ten digits, so it cannot overflow. No digits are 0.
func number(t []byte) int64 {
	var n int64
	for _, c := range t {
		n = n*10 + int64(c-'0')
	}
	return n
}

// scale returns how many nanoseconds the last of so many fraction digits is worth.
func scale(digits int) int64 {
	n := int64(1)
	for range maxFraction - digits {
		n *= 10
	}
	return n
}

// Timestamp returns the text of a time as ParseREST wants it: whole seconds.
func Timestamp(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }
