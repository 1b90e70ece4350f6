package latchkey_test

import (
	"testing"
	"time"

	"latchkey"

	"github.com/google/go-cmp/cmp"
)

// bot is an active key with Read and Trade from two addresses.
func bot(t testing.TB) latchkey.Key {
	t.Helper()
	return latchkey.Key{
		ID: "lk_1", AccountID: "acc_1", Name: "bot-1", Status: latchkey.StatusActive, Version: 3,
		Permissions: latchkey.NewPermissions(latchkey.Trade), Allowlist: allowlist(t, "8.8.8.8", "9.9.9.0/24"),
		CreatedAt: time.Unix(1_700_000_000, 0), UpdatedAt: time.Unix(1_700_000_500, 0), LastUsed: time.Unix(1_700_000_600, 0),
	}
}

// editOf makes an edit of permissions, of the allowlist, or of both.
func editOf(permissions *latchkey.Permissions, list *latchkey.Allowlist) latchkey.Edit {
	return latchkey.Edit{Permissions: permissions, Allowlist: list}
}

func TestAnEditChangesWhatItNamesAndNothingElse(t *testing.T) {
	withdraw := latchkey.NewPermissions(latchkey.FundsWallet)
	home, anywhere := allowlist(t, "1.1.1.1"), latchkey.Allowlist{}
	for name, c := range map[string]struct {
		edit        latchkey.Edit
		permissions latchkey.Permissions
		allowlist   string
		changes     []latchkey.Change
		summary     string
	}{
		"permissions": {editOf(&withdraw, nil), withdraw, "8.8.8.8, 9.9.9.0/24",
			[]latchkey.Change{{Field: "permissions", Old: "Read, Trade", New: "Read, Funds Wallet"}}, "- Trade, + Funds Wallet"},
		"allowlist": {editOf(nil, &home), latchkey.NewPermissions(latchkey.Trade), "1.1.1.1",
			[]latchkey.Change{{Field: "allowlist", Old: "8.8.8.8, 9.9.9.0/24", New: "1.1.1.1"}}, "1 IP"},
		"both": {editOf(&withdraw, &anywhere), withdraw, "any address",
			[]latchkey.Change{
				{Field: "permissions", Old: "Read, Trade", New: "Read, Funds Wallet"},
				{Field: "allowlist", Old: "8.8.8.8, 9.9.9.0/24", New: "any address"},
			}, "- Trade, + Funds Wallet, any IP"},
	} {
		t.Run(name, func(t *testing.T) {
			before := bot(t)
			after, changes, err := before.Edited(c.edit)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.changes, changes); diff != "" {
				t.Errorf("changes (-want +got):\n%s", diff)
			}
			if after.Permissions != c.permissions || after.Allowlist.String() != c.allowlist {
				t.Errorf("the key has %q from %q now", after.Permissions, after.Allowlist)
			}
			if got := before.SummaryOf(after); got != c.summary {
				t.Errorf("summary %q, want %q", got, c.summary)
			}
			after.Permissions, after.Allowlist = before.Permissions, before.Allowlist
			if diff := cmp.Diff(bot(t), after); diff != "" {
				t.Errorf("something else changed (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(bot(t), before); diff != "" {
				t.Errorf("the key that was asked about changed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnEditThatChangesNothingIsRefused(t *testing.T) {
	same := latchkey.NewPermissions(latchkey.Trade)
	spelled := allowlist(t, "9.9.9.0/24", "8.8.8.8/32") // other order, other spelling
	for name, edit := range map[string]latchkey.Edit{
		"empty": {}, "same permissions": editOf(&same, nil), "same allowlist": editOf(nil, &spelled), "same both": editOf(&same, &spelled),
	} {
		after, changes, err := bot(t).Edited(edit)
		if latchkey.Code(err) != "nothing_changed" || changes != nil || !cmp.Equal(after, latchkey.Key{}) {
			t.Errorf("%s: %+v, %v, %v", name, after, changes, err)
		}
	}
}

func TestAnEditCannotSwitchReadOff(t *testing.T) {
	for _, p := range []latchkey.Permissions{0, latchkey.Trade, latchkey.FundsExternal, latchkey.Read | 32, 255} {
		after, _, err := bot(t).Edited(editOf(&p, nil))
		if latchkey.Code(err) != "invalid_permissions" || !cmp.Equal(after, latchkey.Key{}) {
			t.Errorf("permissions %08b: %+v, %v", p, after, err)
		}
	}
}

// Edited says what will be written, Moved says where it ends: together they
// are the edit of product.md, from either status.
func TestAnEditedKeyEndsInactive(t *testing.T) {
	trade, at := latchkey.NewPermissions(latchkey.FundsInternal), time.Unix(1_700_001_000, 0)
	for _, from := range []latchkey.Status{latchkey.StatusActive, latchkey.StatusInactive} {
		key := bot(t)
		key.Status = from
		after, _, err := key.Edited(editOf(&trade, nil))
		if err != nil {
			t.Fatal(err)
		}
		after, err = after.Moved(latchkey.OpEdit, at)
		if err != nil || after.Status != latchkey.StatusInactive || after.Version != 4 || !after.UpdatedAt.Equal(at) || after.Permissions != trade {
			t.Errorf("from %s: %+v, %v", from, after, err)
		}
	}
}

func TestSummaries(t *testing.T) {
	for _, c := range []struct {
		list []string
		want string
	}{
		{nil, "Read, Trade; any IP"},
		{[]string{"8.8.8.8"}, "Read, Trade; 1 IP"},
		{[]string{"8.8.8.8", "9.9.9.0/24"}, "Read, Trade; 2 IPs"},
	} {
		key := bot(t)
		key.Allowlist = allowlist(t, c.list...)
		if got := key.Summary(); got != c.want {
			t.Errorf("%v: %q, want %q", c.list, got, c.want)
		}
	}
	// The words of the article's SMS.
	before, after := bot(t), bot(t)
	before.Permissions, before.Allowlist = latchkey.Read, latchkey.Allowlist{}
	if got := before.SummaryOf(after); got != "+ Trade, 2 IPs" {
		t.Errorf("summary %q", got)
	}
	if got := after.SummaryOf(after); got != "" {
		t.Errorf("summary of no change: %q", got)
	}
}

// The summary is what the owner reads in the message before the code is typed
// in. A permission that it does not name would be given unseen.
func TestTheSummaryNamesEveryPermissionThatChanges(t *testing.T) {
	for _, f := range flags[1:] {
		with, without := bot(t), bot(t)
		with.Permissions, without.Permissions = latchkey.NewPermissions(f.flag), latchkey.Read
		if got := without.SummaryOf(with); got != "+ "+f.display {
			t.Errorf("giving %s reads %q", f.name, got)
		}
		if got := with.SummaryOf(without); got != "- "+f.display {
			t.Errorf("taking %s reads %q", f.name, got)
		}
	}
}
