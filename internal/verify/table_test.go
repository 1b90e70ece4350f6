package verify_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"latchkey"
	"latchkey/internal/verify"

	"pgregory.net/rapid"
)

func version(n int64, status latchkey.Status) latchkey.Key {
	k := good().key
	k.Version, k.Status = n, status
	return k
}

// Fault 19. A reading of the database takes long; meanwhile the owner stops the
// key, and the news of it overtakes the reading. What was read before must not
// bring the key back.
func TestOlderNewsNeverReplacesNewer(t *testing.T) {
	c := good()
	w := c.world()
	w.table.Put(version(5, latchkey.StatusInactive), "")
	for _, late := range []latchkey.Secret{secret, "", "another secret"} {
		w.table.Put(version(4, latchkey.StatusActive), late)
		check(t, w, c, verify.KeyNotActivated)
	}
	w.table.Put(version(6, latchkey.StatusActive), "")
	check(t, w, c, verify.Allowed)
}

func TestADeletionIsFinal(t *testing.T) {
	c := good()
	w := c.world()
	w.table.Put(latchkey.Key{ID: c.key.ID, Status: latchkey.StatusDeleted}, "") // of no version at all
	for _, n := range []int64{1, 2, 3, 1 << 60} {
		w.table.Put(version(n, latchkey.StatusActive), secret)
		check(t, w, c, verify.Unauthorized)
	}
	if n := w.table.Len(); n != 0 {
		t.Errorf("%d keys, want 0", n)
	}
}

func TestAStatusThatNobodyKnowsIsNotActive(t *testing.T) {
	for _, status := range []latchkey.Status{"", "ACTIVE", "Active", "active ", "enabled"} {
		c := good()
		c.key.Status = status
		check(t, c.world(), c, verify.KeyNotActivated)
	}
}

func TestASecretMayComeLateButNeverGoes(t *testing.T) {
	c := good()
	w := c.world()
	w.table.Put(version(3, latchkey.StatusActive), "") // keeps the secret
	check(t, w, c, verify.Allowed)

	table := verify.NewTable()
	table.Put(version(2, latchkey.StatusActive), "") // the activation overtook the creation
	if table.Len() != 0 {
		t.Error("a key without its secret counts as known")
	}
	table.Put(version(1, latchkey.StatusInactive), secret)
	if e := table.Lookup([]byte(c.key.ID)); e == nil || table.Len() != 1 {
		t.Fatal("the late secret was dropped")
	}
	w = c.world()
	w.Table = table
	c.body = "{}"
	check(t, w, c, verify.Allowed)
}

func TestOnlyReleaseEndsAHold(t *testing.T) {
	c := good()
	w := c.world()
	w.table.Hold(c.key.ID)
	w.table.Put(version(3, latchkey.StatusActive), secret)
	check(t, w, c, verify.KeyStateChanging)
	w.table.Release(c.key.ID)
	check(t, w, c, verify.Allowed)
	w.table.Hold("lk_unheard_of")
	w.table.Release("lk_unheard_of")
	w.table.Release("lk_never_held")
	if w.table.Len() != 1 {
		t.Error("a held key that does not exist counts")
	}
}

// Whatever the order of arrival, what is left is the newest version.
func TestAnyOrderEndsAtTheNewestVersion(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		versions := rapid.SliceOfN(rapid.Int64Range(1, 20), 1, 12).Draw(t, "versions")
		table := verify.NewTable()
		for i, n := range versions {
			k := version(n, latchkey.StatusActive)
			k.AccountID = fmt.Sprint("acc_", n)
			given := latchkey.Secret("")
			if i == 0 {
				given = secret
			}
			table.Put(k, given)
		}
		want := fmt.Sprint("acc_", slices.Max(versions))
		if got := table.Lookup([]byte("lk_one")).AccountID(); got != want {
			t.Fatalf("%v ends at %s, want %s", versions, got, want)
		}
	})
}

func TestManyWritersAndReaders(t *testing.T) {
	table := verify.NewTable()
	var all sync.WaitGroup
	for n := range int64(200) {
		all.Go(func() { table.Put(version(n+1, latchkey.StatusActive), secret) })
		all.Go(func() { table.Hold("lk_one"); table.Release("lk_one") })
		all.Go(func() { table.Lookup([]byte("lk_one")); table.Len() })
	}
	all.Wait()
	table.Release("lk_one")
	c := good()
	w := c.world()
	w.Table = table
	check(t, w, c, verify.Allowed)
}
