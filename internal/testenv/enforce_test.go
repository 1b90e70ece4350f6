package testenv_test

import (
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/authority"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
)

// A stolen key is being used as fast as it can when the owner stops it. From
// the moment the owner is told, not one more call may pass.
func TestNoCallPassesAfterTheOwnerIsTold(t *testing.T) {
	onBothEngines(t, func(t *testing.T, o testenv.Options) {
		o.Change = func(c *node.Config) { c.Points = 1 << 30 }
		s := testenv.Start(t, o)
		owner := s.Owner()
		for round := range 20 {
			bot := s.ActiveKey("bot-"+strconv.Itoa(round), authority.NewKey{Permissions: readTrade})
			late, before := hammer(bot, func() {
				testenv.Allows(t, owner.Do("POST", "/v1/keys/"+bot.KeyID+"/deactivate", nil), http.StatusOK)
			})
			if late > 0 || before == 0 {
				t.Errorf("round %d: %d calls passed before, and %d after the owner was told; want some, and none", round, before, late)
			}
			if _, _, err := s.Operator().Move(t.Context(), bot.KeyID, "delete"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// hammer calls from four sides while the change is made, and counts the calls
// that passed before it began and those that were sent after it was
// acknowledged and passed all the same.
func hammer(bot testenv.Bot, change func()) (late, before int64) {
	var told atomic.Bool
	var lateCalls, allowed atomic.Int64
	stop := make(chan struct{})
	var bots sync.WaitGroup
	for range 4 {
		bots.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				after := told.Load() // read before the call is sent
				if bot.Call("get_my_fee", "{}").Status != http.StatusOK {
					continue
				}
				if after {
					lateCalls.Add(1)
				}
				allowed.Add(1)
			}
		})
	}
	for allowed.Load() < 20 {
		time.Sleep(time.Millisecond) // until all sides are at work
	}
	before = allowed.Load()
	change()
	told.Store(true)
	for start := time.Now(); time.Since(start) < 20*time.Millisecond; {
		bot.Call("get_my_fee", "{}")
	}
	close(stop)
	bots.Wait()
	return lateCalls.Load(), before
}
