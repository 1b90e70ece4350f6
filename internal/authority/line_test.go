package authority

import (
	"strings"
	"testing"
	"testing/synctest"
)

// served lets a hundred strangers come to one place where passwords are
// compared, then a member, and says how many went before the member.
func served(t *testing.T, known bool) (before int) {
	synctest.Test(t, func(t *testing.T) {
		var order []string
		turn := make(chan struct{})
		p := passwords{slots: make(chan struct{}, 1), line: make(chan struct{}, 1)}
		p.compare = func(password, _ string) (bool, error) {
			<-turn
			order = append(order, password)
			return true, nil
		}
		come := func(who string, known bool) {
			go func() {
				if _, err := p.matches(t.Context(), who, "a hash", known); err != nil {
					t.Error(err)
				}
			}()
			synctest.Wait() // until everybody stands still
		}
		for range 100 {
			come("stranger", false)
		}
		come("member", known)
		for range 101 {
			turn <- struct{}{}
			synctest.Wait()
		}
		text := strings.Join(order, " ")
		before = strings.Count(text[:strings.Index(text, "member")], "stranger")
	})
	return before
}

// A storm of sign-ins stands in front of the passwords, so that the owner waits
// behind thousands until the browser gives up. Who is known waits for the one
// whose password is compared and for the first of the line.
func TestAMemberDoesNotWaitBehindAStorm(t *testing.T) {
	if before := served(t, true); before != 2 {
		t.Errorf("%d strangers went before the member, want 2", before)
	}
}

// The twin: in the same line the member waits for all who came before.
func TestInOneLineTheMemberWaitsForEverybody(t *testing.T) {
	if before := served(t, false); before != 100 {
		t.Errorf("%d strangers went before the member, want 100", before)
	}
}
