package cluster_test

import (
	"testing"
	"testing/synctest"
	"time"
)

// The news travels faster than the change can be read, let alone reported.
func TestAnAnnouncedKeyIsRefusedBeforeItsChangeIsRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		defer run(m)()
		soon()
		d.set("renew", fate{before: 20 * time.Millisecond})
		d.change("a")
		m.Announced("a", 1)
		keys.did(t, "mask a")
		m.Announced("a", 1) // told twice
		time.Sleep(50 * time.Millisecond)
		keys.did(t, "mask a", "put a 1")
		d.confirm(1)
		m.Confirmed(1)
		keys.did(t, "unmask a")
		m.Announced("a", 1) // late news
		keys.did(t)
	})
}

// A failover can lose a change that was announced: its console was never told
// that it is done. Whoever can write to the channel can also tell stories. The
// key must go on at once.
func TestAnAnnouncementOfNothingEndsWithTheNextAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.change("a")
		d.confirm(1)
		m, keys, _ := join(t, d, "n")
		defer run(m)()
		soon()
		keys.did(t, "put a 1")
		m.Announced("a", 99)
		keys.did(t, "mask a")
		soon()
		keys.did(t, "unmask a")
	})
}

// An answer that was on its way when the news came does not know of it.
func TestAnOlderAnswerDoesNotEndAnAnnouncement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		defer run(m)()
		soon()
		d.set("renew", fate{after: time.Second})
		m.Wake()
		soon() // counted, and the answer is on its way
		d.set("renew", fate{})
		d.change("a")
		m.Announced("a", 1)
		keys.did(t, "mask a")
		time.Sleep(time.Second - 2*time.Millisecond) // just before that answer
		keys.did(t)
		time.Sleep(10 * time.Millisecond) // it came, and the next one with the change
		keys.did(t, "mask a", "put a 1")
	})
}

// The news comes while a question is under way whose answer holds the change: the
// key goes on with that answer, and does not wait for another one.
func TestTheAnswerThatHoldsTheChangeEndsItsAnnouncement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		defer run(m)()
		soon()
		d.set("renew", fate{before: time.Second})
		m.Wake()
		soon()
		d.change("a")
		d.confirm(1)
		m.Announced("a", 1)
		keys.did(t, "mask a")
		time.Sleep(time.Second)
		synctest.Wait()
		keys.did(t, "put a 1", "unmask a")
	})
}

// Another reason to refuse the key outlives the announcement.
func TestTheEndOfAnAnnouncementLeavesWhatIsNotConfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, keys, _ := join(t, d, "n")
		defer run(m)()
		soon()
		d.change("a")
		m.Wake()
		soon()
		keys.did(t, "mask a", "put a 1")
		m.Announced("a", 99)
		soon()
		keys.did(t, "mask a")
		d.confirm(1)
		m.Wake()
		soon()
		keys.did(t, "unmask a")
	})
}

// A renewal that hangs leaves time for another one before the lease is over.
func TestARenewalThatHangsIsTriedAgainInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		m, _, _ := join(t, d, "n")
		d.set("renew", fate{before: time.Hour})
		defer run(m)()
		for at := range 100 {
			if at == 20 {
				d.set("renew", fate{})
			}
			leased(t, m, true)
			time.Sleep(leaseLength / 50)
		}
	})
}

// After a crash the database is busy with what was left, and its first answers
// may take longer than a short lease. A start must not end with that.
func TestASlowDatabaseDoesNotEndAStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDatabase()
		d.set("renew", fate{before: leaseLength})
		go func() {
			time.Sleep(2 * leaseLength)
			d.set("renew", fate{})
		}()
		m, _, _ := join(t, d, "n")
		leased(t, m, true)
		if got := d.row("n").Renewals; got != 1 {
			t.Errorf("%d renewals", got)
		}
	})
}
