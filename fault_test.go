package latchkey_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"latchkey"
)

// leaky are comparisons that end at the first byte that differs.
var leaky = regexp.MustCompile(`\b(?:bytes\.(?:Equal|Compare)|reflect\.DeepEqual|strings\.Compare)\(`)

// Fault 1. Somebody guesses a signature byte by byte and measures how long the
// answer takes: a comparison that ends at the first wrong byte tells how far the
// guess is right (CWE-208). Where MACs and codes are compared, nothing else is.
func TestMACsAndCodesAreComparedInConstantTime(t *testing.T) {
	for folder, want := range map[string]string{
		"signature": "hmac.Equal(", "identity": "hmac.Equal(", "internal/verify": "hmac.Equal(", "internal/stepup": "subtle.ConstantTimeCompare(",
	} {
		files, err := filepath.Glob(folder + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		all := ""
		for _, name := range files {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all += string(text)
			if found := leaky.FindString(string(text)); found != "" {
				t.Errorf("%s uses %s...)", name, found)
			}
		}
		if !strings.Contains(all, want) {
			t.Errorf("nothing in %s is compared by %s...)", folder, want)
		}
	}
	// The twin: it is found.
	for _, text := range []string{"if bytes.Equal(mac, want) {", "return reflect.DeepEqual(a, b)", "bytes.Compare(a, b) == 0"} {
		if !leaky.MatchString(text) {
			t.Errorf("%s is not found", text)
		}
	}
}

// Fault 6. Somebody reaches a dual-stack socket from 10.0.0.1 and is seen as
// ::ffff:10.0.0.1; or an owner pastes a prefix that looks narrow and never, or
// always, matches. One address has one form on both sides, and what has two
// readings is refused.
func TestAMappedAddressIsTheOneThatItCarries(t *testing.T) {
	list := allowlist(t, "10.0.0.0/8")
	for text, want := range map[string]bool{
		"10.0.0.1": true, "::ffff:10.0.0.1": true, "::ffff:a00:1": true, "::ffff:11.0.0.1": false,
		"::10.0.0.1": false, "64:ff9b::10.0.0.1": false, "2002:a00:1::": false,
	} {
		if list.Contains(netip.MustParseAddr(text)) != want {
			t.Errorf("%s is in the list: %v", text, !want)
		}
	}
	for entry, why := range map[string]string{
		"::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:0:0/96": "IPv4", "fe80::1%eth0": "zone", "64:ff9b::/96": "NAT64", "2002::/16": "6to4",
		"10.0.0.1/8": "10.0.0.0/8", "0.0.0.0/0": "leave the list empty", "::/0": "leave the list empty",
	} {
		_, entries := latchkey.ParseAllowlist(entry)
		if len(entries) != 1 || entries[0].Verdict != latchkey.EntryInvalid || !strings.Contains(entries[0].Reason, why) {
			t.Errorf("%s: %+v, want it refused with a word on %q", entry, entries, why)
		}
	}
}

// The twin of fault 6: net/netip alone takes the mapped address for another one,
// and a mapped prefix for one that no IPv4 address is ever in.
func TestTheLibraryAloneMissesMappedAddresses(t *testing.T) {
	if netip.MustParsePrefix("10.0.0.0/8").Contains(netip.MustParseAddr("::ffff:10.0.0.1")) {
		t.Error("the library unmaps by itself now")
	}
	mapped, err := netip.ParsePrefix("::ffff:10.0.0.0/104")
	if err != nil || mapped.Contains(netip.MustParseAddr("10.0.0.1")) {
		t.Errorf("the mapped prefix is %v, %v, and has 10.0.0.1", mapped, err)
	}
}

// zeros are spellings that some programs read in octal, in hex or as fewer
// than four numbers.
var zeros = []string{"010.0.0.1", "10.0.0.010", "0x7f.1", "0x0a000001", "167772161", "10.1", "1.2.3", "10.0.0.0/08", "10.0.0.0/+8", "00.0.0.1", "10.0.0.1/032"}

// Fault 7. Somebody writes 010.0.0.1: the one who allows it means 10.0.0.1, the
// one who enforces it reads 8.0.0.1 (CVE-2021-29923). No such spelling is taken.
func TestALeadingZeroIsNoAddress(t *testing.T) {
	for _, text := range zeros {
		if list, err := latchkey.NewAllowlist([]string{text}); latchkey.Code(err) != "invalid_allowlist" {
			t.Errorf("%s is kept as %q, %v", text, list, err)
		}
	}
}

// The twin of fault 7: read with the base that its zeros ask for, as C does, the
// same text is two addresses.
func TestALeadingZeroHasTwoReadings(t *testing.T) {
	read := func(text string, base int) (addr [4]byte) {
		for i, part := range strings.Split(text, ".") {
			n, err := strconv.ParseUint(part, base, 8)
			if err != nil {
				t.Fatal(err)
			}
			addr[i] = byte(n)
		}
		return addr
	}
	octal, decimal := netip.AddrFrom4(read(zeros[0], 0)), netip.AddrFrom4(read(zeros[0], 10))
	if list := allowlist(t, "8.0.0.1"); !list.Contains(octal) || list.Contains(decimal) {
		t.Errorf("%s is %s and %s", zeros[0], octal, decimal)
	}
}

// The twin of TestNamesThatDeceiveAreRefused (fault 20): a rule against control
// characters alone, as it is written first, keeps every one of these names.
func TestARuleAgainstControlCharactersAloneIsDeceived(t *testing.T) {
	for what, name := range map[string]string{
		"right-to-left override": "bot\u202etxt", "isolate": "bo\u2066t", "zero-width space": "bo\u200bt", "word joiner": "bo\u2060t", "tag": "bot\U000e0041",
		"Hangul filler": "bo\u3164t", "grapheme joiner": "bo\u034ft", "variation selector": "bo\ufe0ft", "Braille blank": "bo\u2800t", "no-break space": "bo\u00a0t",
	} {
		naive := utf8.ValidString(name) && !strings.ContainsFunc(name, unicode.IsControl)
		if _, err := latchkey.NormalName("name", name); !naive || err == nil {
			t.Errorf("%s: the naive rule keeps %q: %v; ours says %v", what, name, naive, err)
		}
	}
}
