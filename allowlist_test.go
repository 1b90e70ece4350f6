package latchkey_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey"

	"github.com/google/go-cmp/cmp"
)

// allowlistCase is one paste of testdata/allowlist.json. The web console's
// tests read the same file, so both judge a paste alike.
type allowlistCase struct {
	Name    string `json:"name"`
	Paste   string `json:"paste"`
	Entries []struct {
		Text           string                `json:"text"`
		Verdict        latchkey.EntryVerdict `json:"verdict"`
		Prefix         string                `json:"prefix"`
		Covers         string                `json:"covers"`
		ReasonContains string                `json:"reasonContains"` // "": no reason at all
	} `json:"entries"`
}

func allowlistCases(t testing.TB) []allowlistCase {
	t.Helper()
	data, err := os.ReadFile("testdata/allowlist.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []allowlistCase
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

func TestEveryPastedEntryGetsItsVerdict(t *testing.T) {
	total := 0
	for _, c := range allowlistCases(t) {
		t.Run(c.Name, func(t *testing.T) {
			_, got := latchkey.ParseAllowlist(c.Paste)
			if len(got) != len(c.Entries) {
				t.Fatalf("%d entries, want %d: %+v", len(got), len(c.Entries), got)
			}
			for i, want := range c.Entries {
				total++
				g := got[i]
				if g.Text != want.Text || g.Verdict != want.Verdict || g.Prefix != want.Prefix || g.Covers != want.Covers {
					t.Errorf("entry %d is %+v, want %+v", i, g, want)
				}
				if (g.Reason == "") != (want.ReasonContains == "") || !strings.Contains(g.Reason, want.ReasonContains) {
					t.Errorf("%q: the reason is %q, want one about %q", g.Text, g.Reason, want.ReasonContains)
				}
			}
		})
	}
	if total < 80 {
		t.Errorf("only %d entries were judged", total)
	}
}

// What is kept is what was judged good, once each, and a list with one bad
// entry is no list.
func TestWhatIsKeptIsWhatWasJudgedGood(t *testing.T) {
	for _, c := range allowlistCases(t) {
		var want []string
		bad := ""
		for _, e := range c.Entries {
			switch e.Verdict {
			case latchkey.EntryValid, latchkey.EntryWarning:
				want = append(want, e.Prefix)
			case latchkey.EntryInvalid:
				bad = e.ReasonContains
			}
		}
		list, _ := latchkey.ParseAllowlist(c.Paste)
		if got := slices.Sorted(slices.Values(list.Strings())); !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%s: kept %v, want %v", c.Name, got, want)
		}
		if len(c.Entries) == 0 {
			continue
		}
		whole, err := latchkey.NewAllowlist([]string{c.Paste})
		switch {
		case bad != "" && (latchkey.Code(err) != "invalid_allowlist" || !whole.Any()):
			t.Errorf("%s: NewAllowlist gave %v, %v despite a bad entry", c.Name, whole, err)
		case bad == "" && (err != nil || !whole.Equal(list)):
			t.Errorf("%s: NewAllowlist gave %v, %v, want %v", c.Name, whole, err, list)
		}
	}
}

// A single zero behind the slash is no leading zero: what is wrong is the address.
func TestTheReasonNamesWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"2001:db8:::/0": "not an IPv4 or IPv6 address", "2001:db8::/032": "leading zeros", "2001:db8::/00": "leading zeros", "192.0.2.0/08": "leading zeros", "192.0.2/0": "not an IPv4 or IPv6 address",
	} {
		if _, err := latchkey.NewAllowlist([]string{text}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func allowlist(t testing.TB, entries ...string) latchkey.Allowlist {
	t.Helper()
	list, err := latchkey.NewAllowlist(entries)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestContains(t *testing.T) {
	office := allowlist(t, "8.8.8.8", "9.9.9.0/24", "2a00:1450::/32", "2606:4700::1111", "::1")
	for text, want := range map[string]bool{
		"8.8.8.8": true, "8.8.8.9": false, "8.8.8.7": false,
		"9.9.9.0": true, "9.9.9.255": true, "9.9.8.255": false, "9.9.10.0": false,
		"2a00:1450::": true, "2a00:1450:ffff:ffff:ffff:ffff:ffff:ffff": true, "2a00:1451::": false, "2a00:144f:ffff::": false,
		"2606:4700::1111": true, "2606:4700::1112": false, "::1": true,
		// A dual-stack socket shows an IPv4 client in the mapped form.
		"::ffff:8.8.8.8": true, "::ffff:909:901": true, "::ffff:8.8.8.9": false,
		// Other forms that carry 8.8.8.8 inside are other addresses.
		"::8.8.8.8": false, "64:ff9b::8.8.8.8": false, "2002:808:808::": false,
		"::ffff:0:8.8.8.8": false, "::": false, "0.0.0.0": false,
	} {
		if got := office.Contains(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

func TestPrefixOfOneFamilyNeverMatchesTheOther(t *testing.T) {
	v4, v6 := allowlist(t, "0.0.0.0/1", "128.0.0.0/1"), allowlist(t, "::/1", "8000::/1")
	for _, addr := range []string{"8.8.8.8", "::ffff:8.8.8.8", "200.1.1.1"} {
		if a := netip.MustParseAddr(addr); !v4.Contains(a) || v6.Contains(a) {
			t.Errorf("%s: IPv4 list %v, IPv6 list %v, want true, false", addr, v4.Contains(a), v6.Contains(a))
		}
	}
	for _, addr := range []string{"2a00::1", "::8.8.8.8", "ffff::1"} {
		if a := netip.MustParseAddr(addr); v4.Contains(a) || !v6.Contains(a) {
			t.Errorf("%s: IPv4 list %v, IPv6 list %v, want false, true", addr, v4.Contains(a), v6.Contains(a))
		}
	}
}

func TestTheEmptyListAllowsAnyAddress(t *testing.T) {
	for _, list := range []latchkey.Allowlist{{}, allowlist(t)} {
		if !list.Any() || list.String() != "any address" {
			t.Errorf("the empty list is shown as %q", list)
		}
		for _, addr := range []string{"8.8.8.8", "::ffff:8.8.8.8", "2a00::1", "127.0.0.1"} {
			if !list.Contains(netip.MustParseAddr(addr)) {
				t.Errorf("the empty list refuses %s", addr)
			}
		}
	}
}

func TestNoListLetsAnUnclearAddressIn(t *testing.T) {
	wide := allowlist(t, "0.0.0.0/1", "128.0.0.0/1", "::/1", "8000::/1", "fe80::/10")
	unclear := map[string]netip.Addr{
		"no address":   {},
		"zoned":        netip.MustParseAddr("fe80::1%eth0"),
		"zoned mapped": netip.MustParseAddr("::ffff:8.8.8.8%eth0"), // Unmap would drop the zone
		"zoned global": netip.MustParseAddr("2a00::1%1"),
	}
	for name, addr := range unclear {
		for _, list := range []latchkey.Allowlist{{}, wide} {
			if list.Contains(addr) {
				t.Errorf("%s: %v was let in by the list %q", name, addr, list)
			}
		}
	}
}

// An entry that vanishes can leave the empty list behind, which means any
// address. So what is no entry is refused instead.
func TestNothingTurnsIntoAnyAddress(t *testing.T) {
	for _, entries := range [][]string{{""}, {" "}, {"8.8.8.8", ""}, {","}, {"\n", "8.8.8.8"}, {"\u00a0"}} {
		if list, err := latchkey.NewAllowlist(entries); latchkey.Code(err) != "invalid_allowlist" {
			t.Errorf("%q gives %q, %v", entries, list, err)
		}
	}
	for _, in := range []string{`null`, `[""]`, `[null]`, `["8.8.8.8",null]`, `""`, `"8.8.8.8"`, `{}`, `0`, `false`, `[8]`, `["0.0.0.0/0"]`, `["8.8.8"]`} {
		list := allowlist(t, "9.9.9.9")
		if err := json.Unmarshal([]byte(in), &list); err == nil || list.String() != "9.9.9.9" {
			t.Errorf("%s reads as %q, %v, want an error and no change", in, list, err)
		}
	}
	var list latchkey.Allowlist
	if err := json.Unmarshal([]byte(`[]`), &list); err != nil || !list.Any() {
		t.Errorf("[] reads as %q, %v", list, err)
	}
}

func TestAnAllowlistHasABound(t *testing.T) {
	entries := make([]string, latchkey.MaxAllowlist+1)
	for i := range entries {
		entries[i] = fmt.Sprintf("8.8.%d.%d", i/256, i%256)
	}
	if _, err := latchkey.NewAllowlist(entries[:latchkey.MaxAllowlist]); err != nil {
		t.Errorf("%d entries: %v", latchkey.MaxAllowlist, err)
	}
	if _, err := latchkey.NewAllowlist(entries); latchkey.Code(err) != "invalid_allowlist" || !strings.Contains(err.Error(), "1000") {
		t.Errorf("%d entries: %v", len(entries), err)
	}
	twice := slices.Concat(entries[:latchkey.MaxAllowlist], entries[:latchkey.MaxAllowlist])
	if list := allowlist(t, twice...); len(list.Prefixes()) != latchkey.MaxAllowlist {
		t.Errorf("duplicates count: %d entries", len(list.Prefixes()))
	}
}

// The cost of a paste grows with its length, not with its square: 300,000
// entries take some 0.3 s, and took 20 s when every entry was
// compared with all before it.
func TestALongPasteIsCheap(t *testing.T) {
	var paste strings.Builder
	for i := range 300_000 {
		fmt.Fprintf(&paste, "2a00::%x:%x ", i>>16, i&0xffff)
	}
	start := time.Now()
	list, entries := latchkey.ParseAllowlist(paste.String())
	if took := time.Since(start); took > 10*time.Second || len(list.Prefixes()) != 300_000 || len(entries) != 300_000 {
		t.Errorf("%d entries, %d kept, %v", len(entries), len(list.Prefixes()), took)
	}
}

func TestOrderAndSpellingDoNotMatter(t *testing.T) {
	one := allowlist(t, "2A00::0001", "9.9.9.0/24", "8.8.8.8", "9.9.9.0/25", "8.8.8.8/32")
	two := allowlist(t, "9.9.9.0/25", "8.8.8.8", "9.9.9.0/24", "2a00::1/128")
	want := []string{"8.8.8.8", "9.9.9.0/24", "9.9.9.0/25", "2a00::1"}
	if diff := cmp.Diff(want, one.Strings()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if !one.Equal(two) || !two.Equal(one) || one.String() != "8.8.8.8, 9.9.9.0/24, 9.9.9.0/25, 2a00::1" {
		t.Errorf("%q is not %q", one, two)
	}
	if one.Equal(allowlist(t, "8.8.8.8")) || one.Equal(latchkey.Allowlist{}) {
		t.Error("different lists count as equal")
	}
}

func TestAddedNamesWhatIsNew(t *testing.T) {
	before, after := allowlist(t, "8.8.8.8", "9.9.9.0/24"), allowlist(t, "9.9.9.0/24", "1.1.1.1", "2a00::/32")
	if diff := cmp.Diff([]string{"1.1.1.1", "2a00::/32"}, after.Added(before)); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"8.8.8.8"}, before.Added(after)); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

func TestAListCannotBeChangedThroughItsPrefixes(t *testing.T) {
	list := allowlist(t, "8.8.8.8")
	list.Prefixes()[0] = netip.MustParsePrefix("0.0.0.0/0")
	if list.String() != "8.8.8.8" {
		t.Errorf("the list is %q now", list)
	}
}
