package store_test

import (
	"context"
	"database/sql"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/testenv/postgres"
)

// server is set by TestMain before any test runs.
var server *postgres.Server

func TestMain(m *testing.M) {
	os.Exit(postgres.Main(m, func(s *postgres.Server) { server = s }))
}

// start is the moment at which the clock of every test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// suite is an open store on one engine, with an account, its owner and a full
// session of the owner.
type suite struct {
	*store.Store
	t       *testing.T
	ctx     context.Context
	url     string
	keyset  string
	box     *seal.Box
	clock   *atomic.Int64
	account latchkey.Account
	owner   latchkey.Member
	session latchkey.Session
	beside  *sql.DB // see database
}

// onEach runs a test on SQLite and on PostgreSQL, each with a new database.
func onEach(t *testing.T, test func(s *suite)) {
	t.Helper()
	t.Parallel() // a database is made while another test runs
	t.Run("SQLite", func(t *testing.T) {
		test(newSuite(t, "sqlite:"+filepath.Join(t.TempDir(), "data", "latchkey.db")))
	})
	t.Run("PostgreSQL", func(t *testing.T) { test(newSuite(t, server.Database(t))) })
}

func newSuite(t *testing.T, url string) *suite {
	t.Helper()
	s := &suite{t: t, ctx: t.Context(), url: url, keyset: filepath.Join(t.TempDir(), "keyset.json"), clock: new(atomic.Int64)}
	s.clock.Store(start.UnixMicro())
	box, err := seal.LoadOrMake(s.keyset)
	s.must(err)
	s.box = box
	s.open()
	s.seed()
	return s
}

// open opens the store and closes it at the end of the test.
func (s *suite) open() {
	s.t.Helper()
	opened, err := store.Open(s.ctx, s.config())
	s.must(err)
	s.Store = opened
	s.t.Cleanup(func() { opened.Close() })
}

