package latchkey_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// unpinnedModules are modules of the program whose hash go.sum does not have.
func unpinnedModules(modules []string, sums string) (faults []string) {
	for _, m := range modules {
		if !strings.Contains("\n"+sums, "\n"+m+" h1:") {
			faults = append(faults, m+" has no hash in go.sum")
		}
	}
	return faults
}

// unpinnedPackages are packages of a lock file that come without a hash.
func unpinnedPackages(lock []byte) (count int, faults []string) {
	var file struct {
		Packages map[string]struct {
			Version, Integrity string
			Link               bool
		}
	}
	if err := json.Unmarshal(lock, &file); err != nil {
		return 0, []string{err.Error()}
	}
	for name, p := range file.Packages {
		if name == "" { // ours
			continue
		}
		if count++; p.Link || p.Version == "" || !strings.HasPrefix(p.Integrity, "sha512-") {
			faults = append(faults, name+" has no version, or no SHA-512")
		}
	}
	return count, faults
}

// A part that is named without its hash can be another one tomorrow.
func TestEveryPartIsPinnedByItsHash(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}", "./cmd/latchkey").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	sums, err := os.ReadFile("go.sum")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var modules []string
	for m := range strings.Lines(string(out)) {
		if m = strings.TrimSpace(m); m != "" && !seen[m] {
			seen[m] = true
			modules = append(modules, m)
		}
	}
	if len(modules) < 20 {
		t.Fatalf("only %d modules were looked at", len(modules))
	}
	for _, fault := range unpinnedModules(modules, string(sums)) {
		t.Error(fault)
	}
	for _, path := range []string{"web/package-lock.json", "e2e/ccxt/package-lock.json", "e2e/ws/package-lock.json"} {
		lock, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		count, faults := unpinnedPackages(lock)
		if count == 0 {
			t.Errorf("%s names nothing", path)
		}
		for _, fault := range faults {
			t.Errorf("%s: %s", path, fault)
		}
	}
}

func TestAPartWithoutAHashIsFound(t *testing.T) {
	const sums = "example.org/a v1.0.0 h1:x\nexample.org/b v1.0.0/go.mod h1:y\n"
	if faults := unpinnedModules([]string{"example.org/a v1.0.0", "example.org/b v1.0.0"}, sums); len(faults) != 1 {
		t.Errorf("modules: %q", faults)
	}
	for _, part := range []string{`{"version":"1.0.0"}`, `{"version":"1.0.0","integrity":"sha1-x"}`, `{"integrity":"sha512-x"}`, `{"link":true,"version":"1.0.0","integrity":"sha512-x"}`} {
		if _, faults := unpinnedPackages([]byte(`{"packages":{"":{},"node_modules/a":` + part + `}}`)); len(faults) != 1 {
			t.Errorf("%s: %q", part, faults)
		}
	}
}

// holeTimes are the days by severity in SECURITY.md, worst first.
func holeTimes(page string) (days []int) {
	for _, severity := range []string{"critical", "high", "medium", "low"} {
		m := regexp.MustCompile(fmt.Sprintf(`(?m)^\|.*\(%s\) \|.*?(\d+) days`, severity)).FindStringSubmatch(page)
		if m == nil {
			return nil
		}
		n, _ := strconv.Atoi(m[1]) // digits
		days = append(days, n)
	}
	return days
}

// Whoever runs this must know for how long a known hole may stay open (OWASP
// ASVS 15.1.1), and what is worse is mended sooner.
func TestTheDocsSayHowSoonAHoleIsClosed(t *testing.T) {
	page, err := os.ReadFile("SECURITY.md")
	if err != nil {
		t.Fatal(err)
	}
	days := holeTimes(string(page))
	if len(days) != 4 {
		t.Fatal("SECURITY.md does not say for each severity how soon a hole is closed")
	}
	for i := range days[1:] {
		if days[i] >= days[i+1] {
			t.Errorf("%d days, and %d for what is less severe", days[i], days[i+1])
		}
	}
	if holeTimes("| nothing (critical) | 2 days |") != nil {
		t.Error("a page with one severity passes")
	}
}
