package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Somebody silences a finding without a word, or a package that does not build
// is not looked at: both would look like no finding.
func TestWhatIsInsecureIsFound(t *testing.T) {
	const before = "package p\n\nimport \"crypto/md5\"\n\nvar Sum = md5.Sum([]byte{1})"
	for name, c := range map[string]struct {
		text  string
		found bool
		fails bool
	}{
		"as it is":             {before, true, false},
		"silenced, no reason":  {strings.ReplaceAll(before, "1})", "1}) // #nosec G401") + "\n", false, true},
		"silenced, no rule":    {strings.ReplaceAll(before, "1})", "1}) // #nosec -- it is no secret") + "\n", false, true},
		"silenced with reason": {strings.NewReplacer("md5\"", "md5\" // #nosec G501 -- it is no secret", "1})", "1}) // #nosec G401 -- it is no secret").Replace(before) + "\n", false, false},
		"secure":               {"package p\n\nvar Sum = 1\n", false, false},
		"does not build":       {"package p\n\nvar Sum = nothing\n", false, true},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, text := range map[string]string{"go.mod": "module p\n\ngo 1.26\n", "p.go": c.text} {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			t.Chdir(folder)
			found, err := look([]string{folder})
			if (len(found) > 0) != c.found || (err != nil) != c.fails {
				t.Errorf("found %q, error %v", found, err)
			}
		})
	}
	if _, err := look(nil); err == nil {
		t.Error("nothing was looked at, and that is no error")
	}
}
