package gateway_test

import (
	"fmt"
	"testing"
	"unicode/utf8"
)

const greek = "\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5" // kosme

// single are the patterns that section 6 sends as one frame, by their group.
// Whether one is text is asked of the standard library; a control character is,
// but does not stand in JSON.
func single() map[string][]string {
	groups := map[string][]string{
		"6.5":  {greek, "hello\x24world", "hello\xc2\xa2world", "hello\xe2\x82\xacworld", "hello\xf0\xa4\xad\xa2world"},
		"6.7":  {"\x00", "\xc2\x80", "\xe0\xa0\x80", "\xf0\x90\x80\x80"},
		"6.8":  {"\xf8\x88\x80\x80\x80", "\xfc\x84\x80\x80\x80\x80"},
		"6.9":  {"\x7f", "\xdf\xbf", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"},
		"6.10": {"\xf7\xbf\xbf\xbf", "\xfb\xbf\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf\xbf"},
		"6.11": {"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbd", "\xf4\x8f\xbf\xbf", "\xf4\x90\x80\x80"},
		"6.12": {"\x80", "\xbf", "\x80\xbf", "\x80\xbf\x80", "\x80\xbf\x80\xbf", "\x80\xbf\x80\xbf\x80", "\x80\xbf\x80\xbf\x80\xbf", every(0x80, 0xbe, "")},
		"6.13": {every(0xc0, 0xdf, " "), every(0xe0, 0xef, " "), every(0xf0, 0xf7, " "), every(0xf8, 0xfb, " "), every(0xfc, 0xfd, " ")},
		"6.14": {"\xc0", "\xe0\x80", "\xf0\x80\x80", "\xf8\x80\x80\x80", "\xfc\x80\x80\x80\x80", "\xdf", "\xef\xbf", "\xf7\xbf\xbf", "\xfb\xbf\xbf\xbf", "\xfd\xbf\xbf\xbf\xbf"},
		"6.15": {"\xc0\xe0\x80\xf0\x80\x80\xf8\x80\x80\x80\xfc\x80\x80\x80\x80\xdf\xef\xbf\xf7\xbf\xbf\xfb\xbf\xbf\xbf\xfd\xbf\xbf\xbf\xbf"},
		"6.16": {"\xfe", "\xff", "\xfe\xfe\xff\xff"},
		"6.17": {"\xc0\xaf", "\xe0\x80\xaf", "\xf0\x80\x80\xaf", "\xf8\x80\x80\x80\xaf", "\xfc\x80\x80\x80\x80\xaf"},
		"6.18": {"\xc1\xbf", "\xe0\x9f\xbf", "\xf0\x8f\xbf\xbf", "\xf8\x87\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf"},
		"6.19": {"\xc0\x80", "\xe0\x80\x80", "\xf0\x80\x80\x80", "\xf8\x80\x80\x80\x80", "\xfc\x80\x80\x80\x80\x80"},
		"6.20": {"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf", "\xed\xb0\x80", "\xed\xbe\x80", "\xed\xbf\xbf"},
		"6.23": {"\xef\xbf\xb9", "\xef\xbf\xba", "\xef\xbf\xbb", "\xef\xbf\xbc", "\xef\xbf\xbd", "\xef\xbf\xbe", "\xef\xbf\xbf"},
	}
	for _, high := range []string{"\xed\xa0\x80", "\xed\xad\xbf", "\xed\xae\x80", "\xed\xaf\xbf"} {
		groups["6.21"] = append(groups["6.21"], high+"\xed\xb0\x80", high+"\xed\xbf\xbf")
	}
	for plane := rune(0); plane <= 16; plane++ { // what is no character is text all the same
		groups["6.22"] = append(groups["6.22"], string(plane<<16|0xfffe), string(plane<<16|0xffff))
	}
	for n := range len(greek) {
		groups["6.6"] = append(groups["6.6"], greek[:n+1])
	}
	return groups
}

func every(from, to byte, between string) (s string) {
	for b := from; b <= to; b++ {
		s += string([]byte{b}) + between
	}
	return s
}

// Section 6: UTF-8. A message that is none is closed with 1007.
func section6() (all []frameCase) {
	for group, patterns := range single() {
		for i, p := range patterns {
			c := broken(fmt.Sprintf("%s.%d", group, i+1), 1007, frame(fin|text, call1(p)))
			switch {
			case p == "\x00":
				c.close = 1000
			case utf8.ValidString(p):
				c.close, c.texts = 0, []string{call1(p)}
			}
			all = append(all, c)
		}
	}
	split := "Hello-\xc2\xb5@\xc3\x9f\xc3\xb6\xc3\xa4\xc3\xbc\xc3\xa0\xc3\xa1-UTF-8!!"
	bad := greek + "\xed\xa0\x80" + "edited"
	all = append(all,
		ok("6.1.1", 0, pieces(text, ""), call1("")), ok("6.1.2", 0, pieces(text, "", "", ""), call1("")),
		ok("6.1.3", 0, pieces(text, "", "middle frame payload", ""), call1("middle frame payload")),
		ok("6.2.1", 0, pieces(text, split), call1(split)), ok("6.2.2", 0, pieces(text, split[:14], split[14:]), call1(split)),
		ok("6.2.3", 0, pieces(text, cut(split, 1)...), call1(split)), ok("6.2.4", 0, pieces(text, cut(greek, 1)...), call1(greek)),
		broken("6.3.1", 1007, pieces(text, bad)...), broken("6.3.2", 1007, pieces(text, cut(bad, 1)...)...),
		// The message has no end: it is refused at the first byte that is wrong.
		broken("6.4.1", 1007, frame(text, before+greek), frame(goesOn, "\xf4\x90\x80\x80")),
		broken("6.4.2", 1007, frame(text, before+greek+"\xf4"), frame(goesOn, "\x90")),
		broken("6.4.3", 1007, announce(fin|text, 200)+masked(before+greek+"\xf4\x90\x80\x80")),
		broken("6.4.4", 1007, announce(fin|text, 200)+masked(before+greek+"\xf4\x90")))
	return all
}

// A fragment may be of any size, and a ping may stand between any two.
func TestFragmentsOfEverySize(t *testing.T) {
	r := frameRig(t)
	w := r.upgraded("/api/ws-public")
	message := call1("Hello-\xc2\xb5@\xe2\x82\xac\xf0\xa4\xad\xa2-" + stars(90))
	for size := 1; size <= len(message); size++ {
		var frames string
		parts := cut(message, size)
		for i, p := range parts {
			first := byte(goesOn)
			if i == 0 {
				first = text
			}
			if i == len(parts)-1 {
				first |= fin
			}
			frames += frame(first, p) + frame(fin|ping, fmt.Sprint(i))
		}
		w.send(frames)
		var got seen
		w.until(&got, func() bool { return len(got.texts) == 1 && len(got.pongs) == len(parts) })
		if len(got.texts) != 1 || got.texts[0] != message {
			t.Fatalf("fragments of %d: %q", size, got.texts)
		}
		for i, p := range got.pongs {
			if p != fmt.Sprint(i) {
				t.Fatalf("fragments of %d: pongs %q", size, got.pongs)
			}
		}
	}
}

// Wherever a byte is wrong, and wherever the message is cut, it is 1007; also
// outside of the texts, and in what is no JSON.
func TestWhatIsNotUTF8IsRefusedInEveryPlace(t *testing.T) {
	r := frameRig(t)
	message := call1("\xe2\x82\xac")
	for at := range len(message) + 1 {
		for _, bad := range []string{"\xff", "\xed\xa0\x80"} {
			whole := message[:at] + bad + message[at:]
			edge := min(at+1, len(whole)-1)
			for name, frames := range map[string]string{
				"whole": frame(fin|text, whole), "split": frame(text, whole[:edge]) + frame(fin|goesOn, whole[edge:]),
			} {
				w := r.upgraded("/api/ws-public", frames)
				if got := w.rest(); got.close != 1007 || got.end != "bad_request" || len(got.texts) > 0 {
					t.Errorf("%x at %d, %s: %+v", bad, at, name, got)
				}
			}
		}
	}
	for _, whole := range []string{"\xff", "\xc3", "[\xc3", "{}\xf0\x9f\x98"} {
		r.upgraded("/api/ws-public", frame(fin|text, whole)).left(1007, "bad_request")
	}
	if got := r.exchange.ws.callers(); len(got) > 0 {
		t.Errorf("the exchange was asked by %d of them", len(got))
	}
}

// A client's frames must be masked, and the key of each is its own.
func TestFramesThatAreNotMasked(t *testing.T) {
	r := frameRig(t)
	r.upgraded("/api/ws-public", "\x81\x02{}").left(1002, "")
	r.upgraded("/api/ws-public", "\x89\x00").left(1002, "")
	r.upgraded("/api/ws-public", "\x88\x02\x03\xe8").left(1002, "")
}
