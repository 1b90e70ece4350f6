package latchkey_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"latchkey"
)

// alphabet is Crockford's base 32 in lower case.
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"

func TestKeyIDsAndSecretsCanBeRecognised(t *testing.T) {
	id, secret := latchkey.NewKeyID(), latchkey.NewSecret().Reveal()
	if !regexp.MustCompile(`^lk_[`+alphabet+`]{20}$`).MatchString(id) || !latchkey.IsKeyID(id) {
		t.Errorf("a new key id is %q", id)
	}
	if !regexp.MustCompile(`^lks_[A-Za-z0-9_-]{43}[`+alphabet+`]{4}$`).MatchString(secret) || !latchkey.IsSecret(secret) {
		t.Errorf("a new secret has the form %d characters, prefix %q", len(secret), secret[:4])
	}
	if latchkey.IsKeyID(secret) || latchkey.IsSecret(id) {
		t.Error("a key id passes for a secret, or the reverse")
	}
	if other := latchkey.NewID("ses"); !regexp.MustCompile(`^ses_[` + alphabet + `]{26}$`).MatchString(other) {
		t.Errorf("a new session id is %q", other)
	}
}

// These are in use: the form must stay what it is. The checksums come from
// another implementation of CRC-32.
func TestOldKeyIDsAndSecretsStayRecognised(t *testing.T) {
	for _, id := range []string{"lk_0123456789abcdefg13q", "lk_zzzzzzzzzzzzzzzz9c91"} {
		if !latchkey.IsKeyID(id) {
			t.Errorf("%s is no key id any more", id)
		}
	}
	for _, secret := range []string{"lks_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAvnad", "lks_az09-_AZaz09-_AZaz09-_AZaz09-_AZaz09-_AZxyzyt8r"} {
		if !latchkey.IsSecret(secret) {
			t.Errorf("%s is no secret any more", secret)
		}
	}
	// Right checksums behind a wrong length.
	for _, text := range []string{"lk_0123456789abcde8hay", "lk_0123456789abcdefgp24x", "lks_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAxayj", "lks_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA5hgs"} {
		if latchkey.IsKeyID(text) || latchkey.IsSecret(text) {
			t.Errorf("%s passes", text)
		}
	}
}

// 20,000 ids of 80 random bits meet with a chance of 1 in 10^15.
func TestNoTwoAreAlike(t *testing.T) {
	makers := map[string]func() string{
		"key id": latchkey.NewKeyID, "secret": func() string { return latchkey.NewSecret().Reveal() }, "id": func() string { return latchkey.NewID("x") },
	}
	for name, make1 := range makers {
		seen := make(map[string]bool)
		used := make(map[byte]bool)
		for range 20_000 {
			text := make1()
			if seen[text] {
				t.Fatalf("a %s came twice", name)
			}
			seen[text], used[text[5]] = true, true
		}
		if len(used) < len(alphabet) {
			t.Errorf("the sixth character of a %s has %d values only", name, len(used))
		}
	}
}

// A CRC is linear, so which errors it misses does not depend on the text: what
// one id and one secret show holds for all.
func TestOneWrongCharacterIsFound(t *testing.T) {
	id, secret := latchkey.NewKeyID(), latchkey.NewSecret().Reveal()
	for _, c := range []struct {
		text string
		is   func(string) bool
	}{{id, latchkey.IsKeyID}, {secret, latchkey.IsSecret}} {
		for i := range c.text {
			for b := range 256 {
				typo := []byte(c.text)
				if typo[i] = byte(b); typo[i] != c.text[i] && c.is(string(typo)) {
					t.Errorf("character %d of %d can be %q unnoticed", i, len(typo), byte(b))
				}
			}
		}
	}
}

func TestTwoSwappedCharactersAreFound(t *testing.T) {
	for range 200 {
		for _, c := range []struct {
			text string
			is   func(string) bool
		}{{latchkey.NewKeyID(), latchkey.IsKeyID}, {latchkey.NewSecret().Reveal(), latchkey.IsSecret}} {
			for i := range len(c.text) - 1 {
				swapped := []byte(c.text)
				swapped[i], swapped[i+1] = swapped[i+1], swapped[i]
				if string(swapped) != c.text && c.is(string(swapped)) {
					t.Errorf("characters %d and %d of %d can be swapped unnoticed", i, i+1, len(c.text))
				}
			}
		}
	}
}

