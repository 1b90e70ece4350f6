package store_test

import (
	"testing"
	"time"

	"latchkey"
)

func (s *suite) receive() (id string, l latchkey.Letter, tries int) {
	s.t.Helper()
	id, l, tries, ok, err := s.ReceiveLetter(s.ctx)
	s.must(err)
	if !ok {
		s.t.Fatal("no letter is due")
	}
	return id, l, tries
}

func (s *suite) nothingDue() {
	s.t.Helper()
	_, l, _, ok, err := s.ReceiveLetter(s.ctx)
	s.must(err)
	if ok {
		s.t.Fatalf("a letter is due: %+v", l)
	}
}

func (s *suite) outboxEmpty() bool {
	s.t.Helper()
	empty, err := s.OutboxEmpty(s.ctx)
	s.must(err)
	return empty
}

func TestLetterWaitsUntilItIsDone(t *testing.T) {
	onEach(t, func(s *suite) {
		s.nothingDue()
		s.same(s.outboxEmpty(), true)
		code := latchkey.Letter{Kind: latchkey.LetterCode, PendingID: "pen_1", Send: 2}
		s.must(s.Record(s.ctx, s.activity(latchkey.ActKeyEdited), code, latchkey.Letter{Kind: latchkey.LetterNotice, MemberID: s.owner.ID}))
		s.same(s.outboxEmpty(), false)
		var ids []string
		for range 2 {
			id, l, tries := s.receive()
			s.same(tries, 1)
			if l.Kind == latchkey.LetterCode {
				s.same(l, code)
			} else {
				s.same(l, latchkey.Letter{Kind: latchkey.LetterNotice, Activity: 4, MemberID: s.owner.ID})
			}
			ids = append(ids, id)
		}
		s.nothingDue() // both are with a sender now
		s.must(s.LetterRetry(s.ctx, ids[0], 0))
		id, _, tries := s.receive()
		s.same(id, ids[0])
		s.same(tries, 2)
		s.must(s.LetterRetry(s.ctx, ids[0], time.Hour))
		s.nothingDue()
		s.must(s.LetterDone(s.ctx, ids[0]))
		s.must(s.LetterDone(s.ctx, ids[1]))
		s.same(s.outboxEmpty(), true)
	})
}

// An owner waits for a code, behind a hundred mails that say what happened.
func TestCodeOvertakesNotices(t *testing.T) {
	onEach(t, func(s *suite) {
		notice := latchkey.Letter{Kind: latchkey.LetterNotice, MemberID: s.owner.ID}
		s.must(s.Record(s.ctx, s.activity(latchkey.ActKeyEdited), notice, notice))
		code := latchkey.Letter{Kind: latchkey.LetterCode, PendingID: "pen_1", Send: 1}
		s.must(s.Record(s.ctx, s.activity(latchkey.ActCodeSent), code))
		_, first, _ := s.receive()
		s.same(first, code)
	})
}

func TestLetterSurvivesARestart(t *testing.T) {
	onEach(t, func(s *suite) {
		s.must(s.Record(s.ctx, s.activity(latchkey.ActKeyEdited), latchkey.Letter{Kind: latchkey.LetterNotice}))
		s.must(s.Close())
		s.open()
		_, l, _ := s.receive()
		s.same(l.Activity, int64(4))
	})
}

func TestUnreadableLetterDoesNotHoldUpTheOthers(t *testing.T) {
	onEach(t, func(s *suite) {
		s.must(s.Record(s.ctx, s.activity(latchkey.ActKeyEdited), latchkey.Letter{Kind: latchkey.LetterNotice}))
		s.raw("UPDATE goqite SET body = $1", []byte("nonsense"))
		s.nothingDue()
		s.same(s.outboxEmpty(), true)
	})
}

func TestCodeGoesToTheFactorThatProves(t *testing.T) {
	onEach(t, func(s *suite) {
		f := s.enrol(s.owner, latchkey.FactorSMS, "+35312345678")
		p := s.pending(latchkey.OpEnrolFactor, latchkey.Key{})
		p.FactorID, p.NewSecret = f.ID, "+35399999999"
		_, _, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: p, Activity: s.activity(latchkey.ActPendingOpened)})
		s.must(err)
		letter := latchkey.Letter{Kind: latchkey.LetterCode, PendingID: p.ID}
		got, err := s.Facts(s.ctx, letter)
		s.must(err)
		s.same(got, latchkey.Facts{Account: s.account, Member: s.owner, Pending: p, Phone: "+35312345678"})
		// The new number must not get the code that allows it.
		s.raw("DELETE FROM factor WHERE id = $1", f.ID)
		_, err = s.Facts(s.ctx, letter)
		s.refused(err, "not_found")

		q := s.pending(latchkey.OpValidateFactor, latchkey.Key{})
		q.NewSecret = "+35399999999"
		_, _, err = s.OpenPending(s.ctx, latchkey.Opening{Pending: q, Activity: s.activity(latchkey.ActPendingOpened)})
		s.must(err)
		got, err = s.Facts(s.ctx, latchkey.Letter{Kind: latchkey.LetterCode, PendingID: q.ID})
		s.must(err)
		s.same(got.Phone, "+35399999999")
		s.must(s.ClosePending(s.ctx, q.ID, latchkey.PendingCancelled, s.activity(latchkey.ActPendingCancelled)))
		_, err = s.Facts(s.ctx, latchkey.Letter{Kind: latchkey.LetterCode, PendingID: q.ID})
		s.refused(err, "not_found")
	})
}

func TestNoticeGoesToTheMemberOrTheOwner(t *testing.T) {
	onEach(t, func(s *suite) {
		m := s.member("sub@example.com", latchkey.RoleSubuser)
		act := s.activity(latchkey.ActKeyEdited)
		s.must(s.Record(s.ctx, act))
		list, err := s.Activities(s.ctx, latchkey.ActivityQuery{AccountID: s.account.ID, Limit: 1})
		s.must(err)
		facts := func(member string, seq int64) (latchkey.Facts, error) {
			return s.Facts(s.ctx, latchkey.Letter{Kind: latchkey.LetterNotice, MemberID: member, Activity: seq})
		}
		for member, want := range map[string]latchkey.Member{"": s.owner, m.ID: m} {
			got, err := facts(member, list[0].Seq)
			s.must(err)
			s.same(got, latchkey.Facts{Account: s.account, Member: want, Activity: list[0]})
		}
		s.must(s.RemoveMember(s.ctx, s.account.ID, m.ID, s.activity(latchkey.ActMemberRemoved)))
		_, err = facts(m.ID, list[0].Seq)
		s.refused(err, "not_found")
		_, err = facts("", 999)
		s.refused(err, "not_found")
		_, err = s.Facts(s.ctx, latchkey.Letter{Kind: latchkey.LetterCode, PendingID: "pen_none"})
		s.refused(err, "not_found")
		_, err = s.Facts(s.ctx, latchkey.Letter{Kind: "other"})
		s.refused(err, "not_found")
	})
}
