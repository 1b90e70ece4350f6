//go:build !race

package identity

import (
	"testing"
	"time"
)

// Under the race detector a pool loses things on purpose.
func TestSigningAllocatesNothing(t *testing.T) {
	s := NewSigner([]byte("a secret of the tests, 32 bytes."))
	c := Caller{Account: "acc_1", Key: "key_1", Permissions: []string{"read", "trade"}, RequestID: "req_1"}
	body, now, dst := make([]byte, 137), time.Now(), make([]byte, 0, 128)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := s.Append(dst, now, c, "POST", "do_my_new_order", body); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
