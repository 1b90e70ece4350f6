package store_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"latchkey"
)

// queued lets acts begin, in their order, while somebody else holds the row that
// every act needs; then it lets go. All but the first wait for the second
// commit. It returns what each was answered.
func (s *suite) queued(acts ...func() error) []error {
	s.t.Helper()
	release := s.holdAuthority()
	errs := make([]error, len(acts))
	var all sync.WaitGroup
	for i, act := range acts {
		all.Go(func() { errs[i] = act() })
		s.settled(i)
	}
	release()
	all.Wait()
	return errs
}

// settled waits until that many acts wait behind the first.
func (s *suite) settled(n int) {
	s.t.Helper()
	s.until(func() bool { return s.Waiting() == n })
}

// until waits for what does not tell when it is so.
func (s *suite) until(so func() bool) {
	s.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for range 10_000 {
		if so() {
			return
		}
		<-tick.C
	}
	s.t.Fatal("waited in vain")
}

// blocked are the connections to the test's database that wait for a row.
const blocked = "datname = current_database() AND wait_event_type = 'Lock'"

// holdAuthority takes the authority row beside the store.
func (s *suite) holdAuthority() (release func()) {
	s.t.Helper()
	conn, err := s.database().Conn(s.ctx)
	s.must(err)
	begin := "BEGIN IMMEDIATE"
	if s.onPostgres() {
		begin = "BEGIN; SELECT rev FROM authority FOR UPDATE"
	}
	_, err = conn.ExecContext(s.ctx, begin)
	s.must(err)
	return func() {
		_, err := conn.ExecContext(context.WithoutCancel(s.ctx), "ROLLBACK")
		s.must(errors.Join(err, conn.Close()))
	}
}

// note is an act that is refused by nobody.
func (s *suite) note() error { return s.Record(s.ctx, s.activity(latchkey.ActRefused)) }

// TestARefusedActLeavesTheOthersOfItsCommit has one in the middle that is refused
// after it has written: its pending was closed and its key had a new revision.
func TestARefusedActLeavesTheOthersOfItsCommit(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		p := s.opened(latchkey.OpEdit, k)
		late := s.move(k, latchkey.OpEdit, &p)
		late.KeyFrom, late.Key.Version = 7, 8
		wrong := s.activity("")
		before, rev := s.verified(), s.number("SELECT rev FROM authority")
		errs := s.queued(s.note, s.note,
			func() error { _, err := s.Apply(s.ctx, late); return err },
			s.note,
			func() error { return s.Record(s.ctx, wrong) },
			func() error { _, err := s.Apply(s.ctx, s.creation(s.newKey("bot-1"))); return err },
			func() error { _, err := s.Apply(s.ctx, s.creation(s.newKey("bot-2"))); return err })
		for _, i := range []int{0, 1, 3, 6} {
			s.must(errs[i])
		}
		s.refused(errs[2], "key_changed")
		s.unknown(errs[4])
		s.refused(errs[5], "name_taken")
		s.same(s.verified(), before+4)
		s.same(s.number("SELECT rev FROM authority"), rev+1)
		s.same(s.number("SELECT max(rev) FROM key_change"), rev+1)
		s.same(s.number("SELECT max(rev) FROM api_key"), rev+1)
		open, err := s.Pending(s.ctx, p.ID)
		s.must(err)
		s.same(open.State, latchkey.PendingOpen)
	})
}

func TestAnActSeesTheOnesBeforeItInItsCommit(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		p := s.opened(latchkey.OpEdit, k)
		edit := s.move(k, latchkey.OpEdit, &p)
		apply := func() error { _, err := s.Apply(s.ctx, edit); return err }
		errs := s.queued(s.note, apply, apply, apply)
		s.must(errs[1])
		s.refused(errs[2], "pending_closed")
		s.refused(errs[3], "pending_closed")
		s.verified()
	})
}

func TestActsThatWaitShareACommit(t *testing.T) {
	s := newSuite(t, server.Database(t))
	before := s.verified()
	var acts []func() error
	for range 40 {
		acts = append(acts, s.note)
	}
	for _, err := range s.queued(acts...) {
		s.must(err)
	}
	s.same(s.verified(), before+40)
	// xmin is the transaction that wrote the row: the first alone, then 32, then 7.
	s.same(s.number("SELECT count(DISTINCT xmin::text) FROM activity WHERE seq > $1", before), int64(3))
}

