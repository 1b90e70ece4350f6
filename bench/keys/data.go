package main

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"golang.org/x/sys/unix"
	_ "modernc.org/sqlite"

	"latchkey"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/verify"
)

// data is a database with its keyset.
type data struct {
	url, keyset string
	box         *seal.Box
	last        call    // of the last key
	size        float64 // bytes of a key, once they are known
}

func (d *data) open(ctx context.Context) (*store.Store, error) {
	return store.Open(ctx, store.Config{URL: d.url, Seal: d.box, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// fill makes the tables by the program, and the rows by hand: a million changes
// one after the other would take an hour.
func (d *data) fill(ctx context.Context, keys int) (err error) {
	if d.box, err = seal.LoadOrMake(d.keyset); err != nil {
		return err
	}
	s, err := d.open(ctx)
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	driver, source := "pgx", d.url
	if path, ok := strings.CutPrefix(d.url, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := d.rows(ctx, tx, keys); err != nil {
		return err
	}
	return tx.Commit()
}

// keysOfAccount is how many keys an owner has.
const keysOfAccount = 5

// rows writes keys as owners have them: a few to an account, each with an
// allowlist of its own of two entries.
func (d *data) rows(ctx context.Context, tx *sql.Tx, keys int) error {
	accounts := make([]string, 1+keys/keysOfAccount)
	rows := batch{tx: tx, into: "INSERT INTO account (id, name, created_at) VALUES ", row: "(?, ?, 1)"}
	for n := range accounts {
		accounts[n] = latchkey.NewID("acc")
		if err := rows.add(ctx, accounts[n], accounts[n]); err != nil {
			return err
		}
	}
	if err := rows.write(ctx); err != nil {
		return err
	}
	rows = batch{tx: tx, into: "INSERT INTO api_key (id, account_id, name, permissions, allowlist, status, version, rev, secret, created_at, updated_at) VALUES ",
		row: `(?, ?, ?, '["read","trade"]', ?, 'active', 2, ?, ?, 1, 1)`}
	for n := range keys {
		d.last = call{latchkey.NewKeyID(), latchkey.NewSecret()}
		sealed, err := d.box.Seal("api_key", "secret", d.last.key, []byte(d.last.secret.Reveal()))
		if err != nil {
			return err
		}
		list := fmt.Sprintf(`["192.0.2.0/24","198.51.%d.%d"]`, n/256%256, n%256)
		if err := rows.add(ctx, d.last.key, accounts[n/keysOfAccount], fmt.Sprint("bot-", n), list, n+1, sealed); err != nil {
			return err
		}
	}
	if err := rows.write(ctx); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO tally (key_id, last_used, allowed, refused) SELECT id, 0, 0, 0 FROM api_key"); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "UPDATE authority SET rev = $1", keys)
	return err
}

// start does what a gateway does before it listens, and judges one call.
func (d *data) start(ctx context.Context, keys int) (took, work time.Duration, bytes float64, err error) {
	before := memory()
	begin, spent := time.Now(), used(unix.CLOCK_PROCESS_CPUTIME_ID)
	s, err := d.open(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	defer s.Close()
	table := verify.NewTable()
	if _, err := s.LoadKeys(ctx, func(k latchkey.Key, secret latchkey.Secret) error { table.Put(k, secret); return nil }); err != nil {
		return 0, 0, 0, err
	}
	now := time.Now()
	verdict := checker(table, now).Check(ctx, d.last.signed(now))
	took, work = time.Since(begin), used(unix.CLOCK_PROCESS_CPUTIME_ID)-spent
	if !verdict.Allowed() || table.Len() != keys {
		return 0, 0, 0, fmt.Errorf("of %d keys, %d are known, and the last one is answered with %s", keys, table.Len(), verdict.Text())
	}
	bytes = float64(memory()-before) / float64(keys)
	runtime.KeepAlive(table)
	return took, work, bytes, nil
}

// memory is what is in use after what is not has been collected.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
