package latchkey_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"latchkey"

	"pgregory.net/rapid"
)

// flags lists each permission with its names, written out.
var flags = []struct {
	flag    latchkey.Permissions
	bit     latchkey.Permissions
	name    string
	display string
}{
	{latchkey.Read, 1, "read", "Read"},
	{latchkey.Trade, 2, "trade", "Trade"},
	{latchkey.FundsInternal, 4, "funds_internal", "Funds Internal"},
	{latchkey.FundsWallet, 8, "funds_wallet", "Funds Wallet"},
	{latchkey.FundsExternal, 16, "funds_external", "Funds External"},
}

func TestPermissionsHaveFixedBitsAndNames(t *testing.T) {
	for _, f := range flags {
		if f.flag != f.bit { // the bits stand in databases
			t.Errorf("%s is bit %d, want %d", f.name, f.flag, f.bit)
		}
		if got := f.flag.Names(); !slices.Equal(got, []string{f.name}) {
			t.Errorf("names of %s: %v", f.name, got)
		}
		if got := f.flag.String(); got != f.display {
			t.Errorf("%s is shown as %q, want %q", f.name, got, f.display)
		}
	}
}

func TestReadCannotBeSwitchedOff(t *testing.T) {
	if got := latchkey.NewPermissions(); got != latchkey.Read {
		t.Errorf("no flags give %q, want Read", got)
	}
	for _, f := range flags {
		if got := latchkey.NewPermissions(f.flag); !got.Has(latchkey.Read) || !got.Valid() {
			t.Errorf("NewPermissions(%s) is %q", f.name, got)
		}
		got, err := latchkey.ParsePermissions([]string{f.name})
		if want := f.flag | latchkey.Read; err != nil || got != want {
			t.Errorf("[%s] reads as %q, %v, want %q", f.name, got, err, want)
		}
		if f.flag != latchkey.Read && f.flag.Valid() {
			t.Errorf("%s alone counts as valid", f.name)
		}
	}
	for _, none := range [][]string{nil, {}} {
		if got, err := latchkey.ParsePermissions(none); err != nil || got != latchkey.Read {
			t.Errorf("%v reads as %q, %v, want Read", none, got, err)
		}
	}
}

func TestEverySetIsJudged(t *testing.T) {
	for p := range 256 {
		set := latchkey.Permissions(p)
		if want := p%2 == 1 && p < 32; set.Valid() != want {
			t.Errorf("%08b: valid is %v, want %v", p, set.Valid(), want)
		}
	}
}

func TestHasAsksForEveryFlag(t *testing.T) {
	for p := range 32 {
		for want := range 32 {
			every := want != 0
			for bit := 1; bit < 32; bit <<= 1 {
				every = every && (want&bit == 0 || p&bit != 0)
			}
			if got := latchkey.Permissions(p).Has(latchkey.Permissions(want)); got != every {
				t.Errorf("%05b has %05b: %v, want %v", p, want, got, every)
			}
		}
	}
}

func TestAskingForNothingIsRefused(t *testing.T) {
	for p := range 256 {
		if latchkey.Permissions(p).Has(0) {
			t.Errorf("%08b has the permission that nobody stated", p)
		}
	}
}

func TestNoPermissionImpliesAnother(t *testing.T) {
	for _, f := range flags {
		for _, other := range flags {
			if got := f.flag.Has(other.flag); got != (f.flag == other.flag) {
				t.Errorf("%s has %s: %v", f.name, other.name, got)
			}
		}
	}
}

func TestUnknownPermissionsAreRefused(t *testing.T) {
	for _, name := range []string{"", " ", "Read", "TRADE", "funds", "funds internal", "funds-internal", "admin", "*", "all", "read,trade", "trade\x00", "reаd"} {
		got, err := latchkey.ParsePermissions([]string{"read", name})
		if latchkey.Code(err) != "invalid_permissions" || got != 0 {
			t.Errorf("%q reads as %q, %v", name, got, err)
		}
		if err != nil && !strings.Contains(err.Error(), "funds_external") {
			t.Errorf("the refusal of %q does not say which are known: %v", name, err)
		}
	}
}

func TestPermissionNamesMayStandTwiceAndInAnyOrder(t *testing.T) {
	got, err := latchkey.ParsePermissions([]string{" funds_wallet ", "trade", "read", "trade"})
	if want := latchkey.NewPermissions(latchkey.Trade, latchkey.FundsWallet); err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if text := got.String(); text != "Read, Trade, Funds Wallet" {
		t.Errorf("shown as %q", text)
	}
}

func TestPermissionsInJSON(t *testing.T) {
	for in, want := range map[string]latchkey.Permissions{
		`[]`:                        latchkey.Read,
		`["trade"]`:                 latchkey.NewPermissions(latchkey.Trade),
		`["funds_external","read"]`: latchkey.NewPermissions(latchkey.FundsExternal),
	} {
		var got latchkey.Permissions
		if err := json.Unmarshal([]byte(in), &got); err != nil || got != want {
			t.Errorf("%s reads as %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{`3`, `"trade"`, `{"trade":true}`, `["trade",1]`, `["root"]`, `[null,"trade"]`, `[["trade"]]`, `true`} {
		got := latchkey.Read
		if err := json.Unmarshal([]byte(in), &got); err == nil || got != latchkey.Read {
			t.Errorf("%s reads as %q, %v, want an error and no change", in, got, err)
		}
	}
	if out, err := json.Marshal(latchkey.Permissions(0)); err != nil || string(out) != `[]` {
		t.Errorf("no permission is written as %s, %v", out, err)
	}
}

func TestPermissionsSurviveJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		set := latchkey.NewPermissions(latchkey.Permissions(rapid.IntRange(0, 31).Draw(t, "set")))
		out, err := json.Marshal(set)
		if err != nil {
			t.Fatal(err)
		}
		var back latchkey.Permissions
		if err := json.Unmarshal(out, &back); err != nil || back != set {
			t.Fatalf("%s reads as %q, %v", out, back, err)
		}
	})
}
