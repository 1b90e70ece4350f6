package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"latchkey"
	"latchkey/internal/seal"
	"latchkey/internal/store"
)

// goal is P8: changes a second, each with its activity.
const goal = 2500

func onSQLite(ctx context.Context, s settings) ([]string, error) {
	return writes(ctx, s, "SQLite", "sqlite:"+filepath.Join(s.dir, "latchkey.db"))
}

// desk is an open store with one key for each caller.
type desk struct {
	*store.Store
	keys []latchkey.Key
}

func openDesk(ctx context.Context, s settings, url string) (*desk, error) {
	box, err := seal.LoadOrMake(filepath.Join(s.dir, "keyset.json"))
	if err != nil {
		return nil, err
	}
	opened, err := store.Open(ctx, store.Config{URL: url, Seal: box, Now: time.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
	if err != nil {
		return nil, err
	}
	d := &desk{Store: opened}
	account := latchkey.Account{ID: latchkey.NewID("acc"), Name: "bench", CreatedAt: time.Now()}
	if err := d.CreateAccount(ctx, account, activity(account.ID, latchkey.ActAccountCreated)); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	for n := range s.callers {
		k := latchkey.Key{ID: latchkey.NewKeyID(), AccountID: account.ID, Name: fmt.Sprint("bot-", n), Permissions: latchkey.NewPermissions(latchkey.Trade),
			Status: latchkey.StatusInactive, Version: 1, CreatedAt: time.Now(), UpdatedAt: time.Now()}
		act := activity(account.ID, latchkey.ActKeyCreated)
		if _, err := d.Apply(ctx, latchkey.Deed{At: time.Now(), Key: &k, Secret: latchkey.NewSecret(), KeysMost: s.callers, Activity: act}); err != nil {
			return nil, errors.Join(err, d.Close())
		}
		d.keys = append(d.keys, k)
	}
	return d, nil
}

func activity(account string, kind latchkey.ActivityType) latchkey.Activity {
	return latchkey.NewActivity(time.Now(), latchkey.Actor{Source: latchkey.SourceOperator, AccountID: account, IP: "local"}, kind)
}

// change stops the caller's key, or lets it go on: the row of the key, its
// revision in the feed, the activity and the owner's mail in the outbox, as the
// product writes it.
func (d *desk) change(ctx context.Context, caller int) error {
	k, op, kind := d.keys[caller], latchkey.OpActivate, latchkey.ActKeyActivated
	if k.Status == latchkey.StatusActive {
		op, kind = latchkey.OpDeactivate, latchkey.ActKeyDeactivated
	}
	next, err := k.Moved(op, time.Now())
	if err != nil {
		return err
	}
	act := activity(k.AccountID, kind)
	act.KeyID, act.Subject = k.ID, k.Name
	_, err = d.Apply(ctx, latchkey.Deed{At: time.Now(), Key: &next, KeyFrom: k.Version, Activity: act,
		Letters: []latchkey.Letter{{Kind: latchkey.LetterNotice}}})
	if err == nil {
		d.keys[caller] = next
	}
	return err
}

// writes measures with one caller, a few and many. At the end the chain must be
// whole, and as long as what was acknowledged.
func writes(ctx context.Context, s settings, name, url string) ([]string, error) {
	d, err := openDesk(ctx, s, url)
	if err != nil {
		return nil, err
	}
	defer d.Close()
	total := int64(1 + len(d.keys))
	var last float64
	for _, callers := range []int{1, min(8, s.callers), s.callers} {
		var rates []float64
		var took []time.Duration
		for range s.rounds {
			each, rate, err := d.flood(ctx, callers, s.length)
			if err != nil {
				return nil, err
			}
			took, rates, total = append(took, each...), append(rates, rate), total+int64(len(each))
		}
		last = at(0.5, rates)
		fmt.Printf("%s: %d at once: %.0f changes a second; of one, p50 %s, p99 %s\n", name, callers, last,
			at(0.5, took).Round(time.Microsecond), at(0.99, took).Round(time.Microsecond))
	}
	if n, err := d.VerifyActivity(ctx); err != nil || n != total {
		return nil, errors.Join(err, fmt.Errorf("the chain has %d entries, and %d changes were acknowledged", n, total))
	}
	return []string{row(fmt.Sprintf("P8 on %s: durable changes with their activity, %d callers of one process", name, s.callers),
		fmt.Sprintf("%.0f a second", last), fmt.Sprintf(">= %d a second", goal), last >= goal)}, nil
}

// flood lets the callers change their keys for a time, each one after the other.
func (d *desk) flood(ctx context.Context, callers int, length time.Duration) (took []time.Duration, rate float64, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	begin := time.Now()
	for caller := range callers {
		all.Go(func() {
			var mine []time.Duration
			var failed error
			for failed == nil && time.Since(begin) < length {
				each := time.Now()
				failed = d.change(ctx, caller)
				mine = append(mine, time.Since(each))
			}
			mu.Lock()
			defer mu.Unlock()
			took, err = append(took, mine...), errors.Join(err, failed)
		})
	}
	all.Wait()
	return took, float64(len(took)) / time.Since(begin).Seconds(), err
}
