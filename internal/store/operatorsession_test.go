package store_test

import (
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/store"
)

// linked writes a link of the operator under the hash of its token.
func (s *suite) linked(hash string) latchkey.OperatorSession {
	s.t.Helper()
	x := latchkey.OperatorSession{ID: latchkey.NewID("ops"), CreatedAt: s.now(), EndsAt: s.now().Add(latchkey.OperatorLinkLife)}
	s.must(s.OpenOperatorLink(s.ctx, x, hash, s.activity(latchkey.ActNodesLinked)))
	return x
}

// opens tries a link now.
func (s *suite) opens(link, cookie string) (latchkey.OperatorSession, error) {
	return s.StartOperatorSession(s.ctx, link, cookie, "192.0.2.7", s.now(), s.now().Add(time.Hour), s.activity(latchkey.ActNodesOpened))
}

func TestAnOperatorsLinkBecomesOneSession(t *testing.T) {
	onEach(t, func(s *suite) {
		link := s.linked("link")
		waiting, err := s.OperatorSessionByToken(s.ctx, "link")
		s.must(err)
		s.same(waiting, link)
		s.pass(latchkey.OperatorLinkLife - time.Second)
		opened, err := s.opens("link", "cookie")
		s.must(err)
		want := latchkey.OperatorSession{ID: link.ID, Open: true, IP: "192.0.2.7", CreatedAt: link.CreatedAt, EndsAt: s.now().Add(time.Hour)}
		s.same(opened, want)
		found, err := s.OperatorSessionByToken(s.ctx, "cookie")
		s.must(err)
		s.same(found, want)
		_, err = s.OperatorSessionByToken(s.ctx, "link")
		s.refused(err, "not_found")
		for _, hash := range []string{"link", "cookie", "none"} { // used, a session's own, never there
			_, err := s.opens(hash, "another")
			s.refused(err, "invalid_link")
		}
		s.must(s.EndOperatorSession(s.ctx, link.ID, s.activity(latchkey.ActNodesClosed)))
		_, err = s.OperatorSessionByToken(s.ctx, "cookie")
		s.refused(err, "not_found")
		s.refused(s.EndOperatorSession(s.ctx, link.ID, s.activity(latchkey.ActNodesClosed)), "not_found")
	})
}

func TestAnOperatorsLinkExpires(t *testing.T) {
	onEach(t, func(s *suite) {
		s.linked("link")
		s.pass(latchkey.OperatorLinkLife)
		before := s.verified()
		_, err := s.opens("link", "cookie")
		s.refused(err, "invalid_link")
		s.same(s.verified(), before) // what did not happen is not told
		s.must(s.Housekeep(s.ctx))
		s.same(s.number("SELECT count(*) FROM operator_session"), int64(0))
	})
}

// The attack: somebody reads the link over a shoulder and opens it at the same
// moment. Whoever comes second learns that it was used.
func TestOfManyBrowsersWithOneLinkOneGetsIn(t *testing.T) {
	onEach(t, func(s *suite) {
		s.linked("link")
		var all sync.WaitGroup
		errs := make([]error, 8)
		for i := range errs {
			all.Go(func() { _, errs[i] = s.opens("link", "cookie-"+string(rune('a'+i))) })
		}
		all.Wait()
		in := 0
		for _, err := range errs {
			if err == nil {
				in++
				continue
			}
			s.refused(err, "invalid_link")
		}
		s.same(in, 1)
		s.same(s.number("SELECT count(*) FROM activity WHERE type = 'nodes_opened'"), int64(1))
	})
}

func TestTheOperatorsPageIsNotOpenedUnrecorded(t *testing.T) {
	onEach(t, func(s *suite) {
		link := s.linked("link")
		s.raw("ALTER TABLE activity RENAME COLUMN note TO memo") // now none can be written
		_, err := s.opens("link", "cookie")
		s.unknown(err)
		s.unknown(s.EndOperatorSession(s.ctx, link.ID, s.activity(latchkey.ActNodesClosed)))
		s.raw("ALTER TABLE activity RENAME COLUMN memo TO note")
		_, err = s.opens("link", "cookie") // the link waits as before
		s.must(err)
	})
}

func TestARestoredDatabaseOpensNoOperatorsPage(t *testing.T) {
	onEach(t, func(s *suite) {
		s.linked("link")
		s.linked("opened")
		_, err := s.opens("opened", "cookie")
		s.must(err)
		s.must(s.Restored(s.ctx, s.activity(latchkey.ActRestored)))
		s.same(s.number("SELECT count(*) FROM operator_session"), int64(0))
	})
}

// Consoles behind a load balancer: one makes the link, another opens it, a third
// is asked.
func TestASessionIsKnownToEveryConsole(t *testing.T) {
	s := newSuite(t, server.Database(t))
	s.linked("link")
	other := func() *store.Store {
		opened, err := store.Open(s.ctx, s.config())
		s.must(err)
		t.Cleanup(func() { opened.Close() })
		return opened
	}
	second, third := other(), other()
	_, err := second.StartOperatorSession(s.ctx, "link", "cookie", "192.0.2.7", s.now(), s.now().Add(time.Hour), s.activity(latchkey.ActNodesOpened))
	s.must(err)
	found, err := third.OperatorSessionByToken(s.ctx, "cookie")
	s.must(err)
	s.same(found.Open, true)
}
