package signature_test

import (
	"errors"
	"strings"
	"testing"

	"latchkey/signature"
)

// objects nests so many objects in one another.
func objects(depth int) string {
	return strings.Repeat(`{"a":`, depth-1) + "{}" + strings.Repeat("}", depth-1)
}

// Somebody sends a body that lies at the very edge of a rule, where a scanner
// that is off by one byte or one name reads something else than the exchange
// does (CWE-436), or reads behind the end of the body.
func TestTheScannerKeepsToTheEdgesOfItsRules(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       error
		at         int // of the fault
	}{
		{"objects 32 deep", objects(32), nil, 0},
		{"objects 33 deep", objects(33), signature.ErrDepth, 160},
		{"a replacement character that was meant", "{\"a\":\"\uFFFD\"}", nil, 0},
		{"the second byte of a character by itself", "{\"a\":\"\x80\"}", signature.ErrUTF8, 6},
		{"a word with one wrong letter", `{"a":trux}`, signature.ErrSyntax, 5},
		{"nothing after a word", `{"a":true`, signature.ErrSyntax, 9},
		{"half a word", `{"a":tr`, signature.ErrSyntax, 5},
		{"an escape without its letter", `{"a":"\`, signature.ErrSyntax, 6},
		{"an escape of hex that is no \\u", `{"a":"\x1234"}`, signature.ErrSyntax, 6},
		{"half an escape", `{"a":"\u00`, signature.ErrSyntax, 6},
		{"half a pair at the end", `{"a":"\ud83d`, signature.ErrSurrogate, 6},
		{"half a pair and no backslash", `{"a":"\ud83dxude00"}`, signature.ErrSurrogate, 6},
		{"the last letter in both cases, beyond ASCII", `{"z":1,"Z":2,"é":3}`, signature.ErrDuplicate, 8},
		{"one letter, of two and of three bytes", `{"ß":1,"ẞ":2}`, signature.ErrDuplicate, 9},
		{"names that end in one escape", `{"a\n":1,"a\n":2}`, signature.ErrDuplicate, 10},
		{"names that end in two escapes", `{"a\n":1,"a\t":2}`, nil, 0},
		{"names of which one begins another", `{"é":1,"a":2,"aa":3,"aaa":4}`, nil, 0},
		{"the digits of hex at their ends", `{"a":"\u09af\u0AF9"}`, nil, 0},
		{"a name by an escape of small digits", `{"\u00fa":1,"ú":2}`, signature.ErrDuplicate, 13},
		{"a name by an escape of capital digits", `{"\u00FA":1,"ú":2}`, signature.ErrDuplicate, 13},
		{"two names by escapes that differ in a capital digit", `{"\u00EA":1,"\u00EB":2}`, nil, 0},
		{"digits at their ends", `{"a":[0,9,-9.09e+90,1E-9,10]}`, nil, 0},
		{"the last character that must be escaped", "{\"a\":\"\x1f\"}", signature.ErrSyntax, 6},
		{"the first one that need not", "{\"a\":\" \"}", nil, 0},
	} {
		err := signature.ScanJSON([]byte(c.body))
		if !errors.Is(err, c.want) {
			t.Errorf("%s: error is %v, want %v", c.name, err, c.want)
			continue
		}
		if fault, ok := errors.AsType[*signature.JSONError](err); ok && fault.Offset != c.at {
			t.Errorf("%s: the fault is at byte %d, want %d", c.name, fault.Offset, c.at)
		}
	}
	for _, c := range "/:@G`g" { // next to the digits of hex
		if err := signature.ScanJSON([]byte(`{"a":"\u00` + string(c) + `0"}`)); !errors.Is(err, signature.ErrSyntax) {
			t.Errorf("%q as a digit of hex: %v", c, err)
		}
	}
}

// A body of any length that is cut anywhere is refused, and nothing is read that
// stands behind the cut.
func TestACutBodyIsRefusedAtEveryByte(t *testing.T) {
	const whole = `{"a\u00e9\ud83d\ude00":[true,false,null,-1.5e-7,"\n"],"b":{"c":"é"}}`
	if err := signature.ScanJSON([]byte(whole)); err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) {
		// The room ends with the text: who reads on, panics.
		if err := signature.ScanJSON([]byte(whole)[:n:n]); err == nil {
			t.Errorf("%s is accepted", whole[:n])
		}
	}
}

func TestTheLongestNamesAreTakenAndNoLongerOnes(t *testing.T) {
	sig := signature.SignREST(secret, "a", "1700000000", nil)
	for _, c := range []struct {
		key, action int
		want        error
	}{
		{1, 2, nil}, {128, 64, nil}, {0, 2, signature.ErrKey}, {129, 2, signature.ErrKey}, {1, 1, signature.ErrAction}, {1, 65, signature.ErrAction},
	} {
		_, err := parseREST(strings.Repeat("k", c.key), "1700000000", sig, strings.Repeat("a", c.action), []byte("{}"))
		if !errors.Is(err, c.want) {
			t.Errorf("key of %d, action of %d: error is %v, want %v", c.key, c.action, err, c.want)
		}
	}
	// Both ends of every range of characters.
	if _, err := parseREST("azAZ09_-", "1700000000", sig, "az09_", []byte("{}")); err != nil {
		t.Error(err)
	}
	for _, c := range "`{@[/:." {
		if _, err := parseREST("k"+string(c), "1700000000", sig, "aa", []byte("{}")); !errors.Is(err, signature.ErrKey) {
			t.Errorf("a key with %q: error is %v", c, err)
		}
		if _, err := parseREST("k", "1700000000", sig, "aa"+string(c), []byte("{}")); !errors.Is(err, signature.ErrAction) {
			t.Errorf("an action with %q: error is %v", c, err)
		}
	}
}

func TestAQuoteOrBackslashAtTheFrontIsNoPlainString(t *testing.T) {
	for _, raw := range []string{`""a"`, `"\a"`, `"""`, `"\"`} {
		if got, ok := signature.PlainString([]byte(raw)); ok {
			t.Errorf("%s gives %q", raw, got)
		}
	}
}
