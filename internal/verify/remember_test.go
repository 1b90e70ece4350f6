package verify_test

import (
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/verify"
)

// Somebody plays a recorded session again at the last moment of its window: the
// ledger must remember a message for one nanosecond longer than its logon, and
// the message itself, could be good. Both ends of the window belong to it.
func TestAMessageIsRememberedBeyondTheLastMomentOfItsLogon(t *testing.T) {
	for at, want := range map[string]time.Time{
		"1700000060.5": time.Unix(1_700_000_060, 500_000_000).Add(window + 1), // a logon from the future is good for longer
		"1700000030":   now.Add(window + 1),
	} {
		var takes []latchkey.Take
		v := guest()
		v.at = at
		w := v.world()
		w.Checker = verify.New(verify.Config{Table: w.table, Ledger: noted{&takes}, Window: window, Points: 200, Now: func() time.Time { return now }})
		s := v.logon(t, w, verify.Allowed)
		say(t, w, s, order, text, verify.Allowed)
		say(t, w, s, cheap, text, verify.Allowed)
		if len(takes) != 2 || !takes[0].Stale.Equal(want) || !takes[1].Stale.IsZero() {
			t.Errorf("logon at %s: %+v, want the first until %v and the second not at all", at, takes, want)
		}
	}
	// A call over REST is remembered by its own timestamp.
	var takes []latchkey.Take
	c := good()
	w := c.world()
	w.Checker = verify.New(verify.Config{Table: w.table, Ledger: noted{&takes}, Window: window, Points: 200, Now: func() time.Time { return now }})
	check(t, w, c, verify.Allowed)
	if end := time.Unix(c.ts.Unix(), 0).Add(window + 1); len(takes) != 1 || !takes[0].Stale.Equal(end) {
		t.Errorf("%+v, want it until %v", takes, end)
	}
}