func TestOtherFormsAreNoKeyIDAndNoSecret(t *testing.T) {
	id, secret := latchkey.NewKeyID(), latchkey.NewSecret().Reveal()
	for _, text := range []string{
		"", "lk_", "lks_", id + " ", " " + id, id[:22], id + "0", strings.ToUpper(id), "LK_" + id[3:], id[3:], "lk-" + id[3:],
		secret[:50], secret + "0", secret + "\n", strings.ToUpper(secret), strings.Repeat("lks_", 1000),
	} {
		if latchkey.IsKeyID(text) || latchkey.IsSecret(text) {
			t.Errorf("%.60q passes", text)
		}
	}
}

const canary = latchkey.Secret("lks_canary-0123456789")

// leaks reports whether a text holds the canary, plain or in hex.
func leaks(text string) bool {
	text = strings.ToLower(text)
	return strings.Contains(text, "canary") || strings.Contains(text, fmt.Sprintf("%x", "canary"))
}

// holder has a secret in each place from which fmt can reach one.
type holder struct {
	Secret  latchkey.Secret
	Pointer *latchkey.Secret
	List    []latchkey.Secret
	Map     map[latchkey.Secret]latchkey.Secret
	Any     any
}

func held() holder {
	s := canary
	return holder{s, &s, []latchkey.Secret{s}, map[latchkey.Secret]latchkey.Secret{s: s}, s}
}

// Verbs that do not fit a text are here too: fmt shows the value to show the
// mistake. %p and %w are not: fmt never asks the value how it wants to be
// shown there. go vet refuses %w for a Secret.
func TestASecretNeverPrints(t *testing.T) {
	s := canary
	values := map[string]any{
		"itself": s, "pointer": &s, "holder": held(), "key": latchkey.Deed{Secret: s, FactorSecret: s},
		"pending": latchkey.Pending{Code: s, NewSecret: s}, "list": []latchkey.Secret{s}, "array": [1]latchkey.Secret{s},
	}
	for name, value := range values {
		for _, verb := range strings.Fields("%v %+v %#v %s %+s %#s %q %+q %#q %x %X %#x %d %t %c %b %o %O %U %e %f %g %z %! %5s %.3s %-40s %05d noverb") {
			if text := fmt.Sprintf(verb, value); leaks(text) {
				t.Errorf("%s prints with %s: %s", name, verb, text)
			}
		}
		for how, text := range map[string]string{
			"Sprint": fmt.Sprint(value), "Sprintln": fmt.Sprintln(value),
			"wrapped": fmt.Errorf("wrong: %v", value).Error(),
		} {
			if leaks(text) {
				t.Errorf("%s prints with %s: %s", name, how, text)
			}
		}
	}
	if got := fmt.Sprintf("%v %s %d", s, s, s); got != "[secret] [secret] [secret]" {
		t.Errorf("a secret prints as %q", got)
	}
	if s.String() != "[secret]" || s.GoString() != "[secret]" || s.Reveal() != "lks_canary-0123456789" {
		t.Error("String hides and Reveal shows, not otherwise")
	}
}

func TestASecretIsNeverLogged(t *testing.T) {
	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		log := slog.New(handler(&out)).With("with", canary)
		s := canary
		h := held()
		h.Map = nil // JSON writes the keys of a map without asking them
		log.Error("a message", "secret", s, "pointer", &s, "holder", h, "list", h.List,
			"pending", latchkey.Pending{Code: s}, slog.Group("group", "secret", s), "error", fmt.Errorf("bad %v", s))
		if out.Len() == 0 || leaks(out.String()) {
			t.Errorf("%s: %s", name, out.String())
		}
		if text := out.String(); !strings.Contains(text, "secret=[secret]") && !strings.Contains(text, `"secret":"[secret]"`) {
			t.Errorf("%s: the place of the secret is not shown: %s", name, text)
		}
	}
}

func TestJSONRefusesASecret(t *testing.T) {
	s := canary
	for name, value := range map[string]any{
		"itself": s, "pointer": &s, "empty": latchkey.Secret(""), "list": []latchkey.Secret{s}, "pending": latchkey.Pending{Code: s}, "deed": latchkey.Deed{},
	} {
		out, err := json.Marshal(value)
		if err == nil || out != nil || leaks(err.Error()) {
			t.Errorf("%s is written as %s, %v", name, out, err)
		}
		if _, wrapped := errors.AsType[*json.MarshalerError](err); !wrapped {
			t.Errorf("%s: %v", name, err)
		}
	}
}
