package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// outboxVersion is the migration that makes the job queue's table. It is Go
// code because that table, which is goqite's, differs between the engines.
const outboxVersion = 2

// newest is the number of the newest migration that this program knows. A test
// compares it with the files.
const newest = 3

// migrate brings the tables up to date, forward only: each migration is one
// transaction. A database of a newer program is refused before anything is
// written, since nobody knows what this program would destroy in it.
func (e *engine) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	provider, err := goose.NewProvider(e.dialect, e.write, files,
		goose.WithDisableGlobalRegistry(true),
		goose.WithGoMigrations(goose.NewGoMigration(outboxVersion, &goose.GoFunc{RunTx: e.makeOutbox}, nil)))
	if err != nil {
		return fmt.Errorf("migrations: %w", err)
	}
	current, target, err := provider.GetVersions(ctx)
	if err != nil {
		return fmt.Errorf("the version of the database cannot be read: %w", err)
	}
	if current > target {
		return newer(current, target)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("the database cannot be brought up to date: %w", err)
	}
	return nil
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
		return newer(current.Int64, newest)
	case current.Int64 < newest:
		return fmt.Errorf("the database has version %d and this program needs %d: run latchkey migrate", current.Int64, newest)
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
