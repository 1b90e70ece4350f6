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

	_ "modernc.org/sqlite"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// data is a database with its keyset.
type data struct {
	url, keyset string
	box         *seal.Box
	last        string // id of the last key
	secret      latchkey.Secret
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
	db, err := sql.Open("sqlite", strings.TrimPrefix(d.url, "sqlite:"))
	if err != nil {
		return err
	}
	defer db.Close()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(ctx, "INSERT INTO account (id, name, created_at) VALUES ('acc_bench', 'bench', 1)"); err != nil {
		return err
	}
	insert, err := tx.PrepareContext(ctx, `INSERT INTO api_key (id, account_id, name, permissions, allowlist, status, version, rev, secret, created_at, updated_at)
		VALUES (?, 'acc_bench', ?, '["read","trade"]', '["192.0.2.0/24","198.51.100.7"]', 'active', 2, ?, ?, 1, 1)`)
	if err != nil {
		return err
	}
	tally, err := tx.PrepareContext(ctx, "INSERT INTO tally (key_id, last_used, allowed, refused) VALUES (?, 0, 0, 0)")
	if err != nil {
		return err
	}
	for n := range keys {
		d.last, d.secret = latchkey.NewKeyID(), latchkey.NewSecret()
		sealed, err := d.box.Seal("api_key", "secret", d.last, []byte(d.secret.Reveal()))
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, d.last, fmt.Sprint("bot-", n), n+1, sealed); err != nil {
			return err
		}
		if _, err := tally.ExecContext(ctx, d.last); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, "UPDATE authority SET rev = ?", keys); err != nil {
		return err
	}
	return tx.Commit()
}

// start does what a gateway does before it listens, and judges one call.
func (d *data) start(ctx context.Context, keys int) (took time.Duration, bytes float64, err error) {
	before := memory()
	begin := time.Now()
	s, err := d.open(ctx)
	if err != nil {
		return 0, 0, err
	}
	defer s.Close()
	table := verify.NewTable()
	if _, err := s.LoadKeys(ctx, func(k latchkey.Key, secret latchkey.Secret) error { table.Put(k, secret); return nil }); err != nil {
		return 0, 0, err
	}
	verdict := d.judge(ctx, table)
	took = time.Since(begin)
	if !verdict.Allowed() || table.Len() != keys {
		return 0, 0, fmt.Errorf("of %d keys, %d are known, and the last one is answered with %s", keys, table.Len(), verdict.Text())
	}
	bytes = float64(memory()-before) / float64(keys)
	runtime.KeepAlive(table)
	return took, bytes, nil
}

func (d *data) judge(ctx context.Context, table *verify.Table) verify.Verdict {
	now := time.Now()
	action := &latchkey.Action{Name: "get_my_orders", Permission: latchkey.Read, Cost: 5, REST: true}
	stamp := signature.Timestamp(now)
	text := signature.SignREST([]byte(d.secret.Reveal()), action.Name, stamp, []byte("{}"))
	signed, err := signature.ParseREST([]byte(d.last), []byte(stamp), []byte(text), []byte(action.Name), []byte("{}"))
	checker := verify.New(verify.Config{
		Table: table, Ledger: cluster.NewLocal(cluster.LocalConfig{Window: 20 * time.Second}),
		Window: 20 * time.Second, Points: 200, PublicPoints: 100, Now: time.Now,
	})
	return checker.Check(ctx, verify.Request{Signed: signed, Malformed: err != nil, Action: action, Addr: client})
}

// memory is what is in use after what is not has been collected.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
