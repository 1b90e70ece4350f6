//go:build timing

package gateway_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/gateway"
	"latchkey/internal/testenv/dudect"
	"latchkey/signature"
)

// refusals races two kinds of requests over one connection, from the first byte
// that is sent to the last one of the refusal, which is what a client can
// measure. All requests have the same length, and so have the answers.
func refusals(t *testing.T, r *rig, pick func(class int) call) dudect.Result {
	t.Helper()
	c := r.dial()
	_ = c.SetDeadline(time.Now().Add(2 * time.Hour))
	raw := []byte(pick(0).raw())
	c.send(string(raw))
	first := c.receive()
	r.is(first, 401, "unauthorized", "API key not passed or incorrect")
	c.send(string(raw))
	answer := make([]byte, 4096)
	size := 0
	for !bytes.HasSuffix(answer[:size], []byte("}")) {
		n, err := c.Conn.Read(answer[size:])
		if err != nil {
			t.Fatal(err)
		}
		size += n
	}
	found := dudect.Race(dudect.Samples(1_000_000), func(class int) {
		if n := copy(raw, pick(class).raw()); n != len(raw) {
			t.Fatalf("a request of %d bytes, want %d", n, len(raw))
		}
	}, func() {
		if _, err := c.Conn.Write(raw); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c.Conn, answer[:size]); err != nil {
			t.Fatal(err)
		}
	})
	if !bytes.HasPrefix(answer, []byte("HTTP/1.1 401 ")) || answer[size-1] != '}' {
		t.Fatalf("the last answer is %q", answer[:size])
	}
	return found
}

// quiet is a rig with many keys that writes no log.
func quiet(t *testing.T, keys int) *rig {
	r := newRig(t, func(c *gateway.Config) {
		c.Points, c.Log = 1<<30, slog.New(slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: slog.LevelError}))
	})
	for n := range keys {
		k := theKey()
		k.ID = fmt.Sprintf("lk_known%04d", n)
		r.table.Put(k, secretOf(k.ID))
	}
	return r
}

// wrong is a call with a signature that is wrong from the first byte on.
func (r *rig) wrong(key string) call {
	c := r.good().on("get_candles")
	c.key, c.signature = key, strings.Repeat("A", 43)+"="
	return c
}

// The attack: somebody asks for one id over the network again and again, and
// measures how long the refusal takes, to learn whether it exists (CWE-208).
func TestAnUnknownKeyTakesAsLong(t *testing.T) {
	r := quiet(t, 1000)
	names := [2]string{"lk_known0007", "lk_other0007"}
	found := refusals(t, r, func(class int) call { return r.wrong(names[class]) })
	t.Logf("a known and an unknown key: %v", found)
	if found.Leaks() {
		t.Errorf("%v", found)
	}
}

// The attack: somebody guesses a signature byte by byte.
func TestARightPrefixTakesAsLong(t *testing.T) {
	r := quiet(t, 1)
	c := r.wrong(keyID)
	right := signature.SignREST([]byte(latchkey.Secret(secret).Reveal()), c.action, signature.Timestamp(c.ts), []byte(c.body))
	wrong := [2]string{flipped(right, 0), flipped(right, 42)}
	found := refusals(t, r, func(class int) call {
		c.signature = wrong[class]
		return c
	})
	t.Logf("31 right bytes and none: %v", found)
	if found.Leaks() {
		t.Errorf("%v", found)
	}
}

// flipped changes one character of base64; the last but one keeps its stray bits 0.
func flipped(text string, at int) string {
	other := byte('A')
	if text[at] == other {
		other = 'E' // also of no stray bits
	}
	return text[:at] + string(other) + text[at+1:]
}
