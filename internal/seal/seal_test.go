package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	tinkpb "github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"pgregory.net/rapid"
)

func newBox(t *testing.T) (*Box, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sub", "keyset.json")
	b, err := LoadOrMake(path)
	if err != nil {
		t.Fatal(err)
	}
	return b, path
}

func sealed(t *testing.T, b *Box, text string) []byte {
	t.Helper()
	out, err := b.Seal("api_key", "secret", "k1", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func opens(t *testing.T, b *Box, value []byte, want string) {
	t.Helper()
	got, err := b.Open("api_key", "secret", "k1", value)
	if err != nil || string(got) != want {
		t.Fatalf("Open = %q, %v; want %q", got, err, want)
	}
}

func TestSealedValueOpensOnlyInItsPlace(t *testing.T) {
	b, _ := newBox(t)
	value := sealed(t, b, "canary")
	if strings.Contains(string(value), "canary") {
		t.Fatal("the plain text stands in the sealed value")
	}
	opens(t, b, value, "canary")
	for _, place := range [][3]string{
		{"api_key", "secret", "k2"}, {"api_key", "code", "k1"}, {"factor", "secret", "k1"},
		{"api_keysecret", "", "k1"}, {"api_key", "secretk1", ""}, {"", "", ""},
	} {
		if _, err := b.Open(place[0], place[1], place[2], value); !errors.Is(err, ErrOpen) {
			t.Errorf("Open in %q = %v, want ErrOpen", place, err)
		}
	}
}

func TestChangedValueDoesNotOpen(t *testing.T) {
	b, _ := newBox(t)
	value := sealed(t, b, "canary")
	for i := range value {
		bad := append([]byte(nil), value...)
		bad[i] ^= 1
		if _, err := b.Open("api_key", "secret", "k1", bad); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d changed: %v, want ErrOpen", i, err)
		}
	}
	for n := range value {
		if _, err := b.Open("api_key", "secret", "k1", value[:n]); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d bytes: %v, want ErrOpen", n, err)
		}
	}
}

func TestTwoPlacesNeverShareAnEncoding(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.StringMatching(`[ab\x00]{0,4}`)
		x := [3]string{part.Draw(t, "table"), part.Draw(t, "column"), part.Draw(t, "row")}
		y := [3]string{part.Draw(t, "table2"), part.Draw(t, "column2"), part.Draw(t, "row2")}
		same := string(place(x[0], x[1], x[2])) == string(place(y[0], y[1], y[2]))
		if same != (x == y) {
			t.Fatalf("%q and %q: same encoding %t", x, y, same)
		}
	})
}

func TestKeysetFileIsForItsOwnerAlone(t *testing.T) {
	_, path := newBox(t)
	for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): fs.ModeDir | 0o700} {
		info, err := os.Stat(name)
		if err != nil || info.Mode() != want {
			t.Errorf("%s: mode %v, %v; want %v", name, info.Mode(), err, want)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("beside the keyset: %v, %v", left, err)
	}
}

func TestSecondStartUsesTheSameKeyset(t *testing.T) {
	b, path := newBox(t)
	value := sealed(t, b, "canary")
	again, err := LoadOrMake(path)
	if err != nil {
		t.Fatal(err)
	}
	opens(t, again, value, "canary")
}

func TestParallelFirstStartsAgreeOnOneKeyset(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	boxes := make(chan *Box, 8)
	for range cap(boxes) {
		go func() {
			b, err := LoadOrMake(path)
			if err != nil {
				t.Error(err)
			}
			boxes <- b
		}()
	}
	first := <-boxes
	for range cap(boxes) - 1 {
		if b := <-boxes; b == nil || first == nil || b.Current() != first.Current() {
			t.Error("two starts made two keysets")
		}
	}
}