func (s *suite) config() store.Config {
	return store.Config{URL: s.url, Seal: s.box, Now: s.now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
}

func (s *suite) seed() {
	s.t.Helper()
	s.account = latchkey.Account{ID: latchkey.NewID("acc"), Name: "Northwind", CreatedAt: s.now()}
	s.must(s.CreateAccount(s.ctx, s.account, s.activity(latchkey.ActAccountCreated)))
	s.owner = s.member("owner@example.com", latchkey.RoleOwner)
	s.session = s.signIn(s.owner, true)
}

func (s *suite) now() time.Time { return time.UnixMicro(s.clock.Load()).UTC() }

func (s *suite) pass(d time.Duration) { s.clock.Add(d.Microseconds()) }

func (s *suite) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// refused demands an *Error of that code.
func (s *suite) refused(err error, code string) {
	s.t.Helper()
	if got := latchkey.Code(err); got != code || err == nil {
		s.t.Fatalf("error = %v (code %q), want code %q", err, got, code)
	}
}

func (s *suite) same(got, want any) {
	s.t.Helper()
	exact := cmp.Comparer(func(a, b latchkey.Allowlist) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, got, exact); diff != "" {
		s.t.Fatalf("differs (-want +got):\n%s", diff)
	}
}

// activity is an entry of the owner.
func (s *suite) activity(kind latchkey.ActivityType) latchkey.Activity {
	act := latchkey.NewActivity(s.now(), latchkey.Actor{Source: latchkey.SourceConsole, AccountID: s.account.ID, MemberID: s.owner.ID, IP: "192.0.2.7"}, kind)
	act.Subject = string(kind)
	return act
}

func (s *suite) member(email string, role latchkey.Role) latchkey.Member {
	s.t.Helper()
	m := latchkey.Member{ID: latchkey.NewID("mem"), AccountID: s.account.ID, Email: email, Role: role, CreatedAt: s.now()}
	s.must(s.AddMember(s.ctx, m, "hash of "+email, s.activity(latchkey.ActMemberAdded)))
	return m
}

func (s *suite) signIn(m latchkey.Member, full bool) latchkey.Session {
	s.t.Helper()
	x := latchkey.Session{ID: latchkey.NewID("ses"), MemberID: m.ID, Full: full, IP: "192.0.2.7", UserAgent: "test",
		CreatedAt: s.now(), LastSeen: s.now(), EndsAt: s.now().Add(24 * time.Hour)}
	s.must(s.StartSession(s.ctx, x, "token of "+x.ID, nil, s.activity(latchkey.ActSignedIn)))
	return x
}

// pending is an operation of the owner that waits for an SMS code.
func (s *suite) pending(op latchkey.Operation, k latchkey.Key) latchkey.Pending {
	p := latchkey.Pending{
		ID: latchkey.NewID("pen"), AccountID: s.account.ID, MemberID: s.owner.ID, SessionID: s.session.ID,
		Operation: op, KeyID: k.ID, KeyVersion: k.Version, State: latchkey.PendingOpen, Proof: latchkey.ProofFor(op),
		Draft: latchkey.Draft{KeyName: k.Name, Permissions: k.Permissions, Allowlist: k.Allowlist, Summary: string(op) + " key",
			Changes: []latchkey.Change{{Field: "permissions", Old: "Read", New: "Read, Trade"}}},
		FactorKind: latchkey.FactorSMS, FactorID: "fac_1", Sends: 1, CodeSentAt: s.now(), Code: "code-canary-123456",
		CreatedAt: s.now(), ExpiresAt: s.now().Add(15 * time.Minute),
	}
	p.Digest = p.ContentDigest()
	return p
}

// opened is a pending that stands in the database.
func (s *suite) opened(op latchkey.Operation, k latchkey.Key) latchkey.Pending {
	s.t.Helper()
	p := s.pending(op, k)
	_, repeated, err := s.OpenPending(s.ctx, latchkey.Opening{Pending: p, Activity: s.activity(latchkey.ActPendingOpened)})
	s.must(err)
	if repeated {
		s.t.Fatal("a new pending is reported as repeated")
	}
	return p
}

// newKey is a key that is not written yet.
func (s *suite) newKey(name string) latchkey.Key {
	s.t.Helper()
	list, err := latchkey.NewAllowlist([]string{"192.0.2.7", "198.51.100.0/24"})
	s.must(err)
	return latchkey.Key{ID: latchkey.NewKeyID(), AccountID: s.account.ID, Name: name, Permissions: latchkey.Read | latchkey.Trade,
		Allowlist: list, Status: latchkey.StatusInactive, Version: 1, CreatedAt: s.now(), UpdatedAt: s.now()}
}

// creation is the deed that writes a new key.
func (s *suite) creation(k latchkey.Key) latchkey.Deed {
	act := s.activity(latchkey.ActKeyCreated)
	act.KeyID = k.ID
	return latchkey.Deed{At: s.now(), Key: &k, Secret: latchkey.Secret("secret-canary-of-" + k.ID), KeysMost: 5, Activity: act}
}

// key writes a new key.
func (s *suite) key(name string) latchkey.Key {
	s.t.Helper()
	k := s.newKey(name)
	_, err := s.Apply(s.ctx, s.creation(k))
	s.must(err)
	return k
}

// move is the deed that takes a key to its next version by an operation.
func (s *suite) move(k latchkey.Key, op latchkey.Operation, p *latchkey.Pending) latchkey.Deed {
	s.t.Helper()
	next, err := k.Moved(op, s.now())
	s.must(err)
	act := s.activity(latchkey.ActKeyEdited)
	act.KeyID = k.ID
	return latchkey.Deed{At: s.now(), Pending: p, Key: &next, KeyFrom: k.Version, Activity: act}
}

// raw runs one statement beside the store, as somebody could who has the
// database but not the program.
func (s *suite) raw(statement string, args ...any) {
	s.t.Helper()
	_, err := s.database().ExecContext(s.ctx, statement, args...)
	s.must(err)
}

// number reads one number beside the store.
func (s *suite) number(query string, args ...any) (n int64) {
	s.t.Helper()
	s.must(s.database().QueryRowContext(s.ctx, query, args...).Scan(&n))
	return n
}

// database is a second way in, past the store.
func (s *suite) database() *sql.DB {
	s.t.Helper()
	if s.beside != nil {
		return s.beside
	}
	driver, source := "pgx", s.url
	if path, ok := strings.CutPrefix(s.url, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	s.must(err)
	s.t.Cleanup(func() { db.Close() })
	s.beside = db
	return db
}

// onPostgres reports which engine the test runs on.
func (s *suite) onPostgres() bool { return strings.HasPrefix(s.url, "postgres:") }

// verified demands a whole chain and returns its length.
func (s *suite) verified() int64 {
	s.t.Helper()
	n, err := s.VerifyActivity(s.ctx)
	s.must(err)
	return n
}
