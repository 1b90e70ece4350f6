package identity

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Names of the headers.
const (
	AccountHeader     = "Latchkey-Account"
	KeyHeader         = "Latchkey-Key"
	PermissionsHeader = "Latchkey-Permissions"
	RequestIDHeader   = "Latchkey-Request-Id"
	SignatureHeader   = "Latchkey-Signature"
)

// Caller is who the gateway says is calling. The zero value is nobody and is
// never returned without an error.
type Caller struct {
	Account     string   // empty for a public call
	Key         string   // public id of the key; empty for a public call
	Permissions []string // machine names: read, trade, funds_internal, ...
	RequestID   string   // never empty
}

// Public reports whether the call came without a key.
func (c Caller) Public() bool { return c.Key == "" }

// Has reports whether the key carries the permission, by its machine name. The
// gateway has already checked the one that the action requires.
func (c Caller) Has(permission string) bool {
	return permission != "" && slices.Contains(c.Permissions, permission)
}

const (
	maxID          = 128
	maxPermissions = 32
)

// errPublic stands apart because both sides can get it wrong.
var errPublic = errors.New("account, key and permissions must be all given (a signed call) or all empty (a public call)")

// check refuses a caller whose parts could be misread: by the framing of the
// MAC, in a header, or in a log.
func (c Caller) check() error {
	signed := c.Account != ""
	switch {
	case (c.Key != "") != signed || (len(c.Permissions) > 0) != signed:
		return errPublic
	case signed && !word(c.Account, maxID, ".:@-"):
		return invalid(AccountHeader)
	case signed && !word(c.Key, maxID, "-"):
		return invalid(KeyHeader)
	case !word(c.RequestID, maxID, ".:-"):
		return invalid(RequestIDHeader)
	}
	return c.checkPermissions()
}

func (c Caller) checkPermissions() error {
	if len(c.Permissions) > maxPermissions {
		return invalid(PermissionsHeader)
	}
	for i, p := range c.Permissions {
		if !word(p, maxID, "") || slices.Contains(c.Permissions[:i], p) {
			return invalid(PermissionsHeader)
		}
	}
	return nil
}

// plain are the bytes of a word: ASCII letters, digits and _.
var plain = func() (is [256]bool) {
	for c := range is {
		is[c] = c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_'
	}
	return is
}()

// word reports whether s is 1 to longest ASCII letters, digits, _ or one of extra.
func word(s string, longest int, extra string) bool {
	for _, c := range []byte(s) {
		if !plain[c] && strings.IndexByte(extra, c) < 0 {
			return false
		}
	}
	return len(s) >= 1 && len(s) <= longest
}

func invalid(header string) error {
	return fmt.Errorf("%s holds an empty, too long, repeated or unexpected value", header)
}
