package verify_test

import (
	"testing"

	"latchkey"
	"latchkey/internal/verify"
)

// TestAMaskedKeyTellsNeitherItsOldNorItsNewState: while another node may decide
// by the other one, every answer could be wrong.
func TestAMaskedKeyTellsNeitherItsOldNorItsNewState(t *testing.T) {
	for status, after := range map[latchkey.Status]verify.Reason{
		latchkey.StatusActive:   verify.Allowed,
		latchkey.StatusInactive: verify.KeyNotActivated,
		latchkey.StatusDeleted:  verify.Unauthorized,
	} {
		c := good()
		w := c.world()
		w.table.Mask(c.key.ID)
		check(t, w, c, verify.KeyStateChanging)
		w.table.Put(version(7, status), "")
		check(t, w, c, verify.KeyStateChanging)
		w.table.Unmask(c.key.ID)
		check(t, w, c, after)
	}
}

// TestADeletionThatIsNotEverywhereIsNotToldByANewNode: it never had the secret,
// so it cannot know who asks, and says no more than that it could not check.
func TestADeletionThatIsNotEverywhereIsNotToldByANewNode(t *testing.T) {
	c := good()
	w := c.world()
	w.table = verify.NewTable()
	w.Table = w.table
	w.table.Mask(c.key.ID)
	w.table.Put(version(7, latchkey.StatusDeleted), "")
	check(t, w, c, verify.Unavailable)
	w.table.Unmask(c.key.ID)
	check(t, w, c, verify.Unauthorized)
}

// TestOnlyTheHolderLearnsThatADeletedKeyIsMasked keeps the id of a key as
// useless for everybody else as it always is.
func TestOnlyTheHolderLearnsThatADeletedKeyIsMasked(t *testing.T) {
	c := good()
	w := c.world()
	w.table.Mask(c.key.ID)
	w.table.Put(version(7, latchkey.StatusDeleted), "")
	c.secret = "another secret"
	check(t, w, c, verify.Unauthorized)
}
