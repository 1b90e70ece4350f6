package stepup

import (
	"testing"
	"time"
)

// rfc4226 is appendix D of RFC 4226: the codes of the counters 0 to 9 under the
// seed that RFC 6238 uses as well.
var rfc4226 = []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"}

// A TOTP code is the HOTP code of the step's number (RFC 6238, 4.2), so the
// table must come true at the first ten steps since 1970.
func TestTheTableOfRFC4226(t *testing.T) {
	for step, code := range rfc4226 {
		at := time.Unix(int64(step)*30, 0)
		if got, ok := CheckTOTP(rfcSeed, code, at, -2); !ok || got != int64(step) {
			t.Errorf("the code of counter %d passes as step %d, %v", step, got, ok)
		}
		for other, wrong := range rfc4226 {
			near := other >= step-drift && other <= step+drift
			if _, ok := CheckTOTP(rfcSeed, wrong, at, -2); ok != near {
				t.Errorf("the code of counter %d at step %d passes: %v", other, step, ok)
			}
		}
	}
}

// One wrong digit, in any place, is a wrong code: none of them is close.
func TestNoDigitOfACodeCanBeTurned(t *testing.T) {
	tried := 0
	for step, code := range rfc4226 {
		for place := range code {
			for digit := byte('0'); digit <= '9'; digit++ {
				wrong := []byte(code)
				if wrong[place] == digit {
					continue
				}
				wrong[place] = digit
				tried++
				if _, ok := CheckTOTP(rfcSeed, string(wrong), time.Unix(int64(step)*30, 0), -2); ok {
					t.Errorf("%s passes for %s", wrong, code)
				}
			}
		}
	}
	if tried != 540 {
		t.Errorf("%d codes were tried", tried)
	}
}
