package latchkey_test

import (
	"slices"
	"testing"
	"time"

	"latchkey"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// cell is one square of operation x status, written out: what follows, with
// which proof, or which refusal.
type cell struct {
	op    latchkey.Operation
	from  latchkey.Status
	to    latchkey.Status
	proof latchkey.Proof
	code  string // of the refusal; "" where the operation is possible
}

const nowhere = latchkey.Status("nowhere")

// cells repeats product.md's table by hand, with every square that it leaves
// empty. It is not made from lifecycle.go, or the test could not fail.
var cells = []cell{
	{"create", "", "inactive", "second_factor", ""},
	{"create", "inactive", "", "", "wrong_status"},
	{"create", "active", "", "", "wrong_status"},
	{"create", "deleted", "", "", "key_not_found"},
	{"create", nowhere, "", "", "wrong_status"},

	{"activate", "", "", "", "key_not_found"},
	{"activate", "inactive", "active", "email_code", ""},
	{"activate", "active", "", "", "wrong_status"},
	{"activate", "deleted", "", "", "key_not_found"},
	{"activate", nowhere, "", "", "wrong_status"},

	{"deactivate", "", "", "", "key_not_found"},
	{"deactivate", "inactive", "", "", "wrong_status"},
	{"deactivate", "active", "inactive", "none", ""},
	{"deactivate", "deleted", "", "", "key_not_found"},
	{"deactivate", nowhere, "", "", "wrong_status"},

	{"edit", "", "", "", "key_not_found"},
	{"edit", "inactive", "inactive", "second_factor", ""},
	{"edit", "active", "inactive", "second_factor", ""},
	{"edit", "deleted", "", "", "key_not_found"},
	{"edit", nowhere, "", "", "wrong_status"},

	{"delete", "", "", "", "key_not_found"},
	{"delete", "inactive", "deleted", "second_factor", ""},
	{"delete", "active", "deleted", "second_factor", ""},
	{"delete", "deleted", "", "", "key_not_found"},
	{"delete", nowhere, "", "", "wrong_status"},
}

// notKeys are operations that no key can undergo: those on what guards the
// keys, unknown ones, and near misses of known ones.
var notKeys = []latchkey.Operation{
	latchkey.OpSignIn, latchkey.OpEnrolFactor, latchkey.OpValidateFactor, latchkey.OpRemoveFactor,
	latchkey.OpRecoveryRenewal, "", "Activate", "activate ", "restore", "undelete",
}

var (
	keyOperations = []latchkey.Operation{
		latchkey.OpCreate, latchkey.OpActivate, latchkey.OpDeactivate, latchkey.OpEdit, latchkey.OpDelete,
	}
	statuses = []latchkey.Status{
		latchkey.StatusNone, latchkey.StatusInactive, latchkey.StatusActive, latchkey.StatusDeleted, nowhere,
	}
)

func TestEveryCellOfTheLifecycle(t *testing.T) {
	for _, c := range cells {
		rule, err := latchkey.RuleFor(c.op, c.from)
		if got := latchkey.Code(err); got != c.code || (err == nil) != (c.code == "") {
			t.Errorf("%s from %q: error %v, want code %q", c.op, c.from, err, c.code)
		}
		if err != nil {
			if !cmp.Equal(rule, latchkey.Rule{}) {
				t.Errorf("%s from %q: a rule came with the refusal: %+v", c.op, c.from, rule)
			}
			continue
		}
		if rule.Operation != c.op || rule.To != c.to || rule.Proof != c.proof || !slices.Contains(rule.From, c.from) {
			t.Errorf("%s from %q gives %+v, want to %q with %q", c.op, c.from, rule, c.to, c.proof)
		}
	}
}

func TestTheCellsAreComplete(t *testing.T) {
	for _, op := range keyOperations {
		for _, from := range statuses {
			n := 0
			for _, c := range cells {
				if c.op == op && c.from == from {
					n++
				}
			}
			if n != 1 {
				t.Errorf("%s from %q stands %d times in the cells, want once", op, from, n)
			}
		}
	}
	if want := len(keyOperations) * len(statuses); len(cells) != want {
		t.Errorf("%d cells, want %d", len(cells), want)
	}
}

func TestTheTableHasNoOtherRow(t *testing.T) {
	want := []latchkey.Rule{
		{Operation: "create", From: []latchkey.Status{""}, To: "inactive", Proof: "second_factor"},
		{Operation: "activate", From: []latchkey.Status{"inactive"}, To: "active", Proof: "email_code"},
		{Operation: "deactivate", From: []latchkey.Status{"active"}, To: "inactive", Proof: "none"},
		{Operation: "edit", From: []latchkey.Status{"active", "inactive"}, To: "inactive", Proof: "second_factor"},
		{Operation: "delete", From: []latchkey.Status{"active", "inactive"}, To: "deleted", Proof: "second_factor"},
	}
	if diff := cmp.Diff(want, latchkey.Lifecycle()); diff != "" {
		t.Errorf("the lifecycle is not the product's (-want +got):\n%s", diff)
	}
}

func TestNoKeyUndergoesAnotherOperation(t *testing.T) {
	for _, op := range notKeys {
		for _, from := range statuses {
			if rule, err := latchkey.RuleFor(op, from); latchkey.Code(err) == "" {
				t.Errorf("%q from %q is possible: %+v, %v", op, from, rule, err)
			}
		}
		if latchkey.KeyOperation(op) {
			t.Errorf("%q counts as an operation on a key", op)
		}
	}
	for _, op := range keyOperations {
		if !latchkey.KeyOperation(op) {
			t.Errorf("%q does not count as an operation on a key", op)
		}
	}
}

func TestEveryOperationStatesItsProof(t *testing.T) {
	want := map[latchkey.Operation]latchkey.Proof{
		"create": "second_factor", "activate": "email_code", "deactivate": "none", "edit": "second_factor", "delete": "second_factor",
		"sign_in": "second_factor", "enrol_factor": "second_factor", "validate_factor": "new_factor",
		"remove_factor": "second_factor", "recovery_renewal": "second_factor",
		"": "", "restore": "", "Create": "",
	}
	for op, proof := range want {
		if got := latchkey.ProofFor(op); got != proof {
			t.Errorf("%q needs %q, want %q", op, got, proof)
		}
	}
	// What "happens at once" must never be what a forgotten proof looks like.
	if latchkey.ProofUnknown == latchkey.ProofNone || latchkey.ProofUnknown != "" {
		t.Error("the zero proof is not the unknown one")
	}
}

func TestTheInvariantsOfTheTable(t *testing.T) {
	for _, rule := range latchkey.Lifecycle() {
		if rule.To == latchkey.StatusActive && rule.Proof != latchkey.ProofEmailCode {
			t.Errorf("%s makes a key active with %q; only an e-mail code may", rule.Operation, rule.Proof)
		}
		if rule.Operation == latchkey.OpEdit && rule.To != latchkey.StatusInactive {
			t.Errorf("an edit ends %s, want inactive", rule.To)
		}
		if slices.Contains(rule.From, latchkey.StatusDeleted) {
			t.Errorf("%s leaves deleted", rule.Operation)
		}
		if rule.To == latchkey.StatusNone {
			t.Errorf("%s un-creates a key, so its id could be given again", rule.Operation)
		}
		if rule.Proof == latchkey.ProofNone && rule.Operation != latchkey.OpDeactivate {
			t.Errorf("%s needs no proof; only deactivate only takes rights away", rule.Operation)
		}
	}
}

func TestTheTableCannotBeChangedThroughItsAnswers(t *testing.T) {
	latchkey.Lifecycle()[1].From[0] = latchkey.StatusDeleted
	rule, err := latchkey.RuleFor(latchkey.OpActivate, latchkey.StatusInactive)
	if err != nil {
		t.Fatalf("Lifecycle gave the table itself away: %v", err)
	}
	rule.From[0] = latchkey.StatusDeleted
	if _, err := latchkey.RuleFor(latchkey.OpActivate, latchkey.StatusDeleted); err == nil {
		t.Error("RuleFor gave the table itself away: a deleted key can be activated")
	}
}

func TestMovedFollowsEveryCell(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range cells {
		before := latchkey.Key{ID: "lk_1", Name: "bot-1", Status: c.from, Version: 7, Permissions: latchkey.Read}
		after, err := before.Moved(c.op, at)
		want := before
		want.Status, want.Version, want.UpdatedAt = c.to, 8, at
		if c.code != "" {
			want = latchkey.Key{}
		}
		if got := latchkey.Code(err); got != c.code {
			t.Errorf("%s from %q: code %q, want %q", c.op, c.from, got, c.code)
		}
		if diff := cmp.Diff(want, after); diff != "" {
			t.Errorf("%s from %q (-want +got):\n%s", c.op, c.from, diff)
		}
		if before.Status != c.from || before.Version != 7 {
			t.Errorf("%s from %q touched the key it was asked about", c.op, c.from)
		}
	}
}

// A walk of any length keeps what no single cell can show: a deleted key stays
// so, and the last step of an active key was its activation.
func TestNoWalkLeavesTheRules(t *testing.T) {
	operations := slices.Concat(keyOperations, notKeys)
	rapid.Check(t, func(t *rapid.T) {
		var key latchkey.Key
		for _, op := range rapid.SliceOfN(rapid.SampledFrom(operations), 0, 60).Draw(t, "operations") {
			after, err := key.Moved(op, time.Time{})
			if err != nil {
				continue
			}
			switch {
			case key.Status == latchkey.StatusDeleted:
				t.Fatalf("%s woke a deleted key", op)
			case after.Status == latchkey.StatusActive && op != latchkey.OpActivate:
				t.Fatalf("%s made the key active", op)
			case after.Version != key.Version+1:
				t.Fatalf("%s: version %d follows %d", op, after.Version, key.Version)
			}
			key = after
		}
	})
}

// Whoever presses a button twice is told that it is done, and everybody else what
// is in the way.
func TestAMissingCellSaysWhatIsInTheWay(t *testing.T) {
	for _, c := range []struct {
		op   latchkey.Operation
		from latchkey.Status
		want string
	}{
		{latchkey.OpActivate, latchkey.StatusActive, "the key is active already"},
		{latchkey.OpDeactivate, latchkey.StatusInactive, "the key is inactive already"},
		{latchkey.OpCreate, latchkey.StatusActive, "create is not possible while the key is active"},
		{latchkey.OpCreate, latchkey.StatusInactive, "create is not possible while the key is inactive"},
	} {
		if _, err := latchkey.RuleFor(c.op, c.from); err == nil || err.Error() != c.want {
			t.Errorf("%s while %s: %v, want %q", c.op, c.from, err, c.want)
		}
	}
}
