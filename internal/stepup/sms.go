package stepup

import "strings"

// MaskPhone hides all but the country code's first digits and the last two
// digits of a phone number: "+35 ... 78". Factor lists and the activities
// show it; the number itself stays sealed.
func MaskPhone(phone string) string {
	if len(phone) < 6 {
		return strings.Repeat("*", len(phone))
	}
	return phone[:3] + " ... " + phone[len(phone)-2:]
}
