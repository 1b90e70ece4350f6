package stepup

import (
	"strings"
	"testing"
)

func TestAMaskedPhoneShowsItsEndsOnly(t *testing.T) {
	for phone, want := range map[string]string{
		"+35312345678": "+35 ... 78", "+12345678": "+12 ... 78", "+123456789012345": "+12 ... 45", "+12345": "+12 ... 45",
	} {
		if got := MaskPhone(phone); got != want {
			t.Errorf("%s is shown as %q, want %q", phone, got, want)
		}
	}
}

// No number of the form that is stored shows more than four of its digits, and
// the mask does not tell how long it is.
func TestAMaskHidesTheMiddle(t *testing.T) {
	const digits = "123456789012345"
	for n := 8; n <= 15; n++ {
		got := MaskPhone("+" + digits[:n])
		if len(got) != len("+12 ... 78") || strings.Contains(got, digits[2:n-2]) {
			t.Errorf("%d digits are shown as %q", n, got)
		}
	}
}

func TestAMaskOfWhatIsNoPhoneShowsNothing(t *testing.T) {
	for _, phone := range []string{"", "+", "+1234", "12345"} {
		if got := MaskPhone(phone); strings.Trim(got, "*") != "" || len(got) != len(phone) {
			t.Errorf("%q is shown as %q", phone, got)
		}
	}
}
