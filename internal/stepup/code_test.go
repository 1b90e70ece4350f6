package stepup

import (
	"strings"
	"testing"

	"latchkey"
)

func TestACodeHasSixDigitsAlways(t *testing.T) {
	const n = 20_000
	zero, seen := 0, make(map[latchkey.Secret]bool)
	for range n {
		code := NewCode()
		text := code.Reveal()
		if len(text) != 6 || strings.Trim(text, "0123456789") != "" {
			t.Fatalf("a code is %q", text)
		}
		if got, ok := NormalCode(text); !ok || got != text || !EqualCode(code, got) {
			t.Fatalf("the code %q is not taken back: %q, %v", text, got, ok)
		}
		if text[0] == '0' {
			zero++
		}
		seen[code] = true
	}
	// A tenth begins with 0; a number without its zeros would never.
	if zero < n/20 {
		t.Errorf("%d of %d codes begin with 0", zero, n)
	}
	// Of 20,000 draws of a million some 200 meet; a small pool would show.
	if len(seen) < n*97/100 {
		t.Errorf("%d codes are different", len(seen))
	}
}

// Each digit comes about equally often at each place. 60,000 codes make 6,000
// of each with a deviation of 73; 500 is seven times that.
func TestCodesAreUniform(t *testing.T) {
	const n = 60_000
	var count [6][10]int
	for range n {
		for place, digit := range NewCode().Reveal() {
			count[place][digit-'0']++
		}
	}
	for place := range count {
		for digit, times := range count[place] {
			if times < n/10-500 || times > n/10+500 {
				t.Errorf("digit %d stands %d times at place %d, want about %d", digit, times, place, n/10)
			}
		}
	}
}

func TestAPastedCodeIsRead(t *testing.T) {
	for in, want := range map[string]string{
		"123456": "123456", " 123456 ": "123456", "123 456": "123456", "123-456": "123456", "123\u00a0456": "123456",
		"1 2 3 4 5 6": "123456", "123456\n": "123456", "123456\r\n": "123456", "\t000001": "000001",
	} {
		if got, ok := NormalCode(in); !ok || got != want {
			t.Errorf("%q reads as %q, %v, want %q", in, got, ok, want)
		}
	}
}

func TestWhatIsNoCodeIsNotEvaluated(t *testing.T) {
	for _, in := range []string{
		"", " ", "12345", "1234567", "12345a", "abcdef", "１２３４５６", "١٢٣٤٥٦", "12345\x00", "+12345", "-12345", "1e1000", "12.456", "0x1234", strings.Repeat("1", 1_000_000),
	} {
		if got, ok := NormalCode(in); ok {
			t.Errorf("%.20q passes as %q", in, got)
		}
	}
}

func TestOnlyTheSameCodeIsEqual(t *testing.T) {
	if !EqualCode("012345", "012345") {
		t.Error("a code is not equal to itself")
	}
	for _, got := range []string{"", "12345", "0123456", "012346", "112345", "012345 ", "543210", "01234"} {
		if EqualCode("012345", got) {
			t.Errorf("012345 equals %q", got)
		}
	}
}

// A pending that never sent a code has the empty one: nothing may equal it.
func TestACodeThatWasNeverSentEqualsNothing(t *testing.T) {
	for _, sent := range []latchkey.Secret{"", "0", "12345", "1234567"} {
		for _, got := range []string{"", "000000", sent.Reveal()} {
			if EqualCode(sent, got) {
				t.Errorf("%q equals %q", sent.Reveal(), got)
			}
		}
	}
}
