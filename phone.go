package latchkey

import "strings"

// twoDigits are the country calling codes of two digits (ITU-T E.164, list of
// assigned codes). Those of one digit are 1 and 7; all others have three.
const twoDigits = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58" +
	" 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "

// CallingCode is the country calling code of a phone number as NormalPhone
// returns it, in digits without the "+": "353" of +35312345678. Countries that
// share a code, such as 1, are one.
func CallingCode(phone string) string {
	digits := strings.TrimPrefix(phone, "+")
	switch {
	case digits == "":
		return ""
	case digits[0] == '1' || digits[0] == '7':
		return digits[:1]
	case len(digits) >= 2 && strings.Contains(twoDigits, " "+digits[:2]+" "):
		return digits[:2]
	}
	return digits[:min(3, len(digits))]
}
