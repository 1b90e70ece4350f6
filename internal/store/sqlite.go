package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/pressly/goose/v3"
	"maragu.dev/goqite"
	"modernc.org/sqlite"
)

// readers is the number of connections that read at the same time as the one
// that writes.
const readers = 4

// openSQLite opens the file, making it when it does not exist. One connection
// writes, so writers wait in this process, in their order and as long as their
// contexts allow, instead of failing on the lock of the file.
func openSQLite(ctx context.Context, path string, readOnly bool) (*engine, error) {
	if path == "" || strings.HasPrefix(path, ":memory:") {
		return nil, errors.New("the database must be a file: what is kept in memory is lost with the program")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("the path of the database: %w", err)
	}
	e := &engine{dialect: goose.DialectSQLite3, flavor: goqite.SQLFlavorSQLite, outbox: outboxSQLite, readOnly: readOnly}
	if readOnly {
		return e, e.openReader(ctx, path)
	}
	unlock, err := lockFile(path)
	if err != nil {
		return nil, err
	}
	if err := e.openFile(ctx, path); err != nil {
		return nil, errors.Join(err, unlock())
	}
	e.close = func() error { return errors.Join(e.read.Close(), e.write.Close(), unlock()) }
	return e, nil
}

// openFile opens one connection that writes and a pool that reads.
// synchronous=FULL: an acknowledged change survives a loss of power.
// _txlock=immediate: a transaction that will write takes the lock at its
// begin, so it never fails half way for another one.
func (e *engine) openFile(ctx context.Context, path string) error {
	write, err := connectSQLite(ctx, path, 1, url.Values{"_txlock": {"immediate"}, "_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "secure_delete(1)"}})
	if err != nil {
		return err
	}
	read, err := connectSQLite(ctx, path, readers, readQuery())
	if err != nil {
		return errors.Join(err, write.Close())
	}
	e.write, e.read = write, read
	return nil
}

// openReader opens a database that another process may be using.
func (e *engine) openReader(ctx context.Context, path string) error {
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no database: %w", err)
	}
	read, err := connectSQLite(ctx, path, readers, readQuery())
	if err != nil {
		return err
	}
	e.read, e.write, e.close = read, read, read.Close
	return nil
}

// readQuery is for connections that must not write, whatever is asked of them.
func readQuery() url.Values {
	return url.Values{"mode": {"ro"}, "_pragma": {"busy_timeout(5000)", "query_only(1)"}}
}

// connectSQLite opens a pool. The path goes through net/url, so that a "?" or a
// "%" in it is a character and not the begin of options.
func connectSQLite(ctx context.Context, path string, most int, query url.Values) (*sql.DB, error) {
	connector, err := sqlite.NewConnector((&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String())
	if err != nil {
		return nil, fmt.Errorf("the database %s cannot be opened: %w", path, err)
	}
	pool := sql.OpenDB(connector)
	pool.SetMaxOpenConns(most)
	pool.SetMaxIdleConns(most)
	if err := pool.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("the database %s cannot be opened: %w", path, err), pool.Close())
	}
	return pool, nil
}

// lockFile makes this process the only one on the database file, and the files
// readable by their owner alone. The lock ends with the process however it
// ends; the lock file itself stays, since a removed one could be held twice.
func lockFile(path string) (unlock func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("the folder of the database: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("the lock of the database: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = lock.Close()
		return nil, fmt.Errorf("another latchkey process uses the database %s: stop it first, or give this one another file", path)
	}
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the database file: %w", err), lock.Close())
	}
	return lock.Close, file.Close()
}
