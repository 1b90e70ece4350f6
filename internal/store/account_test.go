package store_test

import (
	"testing"
	"time"

	"latchkey"
)

func TestAccountNameIsTakenOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		before := s.verified()
		twin := latchkey.Account{ID: latchkey.NewID("acc"), Name: s.account.Name, CreatedAt: s.now()}
		s.refused(s.CreateAccount(s.ctx, twin, s.activity(latchkey.ActAccountCreated)), "account_exists")
		s.same(s.verified(), before)
		other := latchkey.Account{ID: latchkey.NewID("acc"), Name: "NORTHWIND", CreatedAt: s.now().Add(time.Second)}
		s.must(s.CreateAccount(s.ctx, other, s.activity(latchkey.ActAccountCreated)))
		all, err := s.Accounts(s.ctx)
		s.must(err)
		s.same(all, []latchkey.Account{s.account, other})
	})
}

func TestAccountIsFoundByNameAndID(t *testing.T) {
	onEach(t, func(s *suite) {
		got, err := s.AccountByName(s.ctx, s.account.Name)
		s.must(err)
		s.same(got, s.account)
		got, err = s.Account(s.ctx, s.account.ID)
		s.must(err)
		s.same(got, s.account)
		_, err = s.AccountByName(s.ctx, "Nobody")
		s.refused(err, "not_found")
		_, err = s.Account(s.ctx, "acc_none")
		s.refused(err, "not_found")
	})
}

func TestMembersHaveOneOwnerAndOwnAddresses(t *testing.T) {
	onEach(t, func(s *suite) {
		before := s.verified()
		add := func(id, account, email string, role latchkey.Role) error {
			m := latchkey.Member{ID: id, AccountID: account, Email: email, Role: role, CreatedAt: s.now()}
			return s.AddMember(s.ctx, m, "hash", s.activity(latchkey.ActMemberAdded))
		}
		s.refused(add("m1", s.account.ID, "second@example.com", latchkey.RoleOwner), "owner_exists")
		s.refused(add("m2", s.account.ID, s.owner.Email, latchkey.RoleSubuser), "member_exists")
		s.unknown(add("m3", "acc_none", "third@example.com", latchkey.RoleSubuser))
		s.unknown(add("m4", s.account.ID, "fourth@example.com", "admin"))
		s.same(s.verified(), before)
		s.must(add("m5", s.account.ID, "fifth@example.com", latchkey.RoleSubuser))
		members, err := s.Members(s.ctx, s.account.ID)
		s.must(err)
		s.same(len(members), 2)
	})
}

func TestMemberIsFoundWithItsPasswordHash(t *testing.T) {
	onEach(t, func(s *suite) {
		m, hash, err := s.Member(s.ctx, s.owner.ID)
		s.must(err)
		s.same(m, s.owner)
		s.same(hash, "hash of owner@example.com")
		m, hash, err = s.MemberByEmail(s.ctx, s.owner.Email)
		s.must(err)
		s.same(m, s.owner)
		s.same(hash, "hash of owner@example.com")
		_, _, err = s.Member(s.ctx, "mem_none")
		s.refused(err, "not_found")
		_, _, err = s.MemberByEmail(s.ctx, "Owner@example.com")
		s.refused(err, "not_found")
	})
}

func TestRemovedMemberTakesEverythingAlong(t *testing.T) {
	onEach(t, func(s *suite) {
		m := s.member("sub@example.com", latchkey.RoleSubuser)
		s.signIn(m, true)
		p := s.pending(latchkey.OpSignIn, latchkey.Key{})
		p.MemberID = m.ID
		_, _, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: p, IdempotencyKey: "i", Activity: s.activity(latchkey.ActPendingOpened)})
		s.must(err)
		s.enrol(m, latchkey.FactorTOTP, "seed")
		remove := func(account, member string) error {
			return s.RemoveMember(s.ctx, account, member, s.activity(latchkey.ActMemberRemoved))
		}
		before := s.verified()
		s.refused(remove(s.account.ID, s.owner.ID), "owner_stays")
		s.refused(remove("acc_other", m.ID), "not_found")
		s.refused(remove(s.account.ID, "mem_none"), "not_found")
		s.same(s.verified(), before)
		s.must(remove(s.account.ID, m.ID))
		s.same(s.verified(), before+1)
		for _, table := range []string{"session", "factor", "pending", "idempotency"} {
			s.same(s.number("SELECT count(*) FROM "+table+" WHERE member_id = $1", m.ID), int64(0))
		}
		s.same(s.number("SELECT count(*) FROM session"), int64(1)) // the owner's
	})
}

func TestNewPasswordEndsTheOtherSessions(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1")) // of the session that stays
		other := s.signIn(s.owner, true)
		q := s.pending(latchkey.OpCreate, s.newKey("bot-2"))
		q.SessionID = other.ID
		_, _, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: q, Activity: s.activity(latchkey.ActPendingOpened)})
		s.must(err)
		stranger := s.signIn(s.member("sub@example.com", latchkey.RoleSubuser), true)
		s.must(s.SetPassword(s.ctx, s.owner.ID, "new hash", s.session.ID, s.activity(latchkey.ActPasswordChanged)))
		_, hash, err := s.Member(s.ctx, s.owner.ID)
		s.must(err)
		s.same(hash, "new hash")
		left, err := s.Sessions(s.ctx, s.owner.ID)
		s.must(err)
		s.same(left, []latchkey.Session{s.session})
		s.same(s.state(p.ID), latchkey.PendingOpen)
		s.same(s.state(q.ID), latchkey.PendingCancelled)
		_, _, err = s.SessionByToken(s.ctx, "token of "+stranger.ID)
		s.must(err)
		s.refused(s.SetPassword(s.ctx, "mem_none", "x", "", s.activity(latchkey.ActPasswordChanged)), "not_found")
	})
}

// state reads how a pending stands.
func (s *suite) state(id string) latchkey.PendingState {
	s.t.Helper()
	p, err := s.Pending(s.ctx, id)
	s.must(err)
	return p.State
}

// enrol gives a member a factor.
func (s *suite) enrol(m latchkey.Member, kind latchkey.FactorKind, secret latchkey.Secret) latchkey.Factor {
	s.t.Helper()
	f := latchkey.Factor{ID: latchkey.NewID("fac"), MemberID: m.ID, Kind: kind, Label: "label", CreatedAt: s.now()}
	act := s.activity(latchkey.ActFactorEnrolled)
	act.MemberID = m.ID
	_, err := s.Apply(s.ctx, latchkey.Deed{At: s.now(), AddFactor: &f, FactorSecret: secret, Activity: act})
	s.must(err)
	return f
}
