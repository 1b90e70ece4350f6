package store

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
	"maragu.dev/goqite"
)

// engine is what differs between SQLite and PostgreSQL. All other code of the
// package is the same for both.
type engine struct {
	dialect  goose.Dialect
	flavor   goqite.SQLFlavor
	outbox   string // DDL of the job queue's table
	write    *sql.DB
	read     *sql.DB
	readOnly bool
	shared   bool            // more than one process may use it at once
	config   *pgx.ConnConfig // of connections beside the pool; nil for SQLite
	options  *sql.TxOptions  // of a transaction that writes
	// warnings counts what the server said beside its answers. One that comes
	// with a COMMIT makes its outcome unknown.
	warnings atomic.Int64
	close    func() error
}

// openEngine opens the database of the URL.
func openEngine(ctx context.Context, c Config) (*engine, error) {
	scheme, rest, found := strings.Cut(c.URL, ":")
	switch {
	case c.URL == "":
		return openSQLite(ctx, "latchkey.db", c.ReadOnly)
	case found && (scheme == "postgres" || scheme == "postgresql"):
		return openPostgres(ctx, c)
	case found && scheme == "sqlite":
		return openSQLite(ctx, strings.TrimPrefix(rest, "//"), c.ReadOnly)
	case found && strings.HasPrefix(rest, "//"):
		// The URL is not quoted: it may hold a password.
		return nil, errors.New("the database URL must begin with postgres:// or sqlite:, or be the path of a file")
	}
	return openSQLite(ctx, c.URL, c.ReadOnly)
}
