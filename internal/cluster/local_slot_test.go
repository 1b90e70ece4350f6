package cluster_test

import (
	"testing"
	"time"

	"latchkey"
)

// Equal WebSocket messages end when they arrived: whatever the ends of two,
// the second one was seen for as long as the first is remembered.
func TestAnEqualCallWithAnotherEndWasSeen(t *testing.T) {
	for _, later := range []time.Duration{0, time.Second, 9 * time.Second, 10 * time.Second, 19 * time.Second, window} {
		l := local()
		take := latchkey.Take{Bucket: []byte("lk_one"), Cost: 1, Limit: 10, Now: minute, Once: [32]byte{1}, Stale: minute.Add(window + 1), Anytime: true}
		takes(t, l, take, latchkey.TakenAll)
		take.Now, take.Stale = minute.Add(later), minute.Add(later+window+1)
		takes(t, l, take, latchkey.TakenSeenBefore)
		take.Now = minute // and the other way round, which a clock that was set back makes
		takes(t, l, take, latchkey.TakenSeenBefore)
	}
}
