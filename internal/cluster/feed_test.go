package cluster_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
)

// table is the gateway's table, as far as these tests look at it. That the real
// one obeys the versions is tested there.
type table struct {
	mu   sync.Mutex
	keys map[string]latchkey.Key
	held map[string]bool
}

func newTable() *table {
	return &table{keys: map[string]latchkey.Key{}, held: map[string]bool{}}
}

func (t *table) Put(key latchkey.Key, _ latchkey.Secret) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if old := t.keys[key.ID]; key.Version >= old.Version || key.Status == latchkey.StatusDeleted {
		t.keys[key.ID] = key
	}
}

func (t *table) Hold(keyID string)    { t.set(keyID, true) }
func (t *table) Release(keyID string) { t.set(keyID, false) }

func (t *table) set(keyID string, held bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.held[keyID] = held
}

func (t *table) is(tb testing.TB, keyID string, version int64, held bool) {
	tb.Helper()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.keys[keyID].Version != version || t.held[keyID] != held {
		tb.Fatalf("%s: version %d, held %v; want %d, %v", keyID, t.keys[keyID].Version, t.held[keyID], version, held)
	}
}

func key(id string, version int64) latchkey.Key {
	return latchkey.Key{ID: id, Version: version, Status: latchkey.StatusActive}
}

var errDown = errors.New("the database does not answer")

func TestAPublishedChangeIsInForce(t *testing.T) {
	keys := newTable()
	f := cluster.NewFeed(keys, nil, nil)
	defer f.Close()
	got, err := f.Publish(context.Background(), key("a", 3), "")
	if err != nil || got.Nodes != 1 || got.Confirmed != 1 || got.Took < 0 {
		t.Fatalf("receipt %+v, %v", got, err)
	}
	keys.is(t, "a", 3, false)
}

func TestADoubtedKeyIsStoppedUntilItsStateWasRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, tries := newTable(), 0
		f := cluster.NewFeed(keys, func(context.Context, string) (latchkey.Key, latchkey.Secret, error) {
			if tries++; tries < 8 {
				return latchkey.Key{}, "", errDown
			}
			return key("a", 4), "", nil
		}, nil)
		defer f.Close()
		keys.Put(key("a", 3), "")
		f.Doubt("a")
		keys.is(t, "a", 3, true) // at once
		synctest.Wait()
		time.Sleep(5 * time.Second) // fake time: 50 ms, 100, 200, ... up to 2 s apart
		synctest.Wait()
		keys.is(t, "a", 3, true)
		time.Sleep(10 * time.Second)
		synctest.Wait()
		keys.is(t, "a", 4, false)
		if tries != 8 {
			t.Errorf("read %d times, want 8", tries)
		}
	})
}

// News that was on its way when the doubt arose says nothing about the change
// whose outcome is not known.
func TestLatePublishDoesNotSettleADoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, answer := newTable(), make(chan latchkey.Key)
		f := cluster.NewFeed(keys, func(ctx context.Context, _ string) (latchkey.Key, latchkey.Secret, error) {
			return <-answer, "", nil
		}, nil)
		defer f.Close()
		keys.Put(key("a", 3), "")
		f.Doubt("a")
		if _, err := f.Publish(context.Background(), key("a", 4), ""); err != nil {
			t.Fatal(err)
		}
		keys.is(t, "a", 4, true)
		answer <- key("a", 5)
		synctest.Wait()
		keys.is(t, "a", 5, false)
	})
}

// A reading that began before the second doubt does not settle it.
func TestADoubtDuringAReadingNeedsAnotherReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys, answer := newTable(), make(chan latchkey.Key)
		f := cluster.NewFeed(keys, func(context.Context, string) (latchkey.Key, latchkey.Secret, error) {
			return <-answer, "", nil
		}, nil)
		defer f.Close()
		f.Doubt("a")
		synctest.Wait() // the reading has begun
		f.Doubt("a")
		answer <- key("a", 4)
		synctest.Wait()
		keys.is(t, "a", 4, true)
		answer <- key("a", 5)
		synctest.Wait()
		keys.is(t, "a", 5, false)
	})
}

func TestADoubtedKeyThatIsGoneIsDeleted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newTable()
		f := cluster.NewFeed(keys, func(context.Context, string) (latchkey.Key, latchkey.Secret, error) {
			return latchkey.Key{}, "", latchkey.ErrKeyGone
		}, nil)
		defer f.Close()
		keys.Put(key("a", 3), "")
		f.Doubt("a")
		synctest.Wait()
		if got := keys.keys["a"].Status; got != latchkey.StatusDeleted {
			t.Errorf("status %q", got)
		}
	})
}

func TestOneKeyThatCannotBeReadDoesNotStopTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := newTable()
		f := cluster.NewFeed(keys, func(ctx context.Context, id string) (latchkey.Key, latchkey.Secret, error) {
			if id == "stuck" {
				<-ctx.Done() // a database that hangs
				return latchkey.Key{}, "", ctx.Err()
			}
			return key(id, 2), "", nil
		}, nil)
		f.Doubt("stuck")
		f.Doubt("a")
		time.Sleep(30 * time.Second)
		synctest.Wait()
		keys.is(t, "a", 2, false)
		keys.is(t, "stuck", 0, true)
		f.Close() // does not wait for the database
		keys.is(t, "stuck", 0, true)
		f.Doubt("late")
		keys.is(t, "late", 0, true)
	})
}

func TestManyChangesAtOnce(t *testing.T) {
	keys := newTable()
	f := cluster.NewFeed(keys, func(context.Context, string) (latchkey.Key, latchkey.Secret, error) {
		return key("a", 1000), "", nil
	}, nil)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() { _, _ = f.Publish(context.Background(), key("a", int64(i)), "") })
		all.Go(func() { f.Doubt("a") })
	}
	all.Wait()
	for { // the feed runs in real time here; the loop ends when it settled
		keys.mu.Lock()
		settled := !keys.held["a"] && keys.keys["a"].Version == 1000
		keys.mu.Unlock()
		if settled {
			break
		}
		time.Sleep(time.Millisecond)
	}
	f.Close()
}
