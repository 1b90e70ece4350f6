package latchkey_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"latchkey"
)

// whole is a pending with every field of its content filled.
func whole(t testing.TB) latchkey.Pending {
	t.Helper()
	p := waiting()
	p.NewSecret = "JBSWY3DPEHPK3PXP"
	p.Draft = latchkey.Draft{
		KeyName: "bot-1", Permissions: latchkey.NewPermissions(latchkey.Trade), Allowlist: allowlist(t, "8.8.8.8", "9.9.9.0/24"),
		Changes:  []latchkey.Change{{Field: "permissions", Old: "Read", New: "Read, Trade"}, {Field: "allowlist", Old: "any address", New: "8.8.8.8"}},
		FactorID: "fac_2", FactorKind: latchkey.FactorTOTP, FactorLabel: "Authenticator app", Summary: "edit key bot-1: + Trade, 2 IPs",
		Browser: "brw_1",
	}
	return p
}

// progress lists the fields that may change while a pending waits for the same
// content. Every other field, also one that will be added, is content.
var progress = []string{
	"Digest", "State", "FactorKind", "FactorID", "Attempts", "Sends", "CodeSentAt", "Code", "CreatedAt", "ExpiresAt",
}

// mutant is a pending that differs in one value.
type mutant struct {
	name    string
	pending latchkey.Pending
}

// variants returns other values of a field: changed and, for what has a length,
// shorter and empty. Of a type that it does not know it fails the test, so that
// a new field cannot be forgotten.
func variants(t testing.TB, v reflect.Value) []reflect.Value {
	t.Helper()
	var out []reflect.Value
	add := func(change func(to reflect.Value)) {
		to := reflect.New(v.Type()).Elem()
		to.Set(v)
		change(to)
		out = append(out, to)
	}
	switch old := v.Interface().(type) {
	case time.Time:
		add(func(to reflect.Value) { to.Set(reflect.ValueOf(old.Add(time.Second))) })
		return out
	case latchkey.Permissions:
		for _, f := range flags[1:] { // Read is in every set
			add(func(to reflect.Value) { to.SetUint(uint64(old ^ f.flag)) })
		}
		return out
	case latchkey.Allowlist:
		for _, entries := range [][]string{{}, {"8.8.8.8"}, {"8.8.8.8", "9.9.9.0/25"}, {"8.8.8.9", "9.9.9.0/24"}, {"1.1.1.1", "8.8.8.8", "9.9.9.0/24"}} {
			add(func(to reflect.Value) { to.Set(reflect.ValueOf(allowlist(t, entries...))) })
		}
		return out
	case []latchkey.Change:
		add(func(to reflect.Value) { to.SetZero() })
		add(func(to reflect.Value) { to.Set(reflect.ValueOf(old[:1])) })
		add(func(to reflect.Value) { to.Set(reflect.ValueOf([]latchkey.Change{old[1], old[0]})) })
		for i := range reflect.TypeFor[latchkey.Change]().NumField() {
			add(func(to reflect.Value) {
				changes := slices.Clone(old)
				reflect.ValueOf(&changes[0]).Elem().Field(i).SetString("other")
				to.Set(reflect.ValueOf(changes))
			})
		}
		return out
	}
	switch v.Kind() {
	case reflect.String:
		add(func(to reflect.Value) { to.SetString(v.String() + "x") })
		add(func(to reflect.Value) { to.SetString("") })
	case reflect.Int, reflect.Int64:
		add(func(to reflect.Value) { to.SetInt(v.Int() + 1) })
		add(func(to reflect.Value) { to.SetInt(-v.Int() - 1) })
	default:
		t.Fatalf("variants does not know %v: teach it", v.Type())
	}
	return out
}

