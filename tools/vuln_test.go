// Package tools_test tests what the Makefile calls.
package tools_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// A check for known faults that could not look, or that does not see one, says
// the same as one that found nothing. The databases are as
// https://go.dev/doc/security/vuln/database lays them out.
func TestAKnownFaultIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		module, says string
		code         int
	}{
		"in a module of the program": {"github.com/valyala/fasthttp", "GO-2099-0001", 3},
		"in another module":          {"example.org/other", "No vulnerabilities found", 0},
		"no database":                {"", "Known faults were NOT looked for", 1},
	} {
		t.Run(name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), "vulndb")
			if c.module != "" {
				database(t, folder, c.module)
			}
			// Whole packages, not what of them is called: that takes ten times as long.
			cmd := exec.Command("../scripts/vuln", "-scan", "package")
			cmd.Env = append(os.Environ(), "GOVULNDB=file://"+folder)
			text, err := cmd.CombinedOutput()
			if code := cmd.ProcessState.ExitCode(); code != c.code || !strings.Contains(string(text), c.says) {
				t.Errorf("exit code %d, %v:\n%s", code, err, text)
			}
		})
	}
}

// database writes one fault of every version of a module.
func database(t *testing.T, folder, module string) {
	t.Helper()
	const id, when = "GO-2099-0001", `"2099-01-01T00:00:00Z"`
	for name, text := range map[string]string{
		"index/db.json":      `{"modified":` + when + `}`,
		"index/modules.json": `[{"path":"` + module + `","vulns":[{"id":"` + id + `","modified":` + when + `}]}]`,
		"ID/" + id + ".json": `{"schema_version":"1.3.1","id":"` + id + `","modified":` + when + `,"published":` + when + `,"summary":"of a test","details":"of a test",
			"affected":[{"package":{"name":"` + module + `","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],
			"ecosystem_specific":{"imports":[{"path":"` + module + `"}]}}],"database_specific":{"url":"https://pkg.go.dev/vuln/` + id + `"}}`,
	} {
		name = filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
