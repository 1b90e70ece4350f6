//go:build timing

package verify_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"latchkey/internal/testenv/dudect"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// These tests measure nanoseconds and so want a machine that does nothing else:
//
//	go test -tags timing -run TakesAsLong -timeout 2h ./internal/verify ./internal/gateway ./internal/authority
//
// SAMPLES is how many of each class are measured, else a million. The statistics
// and the twin that they must find are in internal/testenv/dudect.

const million = 1_000_000

// level reports the result, and fails where the two classes are told apart.
func level(t *testing.T, what string, r dudect.Result) {
	t.Helper()
	t.Logf("%s: %v", what, r)
	if r.Leaks() {
		t.Errorf("%s: %v, want |t| below %v", what, r, dudect.Leak)
	}
}

// The attack: somebody guesses a signature byte by byte, and takes the byte for
// right after which the refusal comes a little later.
func TestARightPrefixOfASignatureTakesAsLong(t *testing.T) {
	good := good().request().Signed
	right := good.Signature
	valid := verify.MAC(secret)
	for _, prefix := range []int{1, 8, 16, 31} {
		sink := false
		found := dudect.Race(dudect.Samples(million), func(class int) {
			good.Signature = right
			good.Signature[prefix*class] ^= 0x55 // class 1 is right up to there
		}, func() { sink = valid(&good) || sink })
		if sink {
			t.Fatal("a wrong signature was taken")
		}
		level(t, fmt.Sprintf("%d right bytes", prefix), found)
	}
}

// The same over the whole check, as the gateway makes it.
func TestARightPrefixTakesAsLongToCheck(t *testing.T) {
	c, r := tireless(good().world().table, free{}), good().request()
	right := r.Signed.Signature
	allowed := false
	found := dudect.Race(dudect.Samples(million), func(class int) {
		r.Signed.Signature = right
		r.Signed.Signature[31*class] ^= 0x55
	}, func() {
		v := c.Check(context.Background(), r)
		allowed = allowed || v.Allowed()
	})
	if allowed {
		t.Fatal("a wrong signature was taken")
	}
	level(t, "whole check, 31 right bytes", found)
}

// nearly bounds what a look-up that finds nothing may differ from one that finds a
// key. Nobody in another process can tell so little: what a client can tell is
// tested where clients are, in package gateway.
func nearly(t *testing.T, what string, r dudect.Result) {
	t.Helper()
	t.Logf("%s: %v", what, r)
	if math.Abs(r.Difference) > 60 {
		t.Errorf("%s: %v, want at most 60 ns", what, r)
	}
}

// The attack: somebody tries ids of keys, to learn which exist.
func TestAnUnknownKeyTakesAsLong(t *testing.T) {
	const keys = 1000
	table, calls := crowded(keys)
	c := tireless(table, free{})
	unknown := make([]verify.Request, keys)
	for i, r := range calls {
		r.Signed.Signature[0] ^= 0x55
		calls[i] = r
		r.Signed.Key = []byte(fmt.Sprintf("lk_%0*d", len(r.Signed.Key)-3, i))
		unknown[i] = r
	}
	key := make([]byte, len(calls[0].Signed.Key))
	var r verify.Request
	allowed := false
	found := dudect.Race(dudect.Samples(million), func(class int) {
		from := calls
		if class == 1 {
			from = unknown
		}
		r = from[rand.IntN(keys)]
		copy(key, r.Signed.Key)
		r.Signed.Key = key
	}, func() {
		v := c.Check(context.Background(), r)
		allowed = allowed || v.Allowed()
	})
	if allowed {
		t.Fatal("a wrong signature was taken")
	}
	nearly(t, "known and unknown keys", found)
}

// And over WebSocket, where the secret of an unknown key is the stranger's too.
func TestALogonOfAnUnknownKeyTakesAsLong(t *testing.T) {
	table, calls := crowded(1000)
	c := tireless(table, free{})
	key := make([]byte, len(calls[0].Signed.Key))
	s := signature.WS{Key: key, Timestamp: []byte("1700000040.5")}
	found := dudect.Race(dudect.Samples(million), func(class int) {
		copy(key, calls[rand.IntN(len(calls))].Signed.Key)
		if class == 1 {
			copy(key[len(key)-4:], "0000")
		}
	}, func() { c.Logon(verify.Logon{Signed: s, Addr: home}) })
	nearly(t, "logons of known and unknown keys", found)
}
