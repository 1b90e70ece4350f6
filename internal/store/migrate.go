package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// outboxVersion is the migration that makes the job queue's table. It is Go
// code because that table, which is goqite's, differs between the engines.
const outboxVersion = 2

// rolesVersion is the migration that makes the role of gateway nodes, which
// SQLite has none of.
const rolesVersion = 5

// newest is the number of the newest migration that this program knows. A test
// compares it with the files.
const newest = 6

// migrate brings the tables up to date, forward only: each migration is one
// transaction. A database of a newer program is refused before anything is
// written, since nobody knows what this program would destroy in it.
func (e *engine) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	locked, err := e.oneMigrates()
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	provider, err := goose.NewProvider(e.dialect, e.write, files, locked,
		goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(
			goose.NewGoMigration(outboxVersion, &goose.GoFunc{RunTx: e.makeOutbox}, nil),
			goose.NewGoMigration(rolesVersion, &goose.GoFunc{RunTx: e.makeRoles}, nil)))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("the version of the database cannot be read: %w", err)
	}
	if current > target {
		return e.mayServe(ctx, current)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("the database cannot be brought up to date: %w", err)
	}
	return nil
}

// oneMigrates lets one of several processes that start at once go ahead; the
// others wait for it. A file has one process anyway.
func (e *engine) oneMigrates() (goose.ProviderOption, error) {
	if !e.shared {
		return goose.WithVerbose(false), nil
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60), lock.WithUnlockTimeout(1, 60))
	return goose.WithSessionLocker(locker), err
}

// checkVersion demands the version that this program knows, and writes
// nothing.
func (e *engine) checkVersion(ctx context.Context) error {
	var current sql.NullInt64
	err := e.read.QueryRowContext(ctx, "SELECT max(version_id) FROM goose_db_version").Scan(&current)
	switch {
	case err != nil:
		return fmt.Errorf("this is not a database of latchkey, or it cannot be read: %w", err)
	case current.Int64 > newest:
		return e.mayServe(ctx, current.Int64)
	case current.Int64 < newest:
		return fmt.Errorf("the database has version %d and this program needs %d: run latchkey migrate", current.Int64, newest)
	}
	return nil
}

// mayServe lets a program work with a database of a newer one when that says so:
// while nodes are replaced one after the other, the release before runs on. Such
// a migration only adds (CONTRIBUTING, "Migrations").
func (e *engine) mayServe(ctx context.Context, current int64) error {
	var oldest int64
	err := e.read.QueryRowContext(ctx, "SELECT oldest FROM authority WHERE id = 1").Scan(&oldest)
	if err != nil || oldest > newest {
		return newer(current, newest)
	}
	return nil
}

// newer says what to do with a database from the future.
func newer(current, known int64) error {
	return fmt.Errorf("the database has version %d and this program knows only %d: start the newer program that made it, or restore a backup from before", current, known)
}

// makeOutbox makes the table of the job queue.
func (e *engine) makeOutbox(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, e.outbox)
	return err
}

// The table of goqite v0.4.0 (schema_sqlite.sql, schema_postgres.sql), without
// the triggers that keep a column nobody reads, and without the extension
// pgcrypto, which needs a superuser.
const (
	outboxSQLite = `
CREATE TABLE goqite (
    id       TEXT PRIMARY KEY DEFAULT ('m_' || lower(hex(randomblob(16)))),
    created  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    updated  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    queue    TEXT NOT NULL,
    body     BLOB NOT NULL,
    timeout  TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
    received INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX goqite_queue_priority_created_idx ON goqite (queue, priority DESC, created);`

	outboxPostgres = `
CREATE TABLE goqite (
    id       TEXT PRIMARY KEY DEFAULT ('m_' || gen_random_uuid()),
    created  TIMESTAMPTZ NOT NULL DEFAULT now(),
    updated  TIMESTAMPTZ NOT NULL DEFAULT now(),
    queue    TEXT NOT NULL,
    body     BYTEA NOT NULL,
    timeout  TIMESTAMPTZ NOT NULL DEFAULT now(),
    received INTEGER NOT NULL DEFAULT 0,
    priority INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX goqite_queue_priority_created_idx ON goqite (queue, priority DESC, created);`
)
