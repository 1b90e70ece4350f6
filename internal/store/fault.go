package store

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"

	"latchkey"
)

// What the callers are to see. All mean that nothing was changed.
var (
	errAccountExists = latchkey.Errorf(latchkey.KindConflict, "account_exists", "there is an account of that name already")
	errMemberExists  = latchkey.Errorf(latchkey.KindConflict, "member_exists", "somebody has that e-mail address already")
	errOwnerExists   = latchkey.Errorf(latchkey.KindConflict, "owner_exists", "the account has its owner already; add a subuser")
	errOwnerStays    = latchkey.Errorf(latchkey.KindConflict, "owner_stays", "the owner cannot be removed from the account")
	errNameTaken     = latchkey.Errorf(latchkey.KindConflict, "name_taken", "another key of this account has that name; choose another")
	errTooManyKeys   = latchkey.Errorf(latchkey.KindLimit, "too_many_keys", "the account has as many keys as it may have; delete one that is not needed")
	errClosed        = latchkey.Errorf(latchkey.KindConflict, "pending_closed", "this cannot be confirmed any more; nothing was changed")
	errCodeReplaced  = latchkey.Errorf(latchkey.KindConflict, "code_replaced", "a newer code was sent; use that one")
	errChanged       = latchkey.Errorf(latchkey.KindConflict, "pending_changed", "another code was asked for at the same time; use the newest")
	errCodeUsed      = latchkey.Errorf(latchkey.KindConflict, "code_used", "this code was used already; wait for the next one")
	errFactorsMoved  = latchkey.Errorf(latchkey.KindConflict, "factors_changed", "a second factor was enrolled in the meantime; start anew")
	errLastFactor    = latchkey.Errorf(latchkey.KindConflict, "last_factor", "this is the only factor; add another one before you remove it")
	errFactorGone    = latchkey.Errorf(latchkey.KindConflict, "factor_not_found", "this second factor was removed in the meantime")
	errSetUp         = latchkey.Errorf(latchkey.KindConflict, "already_set_up", "there is an account already; sign in, or ask who runs the platform")
	errKeyReused     = latchkey.Errorf(latchkey.KindConflict, "idempotency_key_reused", "this Idempotency-Key was sent with another request; take a new one")

	errUnavailable = latchkey.Errorf(latchkey.KindUnavailable, "store_unavailable", "the database cannot be written now; nothing was changed; try again")
	errFull        = latchkey.Errorf(latchkey.KindUnavailable, "store_unavailable", "the disk of the database is full; nothing was changed; whoever runs the platform must make room there")
	errReadOnly    = latchkey.Errorf(latchkey.KindUnavailable, "read_only", "the database was opened to read only")
)

// errWarned is no *latchkey.Error: the outcome is unknown.
var errWarned = errors.New("commit, outcome unknown: the server answered with a warning")

// unique says which error a person sees for which unique index. PostgreSQL
// names the index, SQLite the columns.
var unique = []struct {
	index   string
	columns string
	err     *latchkey.Error
}{
	{"account_name", "account.name", errAccountExists},
	{"member_email", "member.email", errMemberExists},
	{"member_owner", "member.account_id", errOwnerExists},
	{"api_key_name", "api_key.account_id, api_key.name", errNameTaken},
}

// refine turns the violation of a known unique index into its own error and
// leaves all others alone: an error that nobody expected must not look like a
// refusal.
func refine(err error) error {
	for _, u := range unique {
		if violates(err, u.index, u.columns) {
			return u.err
		}
	}
	return err
}

// uniqueViolation is SQLITE_CONSTRAINT_UNIQUE.
const uniqueViolation = 2067

// violates reports whether err is the violation of that index. The text of
// SQLite is compared to its end, since one list of columns may begin another.
func violates(err error, index, columns string) bool {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return pg.Code == "23505" && pg.ConstraintName == index
	}
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code() == uniqueViolation &&
		strings.Contains(lite.Error(), "UNIQUE constraint failed: "+columns+" (")
}

// full reports whether a statement failed for want of room on the disk.
func full(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "53100" || fullLite(err)
}

// sqliteFull is SQLITE_FULL.
const sqliteFull = 13

// fullLite is full for SQLite, at a COMMIT too: the frame that commits is the
// last one that is written to the log, so when there was no room for all, there
// was none for that, and the transaction is undone. The commit of PostgreSQL may
// have got further.
func fullLite(err error) bool {
	lite, ok := errors.AsType[*sqlite.Error](err)
	return ok && lite.Code()&0xff == sqliteFull
}
