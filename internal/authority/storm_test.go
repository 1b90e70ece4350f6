package authority_test

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"latchkey/internal/authority"
)

// TestAStormOfSignInsLeavesHalfTheMachine lets many sign in at once, and holds each that
// comes to the comparison of its password there.
func TestAStormOfSignInsLeavesHalfTheMachine(t *testing.T) {
	w := newWorld(t)
	most := max(1, min(2, runtime.GOMAXPROCS(0)/2))
	entered, leave := make(chan struct{}), make(chan struct{})
	w.WatchCompares(func(string) { entered <- struct{}{}; <-leave })
	var all sync.WaitGroup
	errs := make([]error, 12)
	for i := range errs {
		all.Go(func() {
			_, errs[i] = w.SignIn(w.ctx, authority.Visitor{IP: fmt.Sprintf("192.0.2.%d", i)}, "nobody@example.com", "a wrong password")
		})
	}
	for range most {
		<-entered
	}
	select {
	case <-entered:
		t.Errorf("more than %d passwords are compared at once, with %d cores", most, runtime.GOMAXPROCS(0))
	case <-time.After(100 * time.Millisecond):
	}
	go func() {
		for range entered { // the others, one after the other
		}
	}()
	close(leave)
	all.Wait()
	close(entered)
	for _, err := range errs {
		w.refused(err, "wrong_credentials")
	}
}
