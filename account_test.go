package latchkey_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"latchkey"

	"pgregory.net/rapid"
)

func TestNamesThatAreKeptAsWritten(t *testing.T) {
	for _, name := range []string{
		"a", "bot-1", "Market maker (EUR/USD) #2", "Zürich", "交易機器人", "روبوت", "רובוט", "βot", "🤖", "🤖 bot 📈",
		"caf\u00e9",  // é as one character
		"cafe\u0301", // and as two: both are kept, so two keys may look alike here
		"<b>&\"'</b>", "=1+1", "a  b", strings.Repeat("x", 64), strings.Repeat("é", 64), strings.Repeat("🤖", 64),
		"हिन्दी", "ไทย", "한국어",
	} {
		if got, err := latchkey.NormalName("name", name); err != nil || got != name {
			t.Errorf("%q is kept as %q, %v", name, got, err)
		}
	}
}

func TestSpacesAroundANameAreDropped(t *testing.T) {
	for _, name := range []string{" bot ", "\tbot\n", "\u00a0bot\u3000", "\u2028bot\r\n"} {
		if got, err := latchkey.NormalName("name", name); err != nil || got != "bot" {
			t.Errorf("%q is kept as %q, %v", name, got, err)
		}
	}
	long := " " + strings.Repeat("x", 64) + " "
	if _, err := latchkey.NormalName("name", long); err != nil {
		t.Errorf("the spaces around count: %v", err)
	}
}

// Fault 20 of the catalogue: names that lie about what they are.
func TestNamesThatDeceiveAreRefused(t *testing.T) {
	for what, name := range map[string]string{
		"empty": "", "spaces only": " \t\u00a0", "65 letters": strings.Repeat("x", 65), "65 robots": strings.Repeat("🤖", 65),
		"bad UTF-8": "bot\xff", "half a character": "bot\xe2\x82", "surrogate": "bot\xed\xa0\x80",
		"NUL": "bo\x00t", "line feed": "bo\nt", "tab": "bo\tt", "escape": "\x1b[31mbot", "delete": "bo\x7ft", "C1": "bo\u009bt",
		"right-to-left override": "bot\u202etxt", "isolate": "bo\u2066t", "left-to-right mark": "bo\u200et", "Arabic letter mark": "bo\u061ct",
		"zero-width space": "bo\u200bt", "zero-width joiner": "👩\u200d💻", "zero-width non-joiner": "bo\u200ct", "byte order mark": "\ufeffbot",
		"word joiner": "bo\u2060t", "soft hyphen": "bo\u00adt", "invisible times": "bo\u2062t", "tag": "bot\U000e0041", "language tag": "bot\U000e0001",
		"no-break space": "bo\u00a0t", "ideographic space": "bo\u3000t", "thin space": "bo\u2009t", "line separator": "bo\u2028t", "paragraph separator": "bo\u2029t",
		"grapheme joiner": "bo\u034ft", "variation selector": "bo\ufe0ft", "variation selector 17": "bo\U000e0100t",
		"Mongolian variation selector": "bo\u180bt", "Mongolian variation selector 4": "bo\u180ft", "Mongolian vowel separator": "bo\u180et",
		"Hangul filler": "bo\u3164t", "Hangul choseong filler": "bo\u115ft", "half-width filler": "bo\uffa0t", "Khmer inherent vowel": "bo\u17b4t",
		"Braille blank": "bo\u2800t", "hieroglyphic blank": "bo\U00013441t", "Khitan filler": "bo\U00016fe4t", "null notehead": "bo\U0001d159t",
		"private use": "bo\ue000t", "unassigned": "bo\u0378t", "noncharacter": "bo\uffffT",
		"replacement character": "bo\ufffdt", "object": "bo\ufffct",
	} {
		got, err := latchkey.NormalName("keyName", name)
		if latchkey.Code(err) != "invalid_name" || got != "" {
			t.Errorf("%s: %q is kept as %q, %v", what, name, got, err)
			continue
		}
		if e := err.(*latchkey.Error); e.Field != "keyName" || e.Kind != latchkey.KindInvalid {
			t.Errorf("%s: the error is about field %q, kind %d", what, e.Field, e.Kind)
		}
	}
}

// Of all characters of Unicode, none that nobody sees gets into a name.
func TestNoInvisibleCharacterIsKept(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue // a surrogate stands in no string
		}
		if _, err := latchkey.NormalName("name", "a"+string(r)+"b"); err != nil {
			continue
		}
		switch {
		case r == ' ':
		case unicode.In(r, unicode.C, unicode.Z), unicode.In(r, unicode.Bidi_Control, unicode.Join_Control, unicode.White_Space):
			t.Errorf("%U is kept", r)
		case unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point):
			t.Errorf("%U is kept, and is shown as nothing", r)
		}
	}
}

