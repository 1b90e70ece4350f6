package gateway_test

import (
	"strings"
	"testing"
)

// The file of cases is what the test of the client's address is worth: it must
// hold many, each once, and of every kind of spelling that parsers differ in.
func TestTheCasesOfClientAddressesAreMany(t *testing.T) {
	seen, refused := map[string]bool{}, 0
	for _, c := range addressCases(t) {
		seen[strings.Join(c.Lines, "|")] = true
		if c.Seen == "" {
			refused++
		}
	}
	if len(seen) < 50 || refused < 20 {
		t.Errorf("%d different spellings, %d of them refused", len(seen), refused)
	}
	all := ""
	for text := range seen {
		all += text + "\n"
	}
	for what, part := range map[string]string{
		"a leading zero": ".009", "octal": "0313.", "hexadecimal": "0x", "a mapped address": "::ffff:", "a zone": "%", "a bracket": "[", "a list": ",", "a word": "unknown",
	} {
		if !strings.Contains(strings.ToLower(all), part) {
			t.Errorf("no case has %s", what)
		}
	}
	t.Logf("%d spellings", len(seen))
}
