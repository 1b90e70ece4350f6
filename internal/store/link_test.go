package store_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/store"
)

// reset is a link of that member for a forgotten password, not yet written.
func (s *suite) reset(memberID, token string) latchkey.Link {
	return latchkey.Link{ID: latchkey.NewID("lnk"), Kind: latchkey.LinkReset, MemberID: memberID, Token: latchkey.Secret(token),
		TokenHash: fmt.Sprintf("%x", sha256.Sum256([]byte(token))), CreatedAt: s.now(), ExpiresAt: s.now().Add(30 * time.Minute)}
}

// asked is a link that stands in the database.
func (s *suite) asked(memberID, token string) latchkey.Link {
	s.t.Helper()
	l := s.reset(memberID, token)
	s.must(s.OpenReset(s.ctx, l, s.activity(latchkey.ActResetAsked)))
	return l
}

func (s *suite) use(l latchkey.Link, hash string) error {
	return s.ResetPassword(s.ctx, l, hash, s.now(), s.activity(latchkey.ActPasswordReset))
}

func TestALinkSetsThePasswordOnceAndEndsAllSessions(t *testing.T) {
	onEach(t, func(s *suite) {
		p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
		l := s.asked(s.owner.ID, "token")
		got, err := s.LinkByToken(s.ctx, latchkey.LinkReset, l.TokenHash)
		s.must(err)
		want := l
		want.Token = ""
		s.same(got, want)
		before := s.verified()
		s.must(s.use(l, "new hash"))
		s.same(s.verified(), before+1)
		_, hash, err := s.Member(s.ctx, s.owner.ID)
		s.must(err)
		s.same(hash, "new hash")
		sessions, err := s.Sessions(s.ctx, s.owner.ID)
		s.must(err)
		s.same(len(sessions), 0)
		closed, err := s.Pending(s.ctx, p.ID)
		s.must(err)
		s.same(closed.State, latchkey.PendingCancelled)
		s.refused(s.use(l, "again"), "invalid_link")
		s.same(s.verified(), before+1)
	})
}

func TestALinkIsNotGoodForOthersOrForOtherThings(t *testing.T) {
	onEach(t, func(s *suite) {
		other := s.member("sub@example.com", latchkey.RoleSubuser)
		l := s.asked(s.owner.ID, "token")
		for name, change := range map[string]func(l *latchkey.Link){
			"another member's": func(l *latchkey.Link) { l.MemberID = other.ID },
			"nobody's":         func(l *latchkey.Link) { l.MemberID = "" },
			"another token":    func(l *latchkey.Link) { l.TokenHash = "hash of guess" },
			"no token":         func(l *latchkey.Link) { l.TokenHash = "" },
		} {
			bad := l
			change(&bad)
			if err := s.use(bad, "stolen"); latchkey.Code(err) != "invalid_link" {
				t.Fatalf("%s: %v", name, err)
			}
		}
		s.refused(s.SetUp(s.ctx, l.TokenHash, latchkey.Account{}, latchkey.Member{}, "", nil), "invalid_link")
		_, err := s.LinkByToken(s.ctx, latchkey.LinkSetup, l.TokenHash)
		s.refused(err, "not_found")
		s.must(s.use(l, "new hash")) // none of them used it up
	})
}

func TestALinkLivesThirtyMinutes(t *testing.T) {
	onEach(t, func(s *suite) {
		l := s.asked(s.owner.ID, "token")
		s.pass(30*time.Minute - time.Microsecond)
		s.must(s.use(l, "in time"))
		l = s.asked(s.owner.ID, "late")
		s.pass(30 * time.Minute)
		s.refused(s.use(l, "too late"), "invalid_link")
		s.must(s.Housekeep(s.ctx))
		s.same(s.number("SELECT count(*) FROM link"), int64(0))
	})
}

func TestTheNewestLinkKillsTheOlderOnesOfItsMember(t *testing.T) {
	onEach(t, func(s *suite) {
		other := s.asked(s.member("sub@example.com", latchkey.RoleSubuser).ID, "other")
		first, second := s.asked(s.owner.ID, "first"), s.asked(s.owner.ID, "second")
		s.refused(s.use(first, "x"), "invalid_link")
		s.must(s.use(second, "y"))
		s.must(s.use(other, "z"))
	})
}

func TestAChangedPasswordKillsTheLinkThatWaits(t *testing.T) {
	onEach(t, func(s *suite) {
		l := s.asked(s.owner.ID, "token")
		s.must(s.SetPassword(s.ctx, s.owner.ID, "changed", s.session.ID, s.activity(latchkey.ActPasswordChanged)))
		s.refused(s.use(l, "stolen"), "invalid_link")
	})
}