func TestNormalNameIsStable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		once, err := latchkey.NormalName("name", rapid.String().Draw(t, "name"))
		if err != nil {
			return
		}
		if twice, err := latchkey.NormalName("name", once); err != nil || twice != once {
			t.Fatalf("%q becomes %q, %v", once, twice, err)
		}
	})
}

func TestEmailsInTheFormThatIsCompared(t *testing.T) {
	for in, want := range map[string]string{
		"ann@example.org": "ann@example.org", " Ann.Lee@Example.ORG\n": "ann.lee@example.org",
		"a+b_c-d@sub.example.org": "a+b_c-d@sub.example.org", "o'neil@example.org": "o'neil@example.org", "a@xn--mnchen-3ya.de": "a@xn--mnchen-3ya.de",
		strings.Repeat("x", 242) + "@example.org": strings.Repeat("x", 242) + "@example.org",
	} {
		if got, err := latchkey.NormalEmail(in); err != nil || got != want {
			t.Errorf("%q is kept as %q, %v", in, got, err)
		}
	}
}

func TestWhatIsNoEmailIsRefused(t *testing.T) {
	for what, in := range map[string]string{
		"empty": "", "no at": "ann", "no name": "@example.org", "no domain": "ann@", "two ats": "a@b@example.org", "space": "a b@example.org",
		"display name": "Ann <ann@example.org>", "angle brackets": "<ann@example.org>", "comment": "ann@example.org (x)", "quoted": `"a b"@example.org`,
		"two": "ann@example.org, bob@example.org", "header": "ann@example.org\r\nBcc: bob@example.org", "line feed": "ann\n@example.org", "NUL": "ann\x00@example.org",
		"dot at the end": "ann@example.org.", "two dots": "a..b@example.org", "255 bytes": strings.Repeat("x", 243) + "@example.org",
		"bidi": "ann\u202e@example.org", "zero width": "ann\u200b@example.org", "bad UTF-8": "ann\xff@example.org",
		// Lower case makes ASCII of these two, and so another's address.
		"Kelvin sign": "\u212aim@example.org", "dotted I": "\u0130nes@example.org",
		"not ASCII": "ann@münchen.de",
	} {
		got, err := latchkey.NormalEmail(in)
		if latchkey.Code(err) != "invalid_email" || got != "" {
			t.Errorf("%s: %q is kept as %q, %v", what, in, got, err)
		}
	}
}

func TestPhonesInTheFormThatIsDialled(t *testing.T) {
	for in, want := range map[string]string{
		"+35312345678": "+35312345678", " +353 (1) 234-56.78 ": "+35312345678", "+12345678": "+12345678", "+123456789012345": "+123456789012345",
	} {
		if got, err := latchkey.NormalPhone(in); err != nil || got != want {
			t.Errorf("%q is kept as %q, %v", in, got, err)
		}
	}
	for what, in := range map[string]string{
		"empty": "", "plus only": "+", "no country": "0871234567", "00 for plus": "0035312345678", "country 0": "+0123456789",
		"7 digits": "+1234567", "16 digits": "+1234567890123456", "letter": "+3531234567a", "letter within": "+353123a4567", "two plus": "++35312345678",
		"plus within": "+353+12345678", "extension": "+35312345678;ext=1", "pause": "+35312345678,,1", "line feed": "+3531234\n5678",
		"Arabic digits": "+٣٥٣١٢٣٤٥٦٧٨", "full-width digits": "+３５３１２３４５６７８",
	} {
		got, err := latchkey.NormalPhone(in)
		if latchkey.Code(err) != "invalid_phone" || got != "" {
			t.Errorf("%s: %q is kept as %q, %v", what, in, got, err)
		}
	}
}

func TestRoles(t *testing.T) {
	for _, role := range []latchkey.Role{latchkey.RoleOwner, latchkey.RoleSubuser} {
		if got, err := latchkey.ParseRole(string(role)); err != nil || got != role {
			t.Errorf("%q reads as %q, %v", role, got, err)
		}
	}
	for _, in := range []string{"", "Owner", "owner ", "admin", "operator"} {
		if got, err := latchkey.ParseRole(in); latchkey.Code(err) != "invalid_role" || got != "" {
			t.Errorf("%q reads as %q, %v", in, got, err)
		}
	}
}
