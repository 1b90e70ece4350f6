package store_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"latchkey"
	"latchkey/internal/seal"
	"latchkey/internal/store"
)

// says demands an error with that text in it.
func (s *suite) says(err error, text string) {
	s.t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		s.t.Fatalf("error = %v, must say %q", err, text)
	}
}

// unknown demands an error that claims nothing about what happened.
func (s *suite) unknown(err error) {
	s.t.Helper()
	if err == nil || latchkey.Code(err) != "" {
		s.t.Fatalf("error = %v, want one that is no *latchkey.Error", err)
	}
}

func TestSecondOpenOfOneFileIsRefused(t *testing.T) {
	s := newSuite(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	_, err := store.Open(s.ctx, s.config())
	s.says(err, "another latchkey")
	s.must(s.Health(s.ctx))
	s.key("bot-1") // the first one still writes
	s.must(s.Close())
	s.open()
	keys, err := s.Keys(s.ctx, s.account.ID)
	s.must(err)
	s.same(len(keys), 1)
}

func TestDatabaseOfANewerProgramIsRefused(t *testing.T) {
	onEach(t, func(s *suite) {
		s.must(s.Close())
		s.raw("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, TRUE)")
		s.raw("UPDATE authority SET oldest = 999")
		before := s.seal()
		_, err := store.Open(s.ctx, s.config())
		s.says(err, "version 999")
		c := s.config()
		c.ReadOnly = true
		_, err = store.Open(s.ctx, c)
		s.says(err, "version 999")
		s.same(s.seal(), before)
	})
}

// While nodes are replaced one after the other, the release before works on the
// database of the new one.
func TestDatabaseOfANewerProgramThatAllowsItIsUsed(t *testing.T) {
	onEach(t, func(s *suite) {
		s.must(s.Close())
		s.raw("INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, TRUE)")
		s.open()
		s.key("bot-1")
		c := s.config()
		c.ReadOnly = true
		beside, err := store.Open(s.ctx, c)
		s.must(err)
		s.must(beside.Close())
	})
}

// seal is what a start with another keyset would have written anew.
func (s *suite) seal() (check []byte) {
	s.must(s.database().QueryRowContext(s.ctx, "SELECT seal_check FROM authority").Scan(&check))
	return check
}

func TestForeignKeysetIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	onEach(t, func(s *suite) {
		s.must(s.Close())
		before := s.seal()
		other, err := seal.LoadOrMake(filepath.Join(t.TempDir(), "other.json"))
		s.must(err)
		for _, readOnly := range []bool{false, true} {
			c := s.config()
			c.Seal, c.ReadOnly = other, readOnly
			_, err = store.Open(s.ctx, c)
			s.says(err, "keyset")
		}
		s.same(s.seal(), before)
		s.open() // and the right one still opens
	})
}

func TestReadOnlyReadsBesideAServerAndWritesNothing(t *testing.T) {
	onEach(t, func(s *suite) {
		k := s.key("bot-1")
		c := s.config()
		c.ReadOnly = true
		beside, err := store.Open(s.ctx, c)
		s.must(err)
		defer beside.Close()
		s.must(beside.Health(s.ctx))
		got, err := beside.KeyByID(s.ctx, k.ID)
		s.must(err)
		s.same(got, k)
		n, err := beside.VerifyActivity(s.ctx)
		s.must(err)
		s.same(n, int64(4))
		s.refused(beside.Record(s.ctx, s.activity(latchkey.ActSignedOut)), "read_only")
		s.same(s.verified(), int64(4))
	})
}

func TestReadOnlyMakesNoDatabase(t *testing.T) {
	onEach(t, func(s *suite) {
		c := s.config()
		c.ReadOnly = true
		c.URL = "sqlite:" + filepath.Join(t.TempDir(), "none.db")
		if s.onPostgres() {
			c.URL = server.Database(t)
		}
		if _, err := store.Open(s.ctx, c); err == nil {
			t.Fatal("an empty database was opened to read only")
		}
		if path, ok := strings.CutPrefix(c.URL, "sqlite:"); ok {
			if _, err := os.Stat(path); err == nil {
				t.Fatal("a file was made")
			}
		}
	})
}

