package latchkey_test

import (
	"testing"

	"latchkey"
)

func TestCallingCodeOfAPhoneNumber(t *testing.T) {
	for phone, want := range map[string]string{
		"+35312345678": "353", "+12125550100": "1", "+77012345678": "7", "+447700900123": "44", "+3725550100": "372",
		"+8801712345678": "880", "+81312345678": "81", "+99812345678": "998", "+2125550100": "212", "+27115550100": "27",
		"+21": "21", "+": "", "": "",
	} {
		if got := latchkey.CallingCode(phone); got != want {
			t.Errorf("%q: %q, want %q", phone, got, want)
		}
	}
}
