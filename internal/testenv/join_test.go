package testenv_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/courier"
	"latchkey/internal/node"
)

// A lone server on PostgreSQL is killed, and started again. Its row of before
// says that it is live and shares nothing; nobody else is there to end it, and
// the start must not be refused for it. A node that really lives still refuses.
func TestAServerStartsAgainBesideTheRowOfItsDeath(t *testing.T) {
	for name, lives := range map[string]bool{"killed": false, "alive": true} {
		t.Run(name, func(t *testing.T) {
			ctx, url := t.Context(), server.Database(t)
			config := node.Config{
				Store: node.StoreConfig{DataDir: t.TempDir(), DatabaseURL: url}, Limits: latchkey.DefaultLimits(), Name: "test",
				Gateway: local(), Upstream: "http://127.0.0.1:1", IdentitySecret: []byte("identity secret of the tests, 32+"),
				Mail: courier.NewInbox(time.Now), Now: time.Now, Log: slog.New(slog.DiscardHandler), Lease: 500 * time.Millisecond,
			}
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(node.Migrate(ctx, config.Store))
			db, err := pgx.Connect(ctx, url)
			must(err)
			defer db.Close(context.Background())
			_, err = db.Exec(ctx, `INSERT INTO gateway_node (id, name, state, applied_rev, renew_seq, lease_ms, remembers, started_at, last_seen)
				VALUES ('node_before', 'before', 'live', 0, 7, 500, 'alone', 1, 1)`)
			must(err)
			if lives {
				defer renewing(t, url)()
			}
			n, err := node.Start(ctx, config)
			if lives {
				if err == nil || !strings.Contains(err.Error(), "has no Redis") {
					t.Errorf("beside a node that lives the start says %v", err)
				}
				return
			}
			must(err)
			must(n.Stop(context.Background()))
			var state string
			must(db.QueryRow(ctx, "SELECT state FROM gateway_node WHERE id = 'node_before'").Scan(&state))
			if state == "live" {
				t.Error("the row of before may still renew")
			}
		})
	}
}

// A backup lists the nodes of its night as live. Restoring must not wait for
// each of them with each key.
func TestRestoreWaitsOnceForTheNodesOfTheBackup(t *testing.T) {
	ctx, store := t.Context(), node.StoreConfig{DataDir: t.TempDir(), DatabaseURL: server.Database(t)}
	if err := node.Migrate(ctx, store); err != nil {
		t.Fatal(err)
	}
	door, end, err := node.OpenDoor(ctx, store)
	if err != nil {
		t.Fatal(err)
	}
	account, err := door.Authority.CreateAccount(ctx, "one")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b", "c", "d"} {
		key, _, err := door.Authority.CreateKey(ctx, account, authority.NewKey{Name: name, Permissions: readTrade})
		if err == nil {
			_, _, err = door.Authority.Move(ctx, key.ID, latchkey.OpActivate)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := end(); err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(ctx, store.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	if _, err := db.Exec(ctx, `INSERT INTO gateway_node (id, name, state, applied_rev, renew_seq, lease_ms, remembers, started_at, last_seen)
		VALUES ('node_backup', 'of the backup', 'live', 0, 7, 500, 'alone', 1, 1)`); err != nil {
		t.Fatal(err)
	}
	stopped, err := node.Restore(ctx, store)
	var state string
	if err == nil {
		err = db.QueryRow(ctx, "SELECT state FROM gateway_node WHERE id = 'node_backup'").Scan(&state)
	}
	// Gone, so that no key waited for it.
	if err != nil || stopped != 4 || state != "gone" {
		t.Errorf("%d keys were stopped, the node of the backup is %q, %v", stopped, state, err)
	}
}

func local() node.Listen { return node.Listen{Addr: "127.0.0.1:0"} }

// renewing renews the lease of the node before, until the test ends.
func renewing(t *testing.T, url string) (stop func()) {
	db, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			_, _ = db.Exec(ctx, "UPDATE gateway_node SET renew_seq = renew_seq + 1 WHERE id = 'node_before'")
			time.Sleep(50 * time.Millisecond) // another process: its clock is the real one
		}
		_ = db.Close(context.Background())
	}()
	return func() { cancel(); <-done }
}
