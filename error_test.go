package latchkey_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"latchkey"

	"github.com/google/go-cmp/cmp"
)

func TestErrorsAreMatchedByCode(t *testing.T) {
	other := latchkey.Errorf(latchkey.KindConflict, "key_changed", "said otherwise")
	wrapped := fmt.Errorf("store: %w", other)
	if !errors.Is(wrapped, latchkey.ErrVersion) {
		t.Error("the same code in other words does not match")
	}
	for _, no := range []error{latchkey.ErrNotFound, latchkey.ErrKeyGone, errors.New("key_changed"), nil} {
		if errors.Is(wrapped, no) {
			t.Errorf("matches %v", no)
		}
	}
	if got := latchkey.Code(wrapped); got != "key_changed" {
		t.Errorf("code %q", got)
	}
	for _, err := range []error{nil, errors.New("plain"), fmt.Errorf("wrapped: %w", errors.New("plain"))} {
		if got := latchkey.Code(err); got != "" {
			t.Errorf("%v has code %q", err, got)
		}
	}
}

func TestErrorsSayAllThatTheyWereTold(t *testing.T) {
	want := &latchkey.Error{Kind: latchkey.KindInvalid, Code: "invalid_x", Message: "7 is too many", Field: "x"}
	if diff := cmp.Diff(want, latchkey.Invalid("x", "invalid_x", "%d is too many", 7)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	want = &latchkey.Error{Kind: latchkey.KindLimit, Code: "later", Message: "in 3 s"}
	if diff := cmp.Diff(want, latchkey.Errorf(latchkey.KindLimit, "later", "in %d s", 3)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := want.Error(); got != "in 3 s" {
		t.Errorf("the error reads %q", got)
	}
}

// What has no stated kind must never be shown outside.
func TestTheZeroKindIsInternal(t *testing.T) {
	if (latchkey.Error{}).Kind != latchkey.KindInternal {
		t.Error("the zero error has a kind that is shown")
	}
}

func TestSharedErrorsHaveTheirKinds(t *testing.T) {
	for _, c := range []struct {
		err  *latchkey.Error
		kind latchkey.Kind
		code string
	}{
		{latchkey.ErrNotFound, latchkey.KindNotFound, "not_found"},
		{latchkey.ErrForbidden, latchkey.KindForbidden, "forbidden"},
		{latchkey.ErrKeyGone, latchkey.KindNotFound, "key_not_found"},
		{latchkey.ErrVersion, latchkey.KindConflict, "key_changed"},
	} {
		if c.err.Kind != c.kind || c.err.Code != c.code || c.err.Message == "" {
			t.Errorf("%+v, want kind %d and code %q", c.err, c.kind, c.code)
		}
	}
}

// Input comes back in errors, and errors get into terminals, logs and pages.
func TestErrorsEchoInputShortAndHarmless(t *testing.T) {
	hostile := "\x1b[2J\u202e\x00\xff\u200b\n" + strings.Repeat("A", 100_000)
	refusals := map[string]error{}
	_, refusals["role"] = latchkey.ParseRole(hostile)
	_, refusals["email"] = latchkey.NormalEmail(hostile)
	_, refusals["permission"] = latchkey.ParsePermissions([]string{hostile})
	_, refusals["allowlist"] = latchkey.NewAllowlist([]string{hostile})
	_, refusals["operation"] = latchkey.RuleFor(latchkey.Operation(hostile), latchkey.Status(hostile))
	_, refusals["action"] = latchkey.NewCatalog([]latchkey.Action{{Name: hostile}})
	for name, err := range refusals {
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		text := err.Error()
		if len(text) > 400 || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%s: the error has %d bytes: %.200q", name, len(text), text)
		}
	}
}

// A wrong phone number, name or code of a person is not repeated in an error.
func TestAPhoneNumberIsNotEchoed(t *testing.T) {
	_, err := latchkey.NormalPhone("0871234567")
	if err == nil || strings.Contains(err.Error(), "0871234567") {
		t.Errorf("%v", err)
	}
}
