package node

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"latchkey"
)

// lockName is the file in the data folder that is locked by the one process
// that works there. The database has a lock of its own; this one guards what
// lies beside it: with PostgreSQL too there is one socket and one keyset.
const lockName = "latchkey.lock"

// ErrBusy says that another process holds the data folder: a server, or for a
// moment an operator's command.
var ErrBusy = errors.New("another latchkey process uses the data folder")

// lock makes this process the only one on the data folder. The lock ends with
// the process however it ends; the file stays, since a removed one could be
// held twice. Where the folder is missing and the database is a server's there
// is nothing to guard.
func (c StoreConfig) lock() (unlock func() error, err error) {
	file, err := os.OpenFile(filepath.Join(c.DataDir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if errors.Is(err, fs.ErrNotExist) && c.local() == "" {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the lock of the data folder: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%w %s: stop it first, or give this one another --data", ErrBusy, c.DataDir)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file.Close, nil
}

// found refuses a folder in which nothing was ever made. The operator's door
// makes nothing: a misspelled --data would answer "no keys" and exit with 0.
func (c StoreConfig) found() error {
	path := c.local()
	if path == "" && c.KeysetText == "" && c.KeysetFile == "" {
		path = filepath.Join(c.DataDir, KeysetName)
	}
	if path == "" {
		return nil // the database says itself what it holds
	}
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return latchkey.Errorf(latchkey.KindNotFound, "no_data", "there is no Latchkey data in %s; start `latchkey serve` or `latchkey demo` there, or run `latchkey migrate` first", c.DataDir)
	}
	return err
}

// local is the file of SQLite; "" when the database is a server's. It reads
// the URL as package store does.
func (c StoreConfig) local() string {
	text := c.url()
	scheme, rest, found := strings.Cut(text, ":")
	switch {
	case found && scheme == "sqlite":
		return strings.TrimPrefix(rest, "//")
	case found && (scheme == "postgres" || scheme == "postgresql" || strings.HasPrefix(rest, "//")):
		return ""
	}
	return text
}

// Name says which database it is, and nothing of who may use it or how: a
// server compares it with the one that a command asks for.
func (c StoreConfig) Name() string {
	if path := c.local(); path != "" {
		if whole, err := filepath.Abs(path); err == nil {
			path = whole
		}
		return "sqlite:" + path
	}
	u, err := url.Parse(c.DatabaseURL)
	if err != nil {
		return "a URL that cannot be read" // no server runs on that
	}
	q := u.Query() // the settings of libpq may stand there
	host := strings.TrimSuffix(cmp.Or(q.Get("host"), u.Host)+":"+q.Get("port"), ":")
	base := cmp.Or(q.Get("dbname"), strings.TrimPrefix(u.Path, "/"), u.User.Username())
	return "postgres://" + strings.TrimSuffix(host, ":5432") + "/" + base
}
