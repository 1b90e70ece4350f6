package cluster

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"latchkey"
)

// Applier is the gateway's table of keys, as far as a feed writes it.
type Applier interface {
	// Put brings a key to a version; older news than what is there is ignored.
	// An empty secret keeps the one that is there.
	Put(key latchkey.Key, secret latchkey.Secret)
	// Hold refuses every call of the key until Release.
	Hold(keyID string)
	Release(keyID string)
}

// Load reads the newest state of a key from where it is kept for good.
// latchkey.ErrKeyGone says that there is no such key, or not any more; every
// other error means that the state is still not known.
type Load func(ctx context.Context, keyID string) (latchkey.Key, latchkey.Secret, error)

// Bounds of reading a doubted key again.
const (
	loadTimeout = 5 * time.Second
	retryFirst  = 50 * time.Millisecond
	retryMost   = 2 * time.Second
)

// Feed brings changes to the one gateway node of this process.
type Feed struct {
	table  Applier
	load   Load
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{} // closed when the settling goroutine has ended
	wake   chan struct{} // holds one when there are new doubts

	mu     sync.Mutex
	doubts map[string]uint64 // held keys, by the number of their newest doubt
	number uint64
}

// NewFeed starts a feed; Close ends it. Log may be nil.
func NewFeed(table Applier, load Load, log *slog.Logger) *Feed {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background())
	f := &Feed{
		table: table, load: load, log: log, cancel: cancel,
		done: make(chan struct{}), wake: make(chan struct{}, 1), doubts: make(map[string]uint64),
	}
	go f.settle(ctx)
	return f
}

// Publish puts a change into force before it returns. There is one node, and it
// has confirmed.
func (f *Feed) Publish(ctx context.Context, key latchkey.Key, secret latchkey.Secret) (latchkey.Receipt, error) {
	begin := time.Now()
	f.table.Put(key, secret)
	return latchkey.Receipt{Nodes: 1, Confirmed: 1, Took: time.Since(begin)}, nil
}

// Doubt stops a key at once, because the outcome of a change of it was lost.
// Its state is read again until that works; then the key goes on by what was
// read. After Close a doubted key stays stopped.
func (f *Feed) Doubt(keyID string) {
	f.mu.Lock()
	f.number++
	f.doubts[keyID] = f.number
	f.table.Hold(keyID) // under the lock: release must not slip in between
	f.mu.Unlock()
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// Close stops the reading and waits for its end.
func (f *Feed) Close() {
	f.cancel()
	<-f.done
}

// settle reads doubted keys again, one after the other, until none is left;
// what fails waits longer and longer, up to retryMost.
func (f *Feed) settle(ctx context.Context) {
	defer close(f.done)
	pause := retryFirst
	for {
		if f.settleAll(ctx) {
			pause = retryFirst
			select {
			case <-f.wake:
				continue
			case <-ctx.Done():
				return
			}
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, retryMost)
		case <-ctx.Done():
			return
		}
	}
}

// settleAll tries every doubted key once and reports whether none is left.
func (f *Feed) settleAll(ctx context.Context) bool {
	f.mu.Lock()
	doubts := make(map[string]uint64, len(f.doubts))
	for keyID, number := range f.doubts {
		doubts[keyID] = number
	}
	f.mu.Unlock()
	for keyID, number := range doubts {
		if err := f.settleOne(ctx, keyID, number); err != nil {
			f.log.Warn("a key is stopped because its state could not be read", "key", keyID, "error", err)
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.doubts) == 0
}

// settleOne reads one key. The reading began after the doubt of that number;
// when another doubt came in meanwhile, the key stays stopped for another turn.
func (f *Feed) settleOne(ctx context.Context, keyID string, number uint64) error {
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	// The reading begins after the doubt, so it holds the doubtful change or
	// shows that it did not happen (see Load).
	key, secret, err := f.load(ctx, keyID)
	if errors.Is(err, latchkey.ErrKeyGone) {
		key, secret, err = latchkey.Key{ID: keyID, Status: latchkey.StatusDeleted}, "", nil
	}
	if err != nil {
		return err
	}
	f.table.Put(key, secret)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.doubts[keyID] == number {
		delete(f.doubts, keyID)
		f.table.Release(keyID)
	}
	return nil
}
