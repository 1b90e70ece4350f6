package store_test

import (
	"bytes"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The twin of TestWarningAtCommitMeansUnknown (fault 22): the driver alone takes
// the COMMIT whose wait for the standby was cancelled for a success, and the row
// is there, for as long as this primary is.
func TestTheDriverAloneTakesAWarningForSuccess(t *testing.T) {
	s := newSuite(t, server.Database(t))
	s.raw(`CREATE TABLE plain (id INT)`)
	s.raw(`CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'canceling wait for synchronous replication'; RETURN NULL; END $$`)
	s.raw(`CREATE CONSTRAINT TRIGGER warn AFTER INSERT ON plain DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn()`)
	db, err := pgx.Connect(s.ctx, s.url)
	s.must(err)
	defer db.Close(s.ctx)
	tx, err := db.Begin(s.ctx)
	s.must(err)
	_, err = tx.Exec(s.ctx, "INSERT INTO plain VALUES (1)")
	s.must(err)
	s.must(tx.Commit(s.ctx))
	s.same(s.number("SELECT count(*) FROM plain"), int64(1))
}

// The twin of TestDatabaseHoldsNoSecretInClear (fault 17): a secret that somebody
// writes into a column that is not sealed is found, on both databases.
func TestASecretInAnOpenColumnIsFound(t *testing.T) {
	onEach(t, func(s *suite) {
		s.canaries()
		s.key("a canary as a name")
		if !bytes.Contains(s.bytes(), []byte("canary")) {
			t.Error("the search does not look where the names are")
		}
	})
}
