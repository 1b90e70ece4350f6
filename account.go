package latchkey

import (
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Account is a client of the platform. It has exactly one owner.
type Account struct {
	ID        string
	Name      string
	CreatedAt time.Time
}

// Role says what a member may do.
type Role string

// The roles.
const (
	RoleOwner   Role = "owner"
	RoleSubuser Role = "subuser"
)

// ParseRole reads "owner" or "subuser".
func ParseRole(s string) (Role, error) {
	switch r := Role(s); r {
	case RoleOwner, RoleSubuser:
		return r, nil
	}
	return "", Invalid("role", "invalid_role", "a role is owner or subuser, not %q", clip(s))
}

// Member is a person in an account.
type Member struct {
	ID        string
	AccountID string
	Email     string
	Role      Role
	CreatedAt time.Time
}

// Session is one browser's (or script's) sign-in. Until its second step is
// done it is not Full and reaches nothing but that step.
type Session struct {
	ID        string
	MemberID  string
	Full      bool
	IP        string
	UserAgent string
	CreatedAt time.Time
	LastSeen  time.Time
	EndsAt    time.Time // 24 h after the sign-in, whatever happens
}

// FactorKind is a kind of second factor.
type FactorKind string

// The kinds. A recovery code stands in for a lost factor where no key is
// touched; the e-mail code is consent, never a factor.
const (
	FactorTOTP     FactorKind = "totp"
	FactorSMS      FactorKind = "sms"
	FactorPasskey  FactorKind = "passkey"
	FactorRecovery FactorKind = "recovery"
	FactorEmail    FactorKind = "email"
)

// Factor is an enrolled second factor without its secret part.
type Factor struct {
	ID        string
	MemberID  string
	Kind      FactorKind
	Label     string // "Authenticator app", the end of the phone number, or the passkey's name
	CreatedAt time.Time
	LastUsed  time.Time // zero: never
}

// NormalEmail checks an address and returns it in the form that is stored and
// compared: trimmed, lower case. Only addr-spec of RFC 5322 is accepted, no
// display name, at most 254 bytes (RFC 5321, 4.5.3.1.3). It is ASCII: lower
// case makes "k" of the Kelvin sign, so two addresses would become one.
func NormalEmail(s string) (string, error) {
	s = strings.TrimSpace(s)
	foreign := func(r rune) bool { return r > unicode.MaxASCII || unprintable(r) }
	if len(s) > 254 || strings.ContainsFunc(s, foreign) {
		return "", Invalid("email", "invalid_email", "%q is not an e-mail address", clip(s))
	}
	s = strings.ToLower(s)
	if addr, err := mail.ParseAddress(s); err != nil || addr.Address != s {
		return "", Invalid("email", "invalid_email", "%q is not an e-mail address", clip(s))
	}
	return s, nil
}

// NormalPhone checks a phone number and returns it as "+" and 8 to 15 digits
// (E.164). Spaces, dots, hyphens and brackets between digits are dropped.
func NormalPhone(s string) (string, error) {
	plain := strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "").Replace(strings.TrimSpace(s))
	digits, ok := strings.CutPrefix(plain, "+")
	if !ok || len(digits) < 8 || len(digits) > 15 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return "", Invalid("phone", "invalid_phone", "write the phone number with its country code, like +35312345678")
	}
	return plain, nil
}

// NormalName checks a name of a key or an account: 1 to 64 printable
// characters, no control, format or bidi characters (Unicode Cc, Cf, Co, Cn),
// no line or paragraph separator. Spaces around it are dropped.
func NormalName(field, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", Invalid(field, "invalid_name", "the name is not valid UTF-8")
	}
	s = strings.TrimSpace(s)
	n := utf8.RuneCountInString(s)
	if n < 1 || n > 64 {
		return "", Invalid(field, "invalid_name", "a name has 1 to 64 characters; this one has %d", n)
	}
	if strings.ContainsFunc(s, unprintable) {
		return "", Invalid(field, "invalid_name", "a name holds visible characters and plain spaces only; remove control, invisible and direction characters")
	}
	return s, nil
}

// unprintable is true for everything but letters, marks, numbers, punctuation,
// symbols and the ASCII space. Invisible ones among these (variation selectors,
// the combining grapheme joiner, Hangul fillers) would make two names look
// equal. Unicode lists them, but for some signs whose glyph is blank.
func unprintable(r rune) bool {
	switch r {
	case 0x2800, 0x13441, 0x13442, 0x16fe4, 0x1d159: // Braille, hieroglyphic, Khitan, musical
		return true
	case 0xfffc, utf8.RuneError: // an object, or bytes that a JSON decoder could not read
		return true
	}
	return !unicode.IsPrint(r) || unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}
