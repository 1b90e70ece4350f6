package store_test

import (
	"context"
	"testing"
	"time"

	"latchkey"
)

// TestAPausedProcessHoldsNoChangeUp stops a process in the middle of a
// transaction that holds the row which every change needs.
func TestAPausedProcessHoldsNoChangeUp(t *testing.T) {
	t.Parallel()
	s := newSuite(t, server.Database(t))
	paused, resumed := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := s.ConfirmRev(s.ctx, 0, func([]latchkey.GatewayNode) bool {
			close(paused)
			<-resumed
			return true
		})
		ended <- err
	}()
	<-paused
	ctx, cancel := context.WithTimeout(s.ctx, 10*time.Second)
	defer cancel()
	_, err := s.Newest(ctx)
	close(resumed)
	if err != nil {
		t.Errorf("the others waited for it: %v", err)
	}
	if err := <-ended; err == nil {
		t.Error("what was broken off counts")
	}
}
