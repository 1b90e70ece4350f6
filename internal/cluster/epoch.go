package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"latchkey"
)

// EpochStore is the database as the keeper of an epoch needs it.
type EpochStore interface {
	Revs(ctx context.Context) (latchkey.Revs, error)
	// SetReplayEpoch is a change that every node must have; Pass waits for it.
	SetReplayEpoch(ctx context.Context, epoch string, since time.Time) error
}

// Passer waits until what was committed is in force on every node. A Barrier is
// one.
type Passer interface {
	Pass(ctx context.Context) (latchkey.Receipt, error)
}

// ErrEvicts says that Redis may drop keys when its memory is used up.
var ErrEvicts = errors.New("redis must not evict keys, else it forgets which requests it saw; " +
	"run: redis-cli CONFIG SET maxmemory-policy noeviction; and write \"maxmemory-policy noeviction\" into its configuration")

// lookTimeout bounds one look at Redis, which no caller of the gateway waits for.
const lookTimeout = 5 * time.Second

// Keep looks every second whether Redis has remembered everything since the
// epoch that counts, until the context ends, and begins a new one if it has
// not. One stands in each console; when two begin an epoch at once, one of the
// two is found wanting a second later.
func (r *Redis) Keep(ctx context.Context, store EpochStore, barrier Passer) error {
	var last string
	for {
		err := r.keep(ctx, store, barrier)
		if ctx.Err() != nil {
			return nil
		}
		if text := fmt.Sprint(err); err != nil && text != last {
			r.Log.Error("Redis cannot be relied on", "error", err)
			last = text
		} else if err == nil {
			last = ""
		}
		// Not the same for all consoles, so that they do not go on in step.
		timer := time.NewTimer(time.Second + rand.N(500*time.Millisecond))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// keep looks once. The epoch that counts is ended on every node before the new
// one begins: when its time is read, nobody lets a call through by the old one.
func (r *Redis) keep(ctx context.Context, store EpochStore, barrier Passer) error {
	revs, err := store.Revs(ctx)
	if err != nil {
		return err
	}
	holds, err := r.Holds(ctx, revs.ReplayEpoch)
	if errors.Is(err, ErrEvicts) && revs.ReplayEpoch != "" {
		// Whether something was dropped by now is not known.
		return errors.Join(err, r.settle(ctx, store, barrier, "", revs.ReplaySince))
	}
	if err != nil || holds {
		return err
	}
	if err := r.settle(ctx, store, barrier, "", revs.ReplaySince); err != nil {
		return err
	}
	name, since, err := r.Begin(ctx)
	if err != nil {
		return err
	}
	if since.Before(revs.ReplaySince) {
		since = revs.ReplaySince
	}
	if err := r.settle(ctx, store, barrier, name, since); err != nil {
		return err
	}
	r.Log.Warn("Redis began to remember anew; what was signed before is refused", "epoch", name, "until", since.Add(r.Window+r.Skew))
	return nil
}

// settle brings an epoch into force on every node.
func (r *Redis) settle(ctx context.Context, store EpochStore, barrier Passer, name string, since time.Time) error {
	if err := store.SetReplayEpoch(ctx, name, since); err != nil {
		return err
	}
	_, err := barrier.Pass(ctx)
	return err
}

// Holds reports whether Redis has remembered everything since the epoch began.
// An error means that this is not known now.
func (r *Redis) Holds(ctx context.Context, name string) (bool, error) {
	if err := r.keepsAll(ctx); err != nil || name == "" {
		return false, err
	}
	since, err := r.mark(ctx, name, "0")
	return !since.IsZero(), err
}

// Begin begins an epoch in Redis and returns its name and its time there. Every
// one before it is over with that.
func (r *Redis) Begin(ctx context.Context) (name string, since time.Time, err error) {
	if err := r.keepsAll(ctx); err != nil {
		return "", time.Time{}, err
	}
	name = latchkey.NewID("epoch")
	since, err = r.mark(ctx, name, "1")
	return name, since, err
}

// mark runs the epoch script in every lane and returns the latest time of the
// servers, or zero when a lane's mark is another.
func (r *Redis) mark(ctx context.Context, name, begin string) (latest time.Time, err error) {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	for number := range lanes {
		at, err := r.epoch.Exec(ctx, r.client, []string{r.lane(number) + "epoch"}, []string{name, begin}).AsInt64()
		if err != nil || at == 0 {
			return time.Time{}, err
		}
		if t := time.UnixMilli(at + 1); t.After(latest) {
			latest = t
		}
	}
	return latest, nil
}

// keepsAll refuses servers that may evict keys.
func (r *Redis) keepsAll(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	for address, node := range r.client.Nodes() {
		// INFO tells it too where CONFIG is not allowed.
		info, err := node.Do(ctx, node.B().Info().Section("memory").Build()).ToString()
		if err != nil {
			return fmt.Errorf("redis: asking %s for its settings: %w", address, err)
		}
		if !strings.Contains(info, "maxmemory_policy:noeviction") {
			return fmt.Errorf("%s: %w", address, ErrEvicts)
		}
	}
	return nil
}
