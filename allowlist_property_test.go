package latchkey_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"latchkey"

	"pgregory.net/rapid"
)

// drawAddr draws an IPv4, IPv6 or mapped address from a small corner of each
// space, so that prefixes and addresses meet often.
func drawAddr(t *rapid.T, label string) netip.Addr {
	few := rapid.SampledFrom([]byte{0, 1, 2, 8, 127, 128, 255})
	b := rapid.SliceOfN(few, 4, 4).Draw(t, label)
	v4 := netip.AddrFrom4([4]byte(b))
	switch rapid.IntRange(0, 2).Draw(t, label+" family") {
	case 0:
		return v4
	case 1:
		return netip.AddrFrom16(v4.As16())
	}
	return netip.AddrFrom16([16]byte{0: 0x2a, 3: b[0], 7: b[1], 8: b[2], 15: b[3]})
}

// drawList draws a list and the prefixes that it was made from. What the
// parser refuses is left out, by asking for each prefix alone.
func drawList(t *rapid.T) (latchkey.Allowlist, []netip.Prefix) {
	var prefixes []netip.Prefix
	var entries []string
	for range rapid.IntRange(1, 8).Draw(t, "entries") {
		addr := drawAddr(t, "entry").Unmap()
		prefix, err := addr.Prefix(rapid.IntRange(1, addr.BitLen()).Draw(t, "bits"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := latchkey.NewAllowlist([]string{prefix.String()}); err == nil {
			prefixes, entries = append(prefixes, prefix), append(entries, prefix.String())
		}
	}
	list, err := latchkey.NewAllowlist(entries)
	if err != nil {
		t.Fatal(err)
	}
	return list, prefixes
}

// bits writes an address as a text of 0 and 1, an IPv4 address and its mapped
// form alike: the naive model of what "inside a prefix" means.
func bits(addr netip.Addr) string {
	var out strings.Builder
	for _, b := range addr.Unmap().AsSlice() {
		for i := 7; i >= 0; i-- {
			out.WriteByte('0' + b>>i&1)
		}
	}
	return out.String()
}

func TestContainsAgreesWithANaiveModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, prefixes := drawList(t)
		addr := drawAddr(t, "client")
		want := len(prefixes) == 0
		for _, p := range prefixes {
			text := bits(addr)
			same := len(text) == len(bits(p.Addr()))
			want = want || same && strings.HasPrefix(text, bits(p.Addr())[:p.Bits()])
		}
		if got := list.Contains(addr); got != want {
			t.Fatalf("%v in %q: %v, want %v", addr, list, got, want)
		}
	})
}

func TestAListSurvivesItsTextAndJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list, _ := drawList(t)
		if !list.Any() {
			back, entries := latchkey.ParseAllowlist(list.String())
			if !back.Equal(list) || len(entries) != len(list.Prefixes()) {
				t.Fatalf("%q reads as %q", list, back)
			}
		}
		data, err := json.Marshal(list)
		if err != nil {
			t.Fatal(err)
		}
		var back latchkey.Allowlist
		if err := json.Unmarshal(data, &back); err != nil || !back.Equal(list) {
			t.Fatalf("%s reads as %q, %v", data, back, err)
		}
	})
}

// separators are what ParseAllowlist splits at, written out.
const separators = " \t\r\n\v\f;,\u00a0\u3000\uff0c\uff1b"

func FuzzParseAllowlist(f *testing.F) {
	for _, c := range allowlistCases(f) {
		f.Add(c.Paste)
	}
	f.Fuzz(func(t *testing.T, paste string) {
		list, entries := latchkey.ParseAllowlist(paste)
		fields := strings.FieldsFunc(paste, func(r rune) bool { return strings.ContainsRune(separators, r) })
		if len(entries) != len(fields) {
			t.Errorf("%d entries of %d fields", len(entries), len(fields))
		}
		checkEntries(t, list, entries)
		for _, p := range list.Prefixes() {
			checkKept(t, p)
		}
		if back, _ := latchkey.ParseAllowlist(strings.Join(list.Strings(), ";")); !back.Equal(list) {
			t.Errorf("%q reads back as %q", list, back)
		}
	})
}

// checkEntries checks what a person is shown: safe, short, and with a prefix or
// a reason; and that exactly the good entries are kept.
func checkEntries(t *testing.T, list latchkey.Allowlist, entries []latchkey.Entry) {
	t.Helper()
	kept := 0
	for _, e := range entries {
		if e.Verdict == latchkey.EntryValid || e.Verdict == latchkey.EntryWarning {
			kept++
		}
		invalid := e.Verdict == latchkey.EntryInvalid
		if (e.Prefix == "") != invalid || (e.Covers == "") != invalid || (e.Reason == "") != (e.Verdict == latchkey.EntryValid) {
			t.Errorf("a verdict does not fit its entry: %+v", e)
		}
		if !utf8.ValidString(e.Text) || utf8.RuneCountInString(e.Text) > 67 || strings.ContainsAny(e.Text, "\x00\x1b\x7f\u202e\u200b") {
			t.Errorf("the text is not fit to be shown: %q", e.Text)
		}
	}
	if len(list.Prefixes()) != kept {
		t.Errorf("%d prefixes of %d good entries", len(list.Prefixes()), kept)
	}
}

// checkKept checks that a kept prefix is canonical and can match a client.
func checkKept(t *testing.T, p netip.Prefix) {
	t.Helper()
	if !p.IsValid() || p.Masked() != p || p.Bits() == 0 || p.Addr().Is4In6() || p.Addr().Zone() != "" {
		t.Errorf("%v is not canonical", p)
	}
	if one, err := latchkey.NewAllowlist([]string{p.String()}); err != nil || len(one.Prefixes()) != 1 || one.Prefixes()[0] != p || !one.Contains(p.Addr()) {
		t.Errorf("%v reads as %v, %v", p, one.Prefixes(), err)
	}
}