// mutants changes the fields of a pending, and of its draft, one at a time.
func mutants(t testing.TB, field func(name string) bool) []mutant {
	t.Helper()
	var out []mutant
	var walk func(name string, pick func(p *latchkey.Pending) reflect.Value)
	walk = func(name string, pick func(p *latchkey.Pending) reflect.Value) {
		p := whole(t)
		v := pick(&p)
		if v.Type() == reflect.TypeFor[latchkey.Draft]() {
			for i := range v.NumField() {
				walk(name+"."+v.Type().Field(i).Name, func(p *latchkey.Pending) reflect.Value { return pick(p).Field(i) })
			}
			return
		}
		for i, other := range variants(t, v) {
			p := whole(t)
			pick(&p).Set(other)
			out = append(out, mutant{fmt.Sprintf("%s/%d", name, i), p})
		}
	}
	for i := range reflect.TypeFor[latchkey.Pending]().NumField() {
		if name := reflect.TypeFor[latchkey.Pending]().Field(i).Name; field(name) {
			walk(name, func(p *latchkey.Pending) reflect.Value { return reflect.ValueOf(p).Elem().Field(i) })
		}
	}
	return out
}

func isProgress(name string) bool { return slices.Contains(progress, name) }

// A code is good for the exact change that was shown (PSD2 RTS, article 5).
func TestTheDigestChangesWithEveryFieldOfTheContent(t *testing.T) {
	seen := map[string]string{whole(t).ContentDigest(): "the original"}
	all := mutants(t, func(name string) bool { return !isProgress(name) })
	for _, m := range all {
		digest := m.pending.ContentDigest()
		if twin, twice := seen[digest]; twice {
			t.Errorf("%s has the digest of %s", m.name, twin)
		}
		seen[digest] = m.name
	}
	if len(all) < 20 {
		t.Errorf("only %d mutants", len(all))
	}
}

func TestTheDigestStaysWhileAPendingWaits(t *testing.T) {
	want := whole(t).ContentDigest()
	all := mutants(t, isProgress)
	for _, m := range all {
		if m.pending.ContentDigest() != want {
			t.Errorf("%s changes the digest, so no code could ever confirm", m.name)
		}
	}
	if len(all) < len(progress) {
		t.Errorf("%d mutants of %d fields: a name in progress is no field", len(all), len(progress))
	}
}

// The draft is kept as JSON, and the digest is computed again from what was
// read back.
func TestTheDigestSurvivesTheStore(t *testing.T) {
	for name, draft := range map[string]latchkey.Draft{"whole": whole(t).Draft, "empty": {}, "no changes": {Changes: []latchkey.Change{}}} {
		data, err := json.Marshal(draft)
		if err != nil {
			t.Fatal(err)
		}
		before, after := whole(t), whole(t)
		before.Draft, after.Draft = draft, latchkey.Draft{}
		if err := json.Unmarshal(data, &after.Draft); err != nil || after.ContentDigest() != before.ContentDigest() {
			t.Errorf("%s: %s reads as %+v, %v", name, data, after.Draft, err)
		}
	}
}

// Values that move from one field to its neighbour make another content.
func TestTheDigestKeepsFieldsApart(t *testing.T) {
	one, two := whole(t), whole(t)
	one.AccountID, one.MemberID = "ab", "c"
	two.AccountID, two.MemberID = "a", "bc"
	if one.ContentDigest() == two.ContentDigest() {
		t.Error("ab+c and a+bc have the same digest")
	}
	two = whole(t)
	two.KeyID, two.SessionID = two.SessionID, two.KeyID
	if two.ContentDigest() == whole(t).ContentDigest() {
		t.Error("two fields can change places")
	}
}

func TestTheDigestIsSHA256AndKeepsNoSecret(t *testing.T) {
	digest := whole(t).ContentDigest()
	if !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(digest) || digest != whole(t).ContentDigest() {
		t.Errorf("the digest is %q", digest)
	}
	if (latchkey.Pending{}).ContentDigest() == "" {
		t.Error("the zero pending has an empty digest, which an empty column would match")
	}
}