func TestUnusableKeysetFileIsRefused(t *testing.T) {
	_, good := newBox(t)
	text, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, text string
		mode       fs.FileMode
		says       string
	}{
		{"readable by the group", string(text), 0o640, "chmod 600"},
		{"readable by all", string(text), 0o604, "chmod 600"},
		{"writable by the group", string(text), 0o620, "chmod 600"},
		{"empty", "", 0o600, "backup"},
		{"half", string(text[:len(text)/2]), 0o600, "backup"},
		{"no keyset", `{"canary":"canary"}`, 0o600, "backup"},
		{"a keyset for MACs", keysetText(t, mac.HMACSHA256Tag256KeyTemplate()), 0o600, "AEAD"},
		{"values without a mark", keysetText(t, aead.AES256GCMNoPrefixKeyTemplate()), 0o600, "TINK"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "keyset.json")
			if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, c.mode); err != nil {
				t.Fatal(err)
			}
			_, err := LoadOrMake(path)
			if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "canary") {
				t.Fatalf("LoadOrMake = %v; must say %q, and nothing of the content", err, c.says)
			}
			if now, _ := os.ReadFile(path); string(now) != c.text {
				t.Fatal("the file was changed")
			}
		})
	}
}

// keysetText is a keyset of another kind.
func keysetText(t *testing.T, template *tinkpb.KeyTemplate) string {
	t.Helper()
	handle, err := keyset.NewHandle(template)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&out)); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestMissingFileIsNotMadeByLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keyset.json")
	if _, err := Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("Load = %v, want fs.ErrNotExist", err)
	}
	if _, err := Load(t.TempDir()); err == nil {
		t.Fatal("a folder is taken for a keyset")
	}
}

func TestKeysetAsTextOpensWhatTheFileSealed(t *testing.T) {
	b, path := newBox(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	opens(t, parsed, sealed(t, b, "canary"), "canary")
	if err := parsed.Rotate(); err == nil {
		t.Error("a keyset without a file was rotated: nobody would keep the new key")
	}
	if err := parsed.Reload(); err != nil {
		t.Error(err)
	}
	if _, err := Parse("nonsense"); err == nil {
		t.Error("nonsense was taken for a keyset")
	}
}

func TestRotationSealsAnewAndOpensTheOld(t *testing.T) {
	b, path := newBox(t)
	running, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	old := sealed(t, b, "old")
	before := b.Current()
	if err := b.Rotate(); err != nil {
		t.Fatal(err)
	}
	fresh := sealed(t, b, "fresh")
	opens(t, b, old, "old")
	if b.KeyID(old) != before || b.KeyID(fresh) != b.Current() || b.Current() == before {
		t.Errorf("keys: old %d, fresh %d, before %d, now %d", b.KeyID(old), b.KeyID(fresh), before, b.Current())
	}
	if !strings.HasPrefix(string(fresh), string(b.Mark())) || strings.HasPrefix(string(old), string(b.Mark())) {
		t.Error("the mark does not tell fresh from old")
	}
	// The running process takes the new keyset without a pause.
	if _, err := running.Open("api_key", "secret", "k1", fresh); !errors.Is(err, ErrOpen) {
		t.Errorf("before Reload: %v, want ErrOpen", err)
	}
	if err := running.Reload(); err != nil {
		t.Fatal(err)
	}
	opens(t, running, fresh, "fresh")
	opens(t, running, old, "old")
}

func TestReloadRefusesAForeignKeyset(t *testing.T) {
	b, path := newBox(t)
	value := sealed(t, b, "canary")
	_, other := newBox(t)
	if err := os.Rename(other, path); err != nil {
		t.Fatal(err)
	}
	if err := b.Reload(); err == nil {
		t.Fatal("a keyset that opens nothing was taken")
	}
	opens(t, b, value, "canary")
}

func TestKeyIDOfWhatIsNotSealedIsZero(t *testing.T) {
	b, _ := newBox(t)
	for _, value := range [][]byte{nil, {}, {1, 2, 3, 4}, {0, 1, 2, 3, 4, 5}} {
		if id := b.KeyID(value); id != 0 {
			t.Errorf("KeyID(%v) = %d", value, id)
		}
	}
}

func TestLogShowsNoKeyset(t *testing.T) {
	b, path := newBox(t)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	slog.New(slog.NewTextHandler(&out, nil)).Info("box", "box", b)
	material := strings.Split(strings.SplitAfter(string(text), `"value":"`)[1], `"`)[0]
	if !strings.Contains(out.String(), fmt.Sprint(b.Current())) || strings.Contains(out.String(), material) {
		t.Fatalf("log: %s", out.String())
	}
}