// TestNobodyIsAnsweredBeforeTheCommit makes the commit itself fail. Who was
// refused must not hear of the refusal either: it may have been for the sake of
// what is gone.
func TestNobodyIsAnsweredBeforeTheCommit(t *testing.T) {
	s := newSuite(t, server.Database(t))
	create := func() error { _, err := s.Apply(s.ctx, s.creation(s.newKey("bot-1"))); return err }
	s.raw(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not now'; END $$`)
	s.raw(`CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON api_key DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()`)
	before := s.verified()
	errs := s.queued(s.note, s.note, create, create, s.note)
	s.must(errs[0])
	for _, err := range errs[1:] {
		s.unknown(err)
	}
	s.same(s.verified(), before+1)
	s.raw("DROP TRIGGER refuse ON api_key")
	s.must(create())
}

func TestWhoLeavesWhileWaitingWritesNothing(t *testing.T) {
	onEach(t, func(s *suite) {
		before := s.verified()
		ctx, leave := context.WithCancel(s.ctx)
		release := s.holdAuthority()
		errs := make([]error, 3)
		var first, others sync.WaitGroup
		first.Go(func() { errs[0] = s.note() })
		s.settled(0)
		others.Go(func() { errs[1] = s.Record(ctx, s.activity(latchkey.ActRefused)) })
		s.settled(1)
		leave()
		others.Wait()
		others.Go(func() { errs[2] = s.note() })
		s.settled(1)
		release()
		first.Wait()
		others.Wait()
		s.same(errors.Is(errs[1], context.Canceled), true)
		s.must(errors.Join(errs[0], errs[2]))
		s.same(s.verified(), before+2)
	})
}

// TestWhoLeavesWhileItIsWrittenHearsTheOutcome has callers leave whose
// acts are written, in a transaction that waits for a row of the act after them.
func TestWhoLeavesWhileItIsWrittenHearsTheOutcome(t *testing.T) {
	s := newSuite(t, server.Database(t))
	p := s.opened(latchkey.OpEdit, s.key("bot-1"))
	before := s.verified()
	row, err := s.database().BeginTx(s.ctx, nil)
	s.must(err)
	_, err = row.ExecContext(s.ctx, "SELECT id FROM pending WHERE id = $1 FOR UPDATE", p.ID)
	s.must(err)
	ctx, leave := context.WithCancel(s.ctx)
	release := s.holdAuthority()
	errs := make([]error, 4)
	answered := make(chan struct{})
	var others sync.WaitGroup
	others.Go(func() { errs[0] = s.note() })
	s.settled(0)
	// The next one writes for those behind it, and leaves, too.
	others.Go(func() { errs[1] = s.Record(ctx, s.activity(latchkey.ActRefused)) })
	s.settled(1)
	go func() { errs[2] = s.Record(ctx, s.activity(latchkey.ActRefused)); close(answered) }()
	s.settled(2)
	others.Go(func() {
		errs[3] = s.ClosePending(s.ctx, p.ID, latchkey.PendingCancelled, s.activity(latchkey.ActPendingCancelled))
	})
	s.settled(3)
	release()
	s.settled(0) // the second transaction has begun
	s.until(func() bool { return s.number("SELECT count(*) FROM pg_stat_activity WHERE "+blocked) == 1 })
	leave()
	select {
	case <-answered:
		t.Error("who left was answered before the commit")
	case <-time.After(50 * time.Millisecond):
	}
	s.must(row.Rollback())
	others.Wait()
	<-answered
	s.must(errors.Join(errs...))
	s.same(s.verified(), before+4)
}

// TestActsThatTheDatabaseBreaksOffRunAgain breaks them off in the last but one, as
// a deadlock does: that is the fault of none of them.
func TestActsThatTheDatabaseBreaksOffRunAgain(t *testing.T) {
	s := newSuite(t, server.Database(t))
	k := s.key("bot-1")
	p, other := s.opened(latchkey.OpEdit, k), s.opened(latchkey.OpDelete, k)
	edit := s.move(k, latchkey.OpEdit, &p)
	before := s.verified()
	s.raw(`CREATE SEQUENCE broken`) // a sequence goes on, whatever is undone
	s.raw(`CREATE FUNCTION break_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF NEW.state = 'cancelled' AND nextval('broken') = 1 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF;
		RETURN NEW; END $$`)
	s.raw(`CREATE TRIGGER break_off BEFORE UPDATE ON pending FOR EACH ROW EXECUTE FUNCTION break_off()`)
	apply := func() error { _, err := s.Apply(s.ctx, edit); return err }
	cancel := func() error {
		return s.ClosePending(s.ctx, other.ID, latchkey.PendingCancelled, s.activity(latchkey.ActPendingCancelled))
	}
	errs := s.queued(s.note, apply, cancel, apply)
	s.must(errors.Join(errs[:3]...))
	s.refused(errs[3], "pending_closed")
	s.same(s.verified(), before+3)
	s.same(s.number("SELECT last_value FROM broken"), int64(2))
}

// TestADiskWithoutRoomUndoesAllThatShareACommit has one in the middle for which
// there is no room: SQLite undoes the whole transaction then.
func TestADiskWithoutRoomUndoesAllThatShareACommit(t *testing.T) {
	s := newSuite(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"))
	p := s.opened(latchkey.OpCreate, s.newKey("bot-1"))
	before := s.verified()
	s.must(s.SetMostPages(1)) // as many as there are
	errs := s.queued(s.note, s.note,
		func() error {
			return s.Resend(s.ctx, withCode(p, strings.Repeat("1", 50_000)), 1, s.activity(latchkey.ActCodeSent), nil)
		},
		s.note)
	s.must(errs[0])
	for _, err := range errs[1:] {
		s.refused(err, "store_unavailable")
	}
	s.same(s.verified(), before+1)
}

// withCode is the pending as a resend writes it.
func withCode(p latchkey.Pending, code string) latchkey.Pending {
	p.Sends, p.Code = p.Sends+1, latchkey.Secret(code)
	return p
}

func TestADatabaseThatIsGoneAnswersAllWhoWait(t *testing.T) {
	s := newSuite(t, server.Database(t))
	release := s.holdAuthority()
	errs := make([]error, 6)
	var all sync.WaitGroup
	for i := range errs {
		all.Go(func() { errs[i] = s.note() })
		s.settled(i)
	}
	ended := make(chan struct{})
	go func() { all.Wait(); close(ended) }()
	// The connection of the one who writes is cut, time and again, for all who
	// follow.
	for gone := false; !gone; {
		s.raw("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE " + blocked)
		select {
		case <-ended:
			gone = true
		case <-time.After(10 * time.Millisecond):
		}
	}
	release()
	for i, err := range errs {
		if err == nil {
			t.Errorf("act %d is acknowledged", i)
		}
	}
	before := s.verified()
	s.must(s.note())
	s.same(s.verified(), before+1)
}

// TestManyActsAtOnceKeepTheChainAndTheRevisions mixes what succeeds, what is
// refused and who leaves.
func TestManyActsAtOnceKeepTheChainAndTheRevisions(t *testing.T) {
	onEach(t, func(s *suite) {
		before, rev := s.verified(), s.number("SELECT rev FROM authority")
		others := []latchkey.Account{}
		for i := range 8 {
			a := latchkey.Account{ID: latchkey.NewID("acc"), Name: fmt.Sprint("other-", i), CreatedAt: s.now()}
			s.must(s.CreateAccount(s.ctx, a, s.activity(latchkey.ActAccountCreated)))
			others = append(others, a)
		}
		got := s.atOnce(160, func(i int) error {
			switch i % 4 {
			case 0:
				return s.note()
			case 1: // 5 of each account's 5 names are new, the others are taken
				k := s.newKey(fmt.Sprint("bot-", i/4%5))
				k.AccountID = others[i/4/5].ID
				_, err := s.Apply(s.ctx, s.creation(k))
				return err
			case 2:
				return s.ClosePending(s.ctx, "pen_unknown", latchkey.PendingCancelled, s.activity(latchkey.ActPendingCancelled))
			}
			_, err := s.Apply(s.ctx, s.creation(s.newKey("bot-1")))
			return err
		})
		s.same(got, map[string]int{"": 40 + 40 + 1, "not_found": 40, "name_taken": 39})
		s.same(s.verified(), before+8+40+40+1)
		s.same(s.number("SELECT rev FROM authority"), rev+41)
		s.same(s.number("SELECT count(DISTINCT rev) FROM key_change"), rev+41)
		s.same(s.number("SELECT max(rev) FROM api_key"), rev+41)
	})
}

func TestAPanicIsOfTheOneWhoseActItIs(t *testing.T) {
	onEach(t, func(s *suite) {
		before := s.verified()
		var fell any
		fall := func() error {
			defer func() { fell = recover() }()
			return s.Panic(s.ctx)
		}
		errs := s.queued(s.note, s.note, fall, s.note)
		s.must(errors.Join(errs...))
		s.same(fell, any("a bug"))
		s.same(s.verified(), before+3)
		fell = nil
		s.must(fall()) // alone
		s.same(fell, any("a bug"))
		s.must(s.note())
	})
}
