package testenv_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sieve looks for many secrets at once, in every form in which something could
// have written them.
type sieve struct {
	begins [1 << 21]byte // a bit for each way in which a secret can begin
	names  map[string]string
	by     map[[3]byte][]string
}

func newSieve(t *testing.T, secrets map[string]string) *sieve {
	t.Helper()
	s := &sieve{names: map[string]string{}, by: map[[3]byte][]string{}}
	for name, secret := range secrets {
		if len(secret) < 8 {
			t.Fatalf("the secret %q has %d bytes: it could stand somewhere by chance, or is empty", name, len(secret))
		}
		for _, form := range forms(secret) {
			first := [3]byte([]byte(form))
			s.names[form] = name
			s.by[first] = append(s.by[first], form)
			at := place(first)
			s.begins[at>>3] |= 1 << (at & 7)
		}
	}
	return s
}

// forms are a secret as it is and percent-encoded; in hexadecimal, which is how
// PostgreSQL writes bytes into a dump; in base 64, wherever in a longer text; and
// the bytes for which its own text stands, in the same ways.
func forms(secret string) (all []string) {
	all = append(all, url.QueryEscape(secret), url.PathEscape(secret))
	for _, text := range append(meant(secret), secret) {
		all = append(all, text, hex.EncodeToString([]byte(text)), strings.ToUpper(hex.EncodeToString([]byte(text))))
		for before := range 3 { // bytes before it in its group of three
			padded := append(make([]byte, before), text...)
			first, last := []int{0, 2, 3}[before], len(padded)*8/6 // of the characters that are its own
			all = append(all, base64.StdEncoding.EncodeToString(padded)[first:last], base64.URLEncoding.EncodeToString(padded)[first:last])
		}
	}
	return all
}

// meant are the bytes that were random before they were written as text.
func meant(secret string) (all []string) {
	if body, ok := strings.CutPrefix(secret, "lks_"); ok && len(body) > 4 {
		secret = body[:len(body)-4] // without its checksum
	}
	decode := []func(string) ([]byte, error){base64.RawURLEncoding.DecodeString, base64.StdEncoding.DecodeString, base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString, hex.DecodeString}
	for _, from := range decode {
		if raw, err := from(secret); err == nil && len(raw) >= 10 {
			all = append(all, string(raw))
		}
	}
	return all
}

func place(b [3]byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }

// in returns the names of the secrets that stand in a text.
func (s *sieve) in(text []byte) map[string]bool {
	found := map[string]bool{}
	for i := 0; i+3 <= len(text); i++ {
		first := [3]byte(text[i:])
		if at := place(first); s.begins[at>>3]&(1<<(at&7)) == 0 {
			continue
		}
		for _, form := range s.by[first] {
			if bytes.HasPrefix(text[i:], []byte(form)) {
				found[s.names[form]] = true
			}
		}
	}
	return found
}

// none fails for each secret that stands in a text.
func (s *sieve) none(t *testing.T, where, text string) {
	t.Helper()
	for name := range s.in([]byte(text)) {
		t.Errorf("%s stands in %s", name, where)
	}
}

// files are the contents of the regular files of a folder, but for those with
// such an end of their name.
func files(t *testing.T, dir string, except ...string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if os.IsNotExist(err) {
			return nil // a running database removes files
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		for _, name := range except {
			if strings.HasSuffix(path, name) {
				return nil
			}
		}
		text, err := os.ReadFile(path)
		if err == nil {
			all[path] = string(text)
		} else if !os.IsNotExist(err) {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The twin: the search finds what is planted, in each form and wherever it
// stands, and nothing where nothing is.
func TestTheSieveFindsASecretInEveryForm(t *testing.T) {
	seed, key := "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", "lks_az09-_AZaz09-_AZaz09-_AZaz09-_AZaz09-_AZxyzyt8r"
	s := newSieve(t, map[string]string{"one": "canary-one", "two": "canary two/2", "seed": seed, "key": key})
	rawSeed, err := base32.StdEncoding.DecodeString(seed)
	if err != nil {
		t.Fatal(err)
	}
	rawKey, err := base64.RawURLEncoding.DecodeString(key[4:47])
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"": "", "canary-on": "", "canary-thecanary-two": "", "xcanary-onex": "one", `{"a":"canary two/2"`: "two", "ca\x00canary two/2": "two",
		`(1,"\\x` + hex.EncodeToString([]byte("..canary-one..")) + `")`: "one", strings.ToUpper(hex.EncodeToString([]byte("canary-one"))): "one",
		"a=" + url.QueryEscape("canary two/2"): "two", "/" + url.PathEscape("canary two/2"): "two",
		base64.StdEncoding.EncodeToString([]byte(`canary-one`)): "one", base64.StdEncoding.EncodeToString([]byte(`{canary-one"}`)): "one",
		base64.RawURLEncoding.EncodeToString([]byte(`{"canary-one}`)): "one", base64.RawURLEncoding.EncodeToString([]byte(`{".canary-one.`)): "one",
		"log: " + seed: "seed", "\x00" + string(rawSeed) + "\x00": "seed", `\x` + hex.EncodeToString(rawSeed): "seed",
		key: "key", "row" + string(rawKey): "key", base64.StdEncoding.EncodeToString(append([]byte("x"), rawKey...)): "key",
	} {
		found := s.in([]byte(text))
		if want == "" && len(found) > 0 || want != "" && (!found[want] || len(found) != 1) {
			t.Errorf("in %q it found %v, want %q", text, found, want)
		}
	}
}
