package latchkey

import (
	"errors"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// Kind sorts errors by what the caller can do about them. Each door (API,
// command line) has one map from kinds to its own answers.
type Kind uint8

// The kinds. The zero value is an internal error: what has no stated kind is
// never shown outside.
const (
	KindInternal     Kind = iota
	KindInvalid           // the input is wrong; Field says where
	KindUnauthorized      // nobody is signed in, or the credentials are wrong
	KindForbidden         // signed in, but not allowed
	KindNotFound          // does not exist, or is not the caller's
	KindConflict          // the state changed, or does not allow the operation
	KindLimit             // too many, too often; RetryAfter may say when
	KindUnavailable       // a dependency is down; nothing was changed
)

// Error is an error that a person may see: it says what was wrong and what to
// do. It never carries a secret.
type Error struct {
	Kind    Kind
	Code    string // stable, snake_case, for programs
	Message string // one sentence for a person
	Field   string // the input's name, with KindInvalid
	// RetryAfter is the number of whole seconds after which the same call can
	// succeed; 0 when unknown.
	RetryAfter int
	// Left is the number of tries that remain, with codes "wrong_code" and "code_used".
	Left int
}

func (e *Error) Error() string { return e.Message }

// Is matches errors of the same code, so that errors.Is works with the values
// that the constructors below return.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}

// Errorf makes an *Error of any kind.
func Errorf(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Message: fmt.Sprintf(format, args...)}
}

// Invalid makes an *Error about one field of the input.
func Invalid(field, code, format string, args ...any) *Error {
	return &Error{Kind: KindInvalid, Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Code returns the code of an *Error in err's chain, or "" when there is none.
func Code(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return ""
}

// Errors that several packages share.
var (
	ErrNotFound  = Errorf(KindNotFound, "not_found", "there is no such thing here")
	ErrForbidden = Errorf(KindForbidden, "forbidden", "only the owner of the account may do this")
	ErrKeyGone   = Errorf(KindNotFound, "key_not_found", "there is no such key in this account")
	// ErrVersion is returned when an operation names a version of the key that
	// is not the stored one.
	ErrVersion = Errorf(KindConflict, "key_changed",
		"the key was changed in the meantime; look at it again and repeat what you wanted to do")
	// ErrFenced is returned when a gateway node renews a lease that was ended.
	ErrFenced = Errorf(KindConflict, "node_fenced", "this gateway node was taken for dead and may not serve any more; it must join anew")
)

// clip shortens hostile input for an error message and drops what would harm a
// terminal or a log.
func clip(s string) string {
	const longest = 64
	out := make([]rune, 0, longest)
	for _, r := range s {
		if len(out) == longest {
			return string(out) + "..."
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			r = '?'
		}
		out = append(out, r)
	}
	return string(out)
}
