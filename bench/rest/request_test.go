package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"testing"
	"time"

	"latchkey"
	"latchkey/bench/fixture"
)

func TestABodyIsJSONOfTheSizeThatWasAskedFor(t *testing.T) {
	for _, want := range []int{137, 150, 2000, 64_000} {
		body := order(7, want)
		if len(body) != want || !json.Valid(body) {
			t.Errorf("%d bytes were asked for, %d came: %.200s", want, len(body), body)
		}
	}
	if n := len(order(7, 0)); n != 137 {
		t.Errorf("an ordinary order has %d bytes, want 137", n)
	}
}

// No two requests may be alike: a peer that remembers would refuse the second.
func TestSignaturesDiffer(t *testing.T) {
	s := signer{keys: []fixture.Key{{ID: "lk_a", Secret: latchkey.Secret("one")}, {ID: "lk_b", Secret: latchkey.Secret("two")}}}
	seen := map[string]bool{}
	for _, bodyless := range []bool{false, true} {
		s.bodyless, s.n = bodyless, 0
		for range 2 * 20 {
			text := s.append(nil, time.Unix(1_700_000_000, 0))
			if int(binary.NativeEndian.Uint32(text)) != len(text)-4 {
				t.Fatal("the length in front is wrong")
			}
			_, rest, _ := bytes.Cut(text, []byte("X-AGGR-SIGNATURE: "))
			mac, _, _ := bytes.Cut(rest, []byte("\r\n"))
			if len(mac) != 44 || seen[string(mac)] {
				t.Fatalf("signature %q", mac)
			}
			seen[string(mac)] = true
		}
	}
}
