package store

import (
	"context"
	"database/sql"
	"fmt"
	"runtime"
	"sync"

	"latchkey"
	"latchkey/internal/store/db"
)

// LoadKeys gives every key that is not deleted, with its secret, to take: what
// the data plane needs of it, without its name and times. Calls of take come one
// after the other, in no order, no key twice. It ends at the first error, of take
// or of a key that cannot be opened: a gateway that knows half of the keys would
// refuse the other half without a reason.
//
// The revisions and the keys come from one connection, so from one server.
func (s *Store) LoadKeys(ctx context.Context, take func(latchkey.Key, latchkey.Secret) error) (latchkey.Revs, error) {
	conn, err := s.engine.read.Conn(ctx)
	if err != nil {
		return latchkey.Revs{}, fmt.Errorf("the database does not answer: %w", err)
	}
	defer conn.Close()
	now, err := revs(db.New(conn).Revs(ctx)) // before the keys: what is changed meanwhile is newer
	if err != nil {
		return latchkey.Revs{}, err
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	l := loader{store: s, take: take, stop: stop, pages: make(chan []db.ApiKey, 1)}
	return now, l.run(ctx, conn)
}

// keyPage is how many keys one goroutine opens at a time.
const keyPage = 500

// loader reads keys in one goroutine and opens them in others: that takes as
// long as to read them.
type loader struct {
	store *Store
	stop  context.CancelCauseFunc
	pages chan []db.ApiKey

	mu   sync.Mutex
	take func(latchkey.Key, latchkey.Secret) error
}

func (l *loader) run(ctx context.Context, conn *sql.Conn) error {
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			o := opener{l, make(map[string]latchkey.Permissions)}
			for page := range l.pages {
				if err := o.open(ctx, page); err != nil {
					l.stop(err) // the first one stays
				}
			}
		})
	}
	if err := l.read(ctx, conn); err != nil {
		l.stop(err)
	}
	close(l.pages)
	all.Wait()
	return context.Cause(ctx)
}

// read hands out all keys in pages. One statement sees one moment, whatever is
// changed while it runs; and since nobody asks for an order, the rows come as
// they lie on the disk. That is a third of the time that the generated query
// takes, which needs one statement for each page, in the order of ids.
func (l *loader) read(ctx context.Context, conn *sql.Conn) error {
	rows, err := conn.QueryContext(ctx, `SELECT id, account_id, permissions, allowlist, status, version, secret
		FROM api_key WHERE status <> 'deleted'`)
	if err != nil {
		return fmt.Errorf("load the keys: %w", err)
	}
	defer rows.Close()
	page := make([]db.ApiKey, 0, keyPage)
	for rows.Next() {
		var r db.ApiKey
		if err := rows.Scan(&r.ID, &r.AccountID, &r.Permissions, &r.Allowlist, &r.Status, &r.Version, &r.Secret); err != nil {
			return fmt.Errorf("load the keys: %w", err)
		}
		if page = append(page, r); len(page) == keyPage {
			if err := l.hand(ctx, page); err != nil {
				return err
			}
			page = make([]db.ApiKey, 0, keyPage)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("load the keys: %w", err)
	}
	return l.hand(ctx, page)
}

func (l *loader) hand(ctx context.Context, page []db.ApiKey) error {
	select {
	case l.pages <- page:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// opener opens keys in one goroutine.
type opener struct {
	*loader
	permissions map[string]latchkey.Permissions // by their text, of which there are few
}

// open opens the keys of a page, and then gives them out.
func (o *opener) open(ctx context.Context, page []db.ApiKey) error {
	keys := make([]latchkey.Key, len(page))
	secrets := make([]latchkey.Secret, len(page))
	for i, r := range page {
		var err error
		if keys[i], err = o.key(r); err != nil {
			return fmt.Errorf("key %s: %w", r.ID, err)
		}
		if secrets[i], err = o.store.openFull("api_key", "secret", r.ID, r.Secret); err != nil {
			return err
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, k := range keys {
		if ctx.Err() != nil {
			return nil // another page failed, which is known already
		}
		if err := o.take(k, secrets[i]); err != nil {
			o.stop(err) // before another page gets the lock
			return err
		}
	}
	return nil
}

// key reads what stands in a row, with the care of keyOf and in a third of its
// time.
func (o *opener) key(r db.ApiKey) (latchkey.Key, error) {
	permissions, known := o.permissions[r.Permissions]
	if !known {
		var err error
		if permissions, err = decode[latchkey.Permissions](r.Permissions); err != nil {
			return latchkey.Key{}, err
		}
		o.permissions[r.Permissions] = permissions
	}
	var list latchkey.Allowlist
	if err := list.UnmarshalJSON([]byte(r.Allowlist)); err != nil {
		return latchkey.Key{}, fmt.Errorf("allowlist: %v", err) // see decode
	}
	return latchkey.Key{ID: r.ID, AccountID: r.AccountID, Permissions: permissions, Allowlist: list,
		Status: latchkey.Status(r.Status), Version: r.Version}, nil
}
