package main

import (
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"latchkey/internal/testenv/postgres"
)

// base is what a server keeps its keys in, as the crash test sees it.
type base struct {
	name string
	// place makes an empty database for one rig; "" is SQLite in its data folder.
	place func(t testing.TB) (url string)
}

// bases are both databases; PostgreSQL ends with the test. It is not killed here
// (the fault harness does that): what dies is the server of Latchkey, and what
// it leaves behind are transactions that are open, or whose commit nobody heard
// the answer of.
func bases(t testing.TB) []base {
	t.Helper()
	server, err := postgres.Start()
	must(t, err)
	t.Cleanup(server.Stop)
	return []base{
		{"SQLite", func(testing.TB) string { return "" }},
		{"PostgreSQL", server.Database},
	}
}

// open opens the database beside the server, to read it or to spoil it.
func (r *rig) open(readOnly bool) (*sql.DB, error) {
	if r.url != "" {
		return sql.Open("pgx", r.url)
	}
	source := "file:" + r.file()
	if readOnly {
		source += "?mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"
	}
	return sql.Open("sqlite", source)
}

// file is the database of SQLite.
func (r *rig) file() string { return filepath.Join(r.data, "latchkey.db") }

// rows reads all keys as they were at one moment.
func (r *rig) rows() (map[string]*row, error) {
	db, err := r.open(true)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	var one *sql.TxOptions // SQLite knows no other
	if r.url != "" {
		one = &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}
	}
	return readKeys(db, one)
}

// intact asks SQLite about its file, which died with the server. PostgreSQL
// lived on.
func (r *rig) intact() error {
	if r.url != "" {
		return nil
	}
	db, err := r.open(false)
	if err != nil {
		return err
	}
	defer db.Close()
	var verdict string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil {
		return err
	}
	if verdict != "ok" {
		return fmt.Errorf("integrity_check: %s", verdict)
	}
	return nil
}

// keep copies the database of a server that is not running, and returns what
// puts the copy back in its place.
func (r *rig) keep() (putBack func() error, err error) {
	if r.url != "" {
		return r.keepDatabase()
	}
	older := r.t.TempDir()
	return func() error { return copyDatabase(older, r.data) }, copyDatabase(r.data, older)
}

// keepDatabase is keep on PostgreSQL, done from another database than the two.
func (r *rig) keepDatabase() (putBack func() error, err error) {
	name := strings.SplitN(r.url[strings.LastIndex(r.url, "/")+1:], "?", 2)[0]
	do := func(statements ...string) error {
		db, err := sql.Open("pgx", strings.Replace(r.url, "/"+name, "/postgres", 1))
		if err != nil {
			return err
		}
		defer db.Close()
		end := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'"
		for _, statement := range append([]string{end}, statements...) {
			_, err := db.Exec(statement)
			for limit := time.Now().Add(readyLimit); err != nil && time.Now().Before(limit); {
				// The killed server's connections may still be ending.
				if !strings.Contains(err.Error(), "being accessed") {
					break
				}
				_, err = db.Exec(statement)
			}
			if err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	}
	r.t.Cleanup(func() { must(r.t, do("DROP DATABASE "+name+"_older")) })
	return func() error {
		return do("DROP DATABASE "+name+" WITH (FORCE)", "CREATE DATABASE "+name+" TEMPLATE "+name+"_older")
	}, do("CREATE DATABASE " + name + "_older TEMPLATE " + name)
}

// copyDatabase puts the files of SQLite of one folder into another.
func copyDatabase(from, to string) error {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		name := "latchkey.db" + suffix
		if err := os.Remove(filepath.Join(to, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
		text, err := os.ReadFile(filepath.Join(from, name))
		if os.IsNotExist(err) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
			return err
		}
	}
	return nil
}
