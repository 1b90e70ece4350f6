package verify_test

import (
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey"
	"latchkey/internal/verify"
)

func TestEachOfManyKeysIsFound(t *testing.T) {
	table := verify.NewTable()
	const keys = 50_000
	name := func(n int) string { return fmt.Sprint("lk_", n) }
	for n := range keys {
		k := version(int64(n), latchkey.StatusActive)
		k.ID, k.AccountID = name(n), fmt.Sprint("acc_", n)
		table.Put(k, secret)
	}
	for n := range keys {
		e := table.Lookup([]byte(name(n)))
		if e == nil || e.KeyID() != name(n) || e.AccountID() != fmt.Sprint("acc_", n) || e.Version() != int64(n) {
			t.Fatalf("%s is %+v", name(n), e)
		}
		if unknown := table.Lookup([]byte(name(keys + n))); unknown != nil {
			t.Fatalf("%s is %s", name(keys+n), unknown.KeyID())
		}
	}
	if n := table.Len(); n != keys {
		t.Errorf("%d keys, want %d", n, keys)
	}
}

// strangers are names of many keys.
func strangers() []string {
	names := make([]string, 256*1000)
	for n := range names {
		names[n] = "lk_" + strconv.Itoa(n)
	}
	return names
}

// Two keys of one hash are rare, and must not be one key.
func TestKeysOfOneHashAreToldApart(t *testing.T) {
	ids := []string{"lk_one", "lk_two", "lk_three", "lk_four"}
	for _, id := range ids {
		if e := verify.FindAmongColliding(ids, id); e == nil || e.KeyID() != id {
			t.Errorf("%s is %+v", id, e)
		}
	}
	if e := verify.FindAmongColliding(ids, "lk_five"); e != nil {
		t.Errorf("lk_five is %s", e.KeyID())
	}
}

// A reader takes no lock. While a shard grows and its free places are taken, it
// must neither miss a key nor get the entry of another one. The shard is larger
// than it ever is in a table, so that to copy it takes some time.
func TestALookupIsExactWhileAShardGrows(t *testing.T) {
	names, s := strangers()[:100_000], verify.NewShard()
	s.Add("lk_first")
	var next atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		for n, name := range names {
			next.Store(int64(n))
			s.Add(name)
		}
		next.Store(int64(len(names)))
	})
	for n := next.Load(); n < int64(len(names)); n = next.Load() {
		if e := s.Find("lk_first"); e == nil || e.KeyID() != "lk_first" {
			t.Fatalf("after %d more keys lk_first is %+v", n, e)
		}
		if e := s.Find("lk_nobody"); e != nil {
			t.Fatalf("lk_nobody is %s", e.KeyID())
		}
		if e := s.Find(names[n]); e != nil && e.KeyID() != names[n] {
			t.Fatalf("%s is %s", names[n], e.KeyID())
		}
	}
}

// What was put is what every later lookup finds, and the entry that somebody
// holds from before says so; also while the table grows under both.
func TestAChangeIsSeenByEveryLaterLookup(t *testing.T) {
	table := verify.NewTable()
	table.Put(version(0, latchkey.StatusActive), secret)
	var names []string // in the shard of lk_one
	for _, name := range strangers() {
		if table.SameShard(name, "lk_one") {
			names = append(names, name)
		}
	}
	const last = 20_000
	var newest atomic.Int64
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() {
		for _, name := range names {
			table.Hold(name)
		}
	})
	all.Go(func() {
		for n := range int64(last + 1) {
			table.Put(version(n, latchkey.StatusActive), "")
			newest.Store(n)
		}
	})
	for newest.Load() < last {
		before := newest.Load()
		e := table.Lookup([]byte("lk_one"))
		if e == nil || e.Version() < before {
			t.Fatalf("%+v is found after version %d was put", e, before)
		}
		if e.Version() < newest.Load() && !e.Replaced() {
			t.Fatalf("version %d does not know that it was replaced", e.Version())
		}
	}
}
