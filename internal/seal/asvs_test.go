package seal_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"latchkey/internal/seal"
)

// What is kept is sealed with AES-256-GCM and nothing else (ASVS 11.3.2): Tink
// knows modes that nobody needs here.
func TestANewKeysetIsForAESGCM(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keyset.json")
	if _, err := seal.LoadOrMake(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	kinds := regexp.MustCompile(`"typeUrl":\s*"([^"]+)"`).FindAllStringSubmatch(string(text), -1)
	if len(kinds) == 0 {
		t.Fatal("the keyset names no kind of key")
	}
	for _, kind := range kinds {
		if kind[1] != "type.googleapis.com/google.crypto.tink.AesGcmKey" {
			t.Errorf("a key of kind %s", kind[1])
		}
	}
}