func TestBadConfigurationIsRefused(t *testing.T) {
	s := newSuite(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	for url, says := range map[string]string{
		"mysql://user:canary@host/db":        "postgres://",
		"sqlite::memory:":                    "must be a file",
		"sqlite:":                            "must be a file",
		"postgres://user:canary@host:bad/db": "cannot be read",
	} {
		c := s.config()
		c.URL = url
		_, err := store.Open(s.ctx, c)
		s.says(err, says)
		if strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: the error shows the password", says)
		}
	}
	c := s.config()
	c.Seal = nil
	_, err := store.Open(s.ctx, c)
	s.says(err, "must be set")
}

func TestDatabasePathMayHoldAnyCharacter(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c%20#d", "x.db")
	s := newSuite(t, "sqlite:"+filepath.Join(t.TempDir(), "a.db"))
	c := s.config()
	c.URL = path
	opened, err := store.Open(s.ctx, c)
	s.must(err)
	s.must(opened.Close())
	for _, name := range []string{path, path + ".lock"} {
		info, err := os.Stat(name)
		s.must(err)
		s.same(info.Mode(), fs.FileMode(0o600))
	}
}

func TestCancelledContextIsNoPromise(t *testing.T) {
	onEach(t, func(s *suite) {
		before := s.verified()
		ctx, cancel := context.WithCancel(s.ctx)
		cancel()
		s.unknown(s.Record(ctx, s.activity(latchkey.ActSignedOut)))
		_, err := s.Apply(ctx, s.creation(s.newKey("bot-1")))
		s.unknown(err)
		s.same(s.verified(), before)
	})
}

// Fault 22. The synchronous standby is away, and an administrator cancels the
// commit that waits for it: PostgreSQL answers with success and a warning, and a
// failover forgets the change. To tell the owner "deactivated" would be a lie.
func TestWarningAtCommitMeansUnknown(t *testing.T) {
	s := newSuite(t, server.Database(t))
	// A warning while the COMMIT runs, as of a cancelled wait for a standby.
	s.raw(`CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; RETURN NULL; END $$`)
	s.raw(`CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON activity DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()`)
	s.unknown(s.Record(s.ctx, s.activity(latchkey.ActSignedOut)))
}

func TestConnectionThatBreaksAtCommitMeansUnknown(t *testing.T) {
	s := newSuite(t, server.Database(t))
	s.raw(`CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$`)
	s.raw(`CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON activity DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut()`)
	s.unknown(s.Record(s.ctx, s.activity(latchkey.ActSignedOut)))
	s.raw("DROP TRIGGER cut ON activity")
	s.must(s.Record(s.ctx, s.activity(latchkey.ActSignedOut))) // on another connection
	s.same(s.verified(), int64(4))
}

func TestTransactionThatWasBrokenOffRunsAgain(t *testing.T) {
	s := newSuite(t, server.Database(t))
	s.raw("CREATE SEQUENCE tries MINVALUE -1000 START 1")
	s.raw(`CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
		IF nextval('tries') < 4 THEN RAISE EXCEPTION 'deadlock' USING ERRCODE = '40P01'; END IF; RETURN NULL; END $$`)
	s.raw("CREATE TRIGGER collide AFTER INSERT ON activity FOR EACH ROW EXECUTE FUNCTION collide()")
	s.must(s.Record(s.ctx, s.activity(latchkey.ActSignedOut), latchkey.Letter{Kind: latchkey.LetterNotice}))
	s.same(s.verified(), int64(4))
	s.same(s.number("SELECT count(*) FROM goqite"), int64(1))
	s.raw("ALTER SEQUENCE tries RESTART WITH -1000")
	s.unknown(s.Record(s.ctx, s.activity(latchkey.ActSignedOut))) // not for ever
	s.same(s.verified(), int64(4))
}

func TestServerThatMayForgetIsRefused(t *testing.T) {
	s := newSuite(t, server.Database(t))
	c := s.config()
	c.URL += "&synchronous_commit=off"
	_, err := store.Open(s.ctx, c)
	s.says(err, "synchronous_commit")
}
