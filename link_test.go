package latchkey_test

import (
	"testing"
	"time"

	"latchkey"
)

// Somebody finds an old mail, or opens the page of the operator an hour too
// late. Whatever is live ends at its very moment, and nothing that nobody made is
// live: the zero value opens nothing.
func TestALinkAndASessionOfTheOperatorEndWhenTheySay(t *testing.T) {
	if latchkey.OperatorLinkLife != 5*time.Minute || latchkey.OperatorSessionLife != time.Hour {
		t.Errorf("a link of the operator waits %v, its session lasts %v", latchkey.OperatorLinkLife, latchkey.OperatorSessionLife)
	}
	end := time.Unix(1_700_000_000, 0)
	for after, want := range map[time.Duration]bool{-time.Hour: true, -1: true, 0: false, 1: false, time.Hour: false} {
		now := end.Add(after)
		if got := (latchkey.Link{ID: "lnk_1", ExpiresAt: end}).Live(now); got != want {
			t.Errorf("%v after its end a link is live: %v", after, got)
		}
		if got := (latchkey.OperatorSession{ID: "ops_1", Open: true, EndsAt: end}).Live(now); got != want {
			t.Errorf("%v after its end a session is live: %v", after, got)
		}
		for what, live := range map[string]bool{
			"a link without an id":          latchkey.Link{ExpiresAt: end}.Live(now),
			"the zero link":                 latchkey.Link{}.Live(now),
			"a session that was not opened": latchkey.OperatorSession{ID: "ops_1", EndsAt: end}.Live(now),
			"a session without an id":       latchkey.OperatorSession{Open: true, EndsAt: end}.Live(now),
			"the zero session":              latchkey.OperatorSession{}.Live(now),
		} {
			if live {
				t.Errorf("%s is live", what)
			}
		}
	}
}
