package courier

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf16"
)

// Bounds of what a message shows. A name may be 64 characters by product rule;
// the bound holds for values that no rule has seen, such as notes, as well.
const (
	longestName  = 64  // characters of a name in a mail
	longestLine  = 300 // characters of any other value
	mostEntries  = 20  // entries of a list; the rest is counted
	smsPart      = 160 // septets of one SMS in the GSM 7-bit alphabet (3GPP TS 23.038, 6.1.2.1)
	smsUCS2Parts = 134 // UTF-16 units of two joined SMS, 67 each (3GPP TS 23.040, 9.2.3.24.1)
)

// gsm7 is the default alphabet of 3GPP TS 23.038, 6.2.1; gsm7Extended needs an
// escape, so two septets a character.
const (
	gsm7 = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsm7Extended = "^{}\\[~]|€"
)

// keySecret finds a secret of a key: somebody may paste one where a name goes.
var keySecret = regexp.MustCompile(`lks_[A-Za-z0-9_-]{20,}`)

// plain makes one line of text out of a value that somebody else wrote: no line
// breaks (header injection, faked lines), no control or direction characters,
// no secret, at most so many characters.
func plain(s string, most int) string {
	s = keySecret.ReplaceAllLiteralString(s, "[secret]")
	// One character becomes one character: a name that was cut or emptied
	// silently could be taken for another.
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		}
		return '?'
	}, strings.ToValidUTF8(s, "?"))
	return clip(strings.TrimSpace(s), most)
}

// clip shortens to most characters and shows that it did.
func clip(s string, most int) string {
	runes := []rune(s)
	if len(runes) <= most {
		return s
	}
	return strings.TrimRight(string(runes[:most-2]), " ") + ".."
}

// some returns the first entries, each as plain text, and "and N more".
func some(entries []string) []string {
	var out []string
	for i, e := range entries {
		if i == mostEntries {
			return append(out, fmt.Sprintf("and %d more", len(entries)-i))
		}
		out = append(out, plain(e, longestLine))
	}
	return out
}

// fitsSMS reports whether a text goes out as one SMS, or as two when it has
// characters that the GSM alphabet lacks: one of them turns the whole text into
// UTF-16 (3GPP TS 23.038, 6.2.3) and costs more than half the room.
func fitsSMS(s string) bool {
	septets := 0
	for _, r := range s {
		switch {
		case strings.ContainsRune(gsm7, r):
			septets++
		case strings.ContainsRune(gsm7Extended, r):
			septets += 2
		default:
			return len(utf16.Encode([]rune(s))) <= smsUCS2Parts
		}
	}
	return septets <= smsPart
}