func TestALinkGoesWithItsMember(t *testing.T) {
	onEach(t, func(s *suite) {
		m := s.member("sub@example.com", latchkey.RoleSubuser)
		l := s.asked(m.ID, "token")
		s.must(s.RemoveMember(s.ctx, s.account.ID, m.ID, s.activity(latchkey.ActMemberRemoved)))
		s.refused(s.use(l, "x"), "invalid_link")
		s.same(s.number("SELECT count(*) FROM link"), int64(0))
	})
}

func TestManyUsesOfOneLinkAtOnceAreOne(t *testing.T) {
	onEach(t, func(s *suite) {
		l := s.asked(s.owner.ID, "token")
		var wins, losses int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				err := s.use(l, "new hash")
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					wins++
				case latchkey.Code(err) == "invalid_link":
					losses++
				}
			})
		}
		all.Wait()
		s.same([]int{wins, losses}, []int{1, 19})
	})
}

// The letter names the link; the token is opened when the mail is made.
func TestTheLetterOfALinkHasNoTokenAndFindsIt(t *testing.T) {
	onEach(t, func(s *suite) {
		l := s.asked(s.owner.ID, "token-canary")
		if bytes.Contains(s.bytes(), []byte("token-canary")) {
			t.Fatal("the token stands in clear")
		}
		_, letter, _, ok, err := s.ReceiveLetter(s.ctx)
		s.must(err)
		s.same(ok, true)
		s.same(letter, latchkey.Letter{Kind: latchkey.LetterReset, LinkID: l.ID})
		facts, err := s.Facts(s.ctx, letter)
		s.must(err)
		s.same(facts, latchkey.Facts{Account: s.account, Member: s.owner, Link: l})
		s.asked(s.owner.ID, "newer")
		_, err = s.Facts(s.ctx, letter)
		s.refused(err, "not_found")
	})
}

// What is written for an address that nobody has: the same, for nobody.
func TestALinkOfNobodyIsWrittenAndGoodForNothing(t *testing.T) {
	onEach(t, func(s *suite) {
		before := s.verified()
		l := s.asked("", "token")
		s.same(s.verified(), before+1)
		_, letter, _, ok, err := s.ReceiveLetter(s.ctx)
		s.must(err)
		s.same(ok, true)
		_, err = s.Facts(s.ctx, letter)
		s.refused(err, "not_found")
		s.refused(s.use(l, "x"), "invalid_link")
	})
}

func TestATokenIsSealedForItsRowAndSealedAnew(t *testing.T) {
	onEach(t, func(s *suite) {
		other := s.member("sub@example.com", latchkey.RoleSubuser)
		mine, theirs := s.asked(s.owner.ID, "mine"), s.asked(other.ID, "theirs")
		facts := func(l latchkey.Link) (latchkey.Facts, error) {
			return s.Facts(s.ctx, latchkey.Letter{Kind: latchkey.LetterReset, LinkID: l.ID})
		}
		s.must(s.box.Rotate())
		left, err := s.Reseal(s.ctx, 1)
		s.must(err)
		s.same(left, 1)
		left, err = s.Reseal(s.ctx, 1)
		s.must(err)
		s.same(left, 0)
		got, err := facts(mine)
		s.must(err)
		s.same(got.Link.Token.Reveal(), "mine")
		s.raw("UPDATE link SET token = (SELECT token FROM link WHERE id = $1) WHERE id = $2", theirs.ID, mine.ID)
		_, err = facts(mine)
		s.unknown(err)
	})
}

// empty is a store in which there is no account yet.
func (s *suite) empty() *suite {
	s.t.Helper()
	for _, table := range []string{"session", "member", "account"} {
		s.raw("DELETE FROM " + table)
	}
	return s
}

func (s *suite) setup(token string) latchkey.Link {
	return latchkey.Link{ID: latchkey.NewID("lnk"), Kind: latchkey.LinkSetup, TokenHash: "hash of " + token, CreatedAt: s.now(), ExpiresAt: s.now().Add(30 * time.Minute)}
}

// first makes the first account with that token.
func (s *suite) first(token string) (latchkey.Account, error) {
	a := latchkey.Account{ID: latchkey.NewID("acc"), Name: "First", CreatedAt: s.now()}
	m := latchkey.Member{ID: latchkey.NewID("mem"), AccountID: a.ID, Email: "first@example.com", Role: latchkey.RoleOwner, CreatedAt: s.now()}
	acts := []latchkey.Activity{s.activity(latchkey.ActAccountCreated), s.activity(latchkey.ActMemberAdded)}
	return a, s.SetUp(s.ctx, "hash of "+token, a, m, "hash", acts)
}

func TestTheFirstAccountIsMadeOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		s.empty()
		s.must(s.OpenSetup(s.ctx, s.setup("old")))
		s.must(s.OpenSetup(s.ctx, s.setup("new")))
		before := s.verified()
		_, err := s.first("old")
		s.refused(err, "invalid_link")
		a, err := s.first("new")
		s.must(err)
		s.same(s.verified(), before+2)
		got, err := s.Account(s.ctx, a.ID)
		s.must(err)
		s.same(got, a)
		owner, _, err := s.MemberByEmail(s.ctx, "first@example.com")
		s.must(err)
		s.same(owner.Role, latchkey.RoleOwner)
		_, err = s.first("new")
		s.refused(err, "invalid_link")
		s.refused(s.OpenSetup(s.ctx, s.setup("later")), "already_set_up")
	})
}

// The operator may make an account while the link waits; then it is worth
// nothing.
func TestNoSetUpBesideAnAccount(t *testing.T) {
	onEach(t, func(s *suite) {
		s.empty()
		s.must(s.OpenSetup(s.ctx, s.setup("token")))
		s.must(s.CreateAccount(s.ctx, s.account, s.activity(latchkey.ActAccountCreated)))
		before := s.verified()
		_, err := s.first("token")
		s.refused(err, "already_set_up")
		s.same(s.verified(), before)
	})
}

func TestASetUpLinkExpires(t *testing.T) {
	onEach(t, func(s *suite) {
		s.empty()
		s.must(s.OpenSetup(s.ctx, s.setup("token")))
		s.pass(30 * time.Minute)
		_, err := s.first("token")
		s.refused(err, "invalid_link")
	})
}

// A database of the version before gets what it lacks and keeps what it has.
func TestADatabaseOfTheVersionBeforeIsBroughtUpToDate(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		s.raw("DROP TABLE link")
		s.raw("DROP TABLE refused_hour")
		s.raw("DROP TABLE gateway_node")
		s.raw("DROP TABLE operator_session")
		s.raw("DROP INDEX api_key_rev")
		for _, column := range []string{"confirmed_rev", "replay_epoch", "replay_since", "oldest"} {
			s.raw("ALTER TABLE authority DROP COLUMN " + column)
		}
		s.raw("ALTER TABLE authority ADD COLUMN holder TEXT NOT NULL DEFAULT 'run_1'")
		s.raw("DELETE FROM goose_db_version WHERE version_id >= 3")
		s.must(s.Close())
		c := s.config()
		c.ReadOnly = true
		_, err := store.Open(s.ctx, c)
		s.says(err, "latchkey migrate")
		s.open()
		s.asked(s.owner.ID, "token")
		_, err = s.Key(s.ctx, s.account.ID, k.ID)
		s.must(err)
		s.verified()
	})
}

func TestTheNewestMigrationIsTheOneTheProgramKnows(t *testing.T) {
	files, err := os.ReadDir("migrations")
	if err != nil {
		t.Fatal(err)
	}
	last := 0
	for _, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		if n, err := strconv.Atoi(number); err == nil {
			last = max(last, n)
		}
	}
	s := newSuite(t, "sqlite:"+t.TempDir()+"/latchkey.db")
	if made := s.number("SELECT max(version_id) FROM goose_db_version"); made < int64(last) {
		t.Errorf("the database has version %d and there is a migration %d", made, last)
	}
	s.must(s.Close())
	c := s.config()
	c.ReadOnly = true // refuses any version but the one that it knows
	opened, err := store.Open(s.ctx, c)
	s.must(err)
	s.must(opened.Close())
}

func TestEveryRefusedCallIsCountedInItsHour(t *testing.T) {
	onEach(t, func(s *suite) {
		k, other := s.key("bot-1"), s.key("bot-2")
		note := func(id string, n int64) {
			s.must(s.NoteUse(s.ctx, []latchkey.KeyUse{{KeyID: id, Refused: n}}, nil))
		}
		note(k.ID, 3)
		note(k.ID, 4)
		note(other.ID, 1)
		note("lk_unknown", 9)
		note(other.ID, 0)
		s.pass(90 * time.Minute)
		note(k.ID, 5000) // more than are kept one by one
		got, err := s.RefusedHours(s.ctx, s.account.ID, start)
		s.must(err)
		s.same(got, map[string]map[time.Time]int64{
			k.ID: {start: 7, start.Add(time.Hour): 5000}, other.ID: {start: 1},
		})
		got, err = s.RefusedHours(s.ctx, s.account.ID, start.Add(time.Minute))
		s.must(err)
		s.same(got, map[string]map[time.Time]int64{k.ID: {start.Add(time.Hour): 5000}})
		got, err = s.RefusedHours(s.ctx, "acc_other", start)
		s.must(err)
		s.same(len(got), 0)
		s.clock.Store(start.Add(48 * time.Hour).UnixMicro())
		s.must(s.Housekeep(s.ctx))
		s.same(s.number("SELECT count(*) FROM refused_hour"), int64(1))
	})
}
