package identity

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// The Signer keeps working space from one request to the next: nothing of one
// may be left in another's signature.
func TestASignerSignsEachRequestAsIfItWereTheFirst(t *testing.T) {
	secret, now := []byte("a secret of the tests, 32 bytes."), time.Unix(1_700_000_000, 0)
	s := NewSigner(secret)
	var all sync.WaitGroup
	for side := range 4 {
		all.Go(func() {
			for i := range 500 {
				c := Caller{Account: "a", Key: fmt.Sprintf("k%d", i*side), Permissions: []string{"read", "trade"}[:1+i%2], RequestID: fmt.Sprint("r", i)}
				body := make([]byte, (i*37)%600)
				got, err := s.Append([]byte("before "), now, c, "POST", "do", body)
				want, fault := Sign(secret, now, c, "POST", "do", body)
				if err != nil || fault != nil || string(got) != "before "+want[4].Value {
					t.Errorf("%q, want %q (%v, %v)", got, want, err, fault)
					return
				}
			}
		})
	}
	all.Wait()
}

func BenchmarkSign(b *testing.B) {
	s := NewSigner([]byte("a secret of the tests, 32 bytes."))
	c := Caller{Account: "acc_01234567890123456789012345", Key: "key_01234567890123456789", Permissions: []string{"read", "trade"}, RequestID: "req_01234567890123456789012345"}
	body, now, dst := make([]byte, 137), time.Now(), make([]byte, 0, 128)
	for b.Loop() {
		if _, err := s.Append(dst, now, c, "POST", "do_my_new_order", body); err != nil {
			b.Fatal(err)
		}
	}
}
