package latchkey_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// pkg is what `go list -json` tells about a package.
type pkg struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	Imports    []string
	Deps       []string
	Doc        string
}

// mayImport says which of our packages each package may import. A package
// that is missing here fails the test: its place has to be decided first.
var mayImport = map[string][]string{
	"latchkey":                           {},
	"latchkey/signature":                 {},
	"latchkey/identity":                  {},
	"latchkey/catalog":                   {"latchkey"},
	"latchkey/internal/seal":             {},
	"latchkey/internal/evidence":         {"latchkey"},
	"latchkey/internal/stepup":           {"latchkey"},
	"latchkey/internal/courier":          {"latchkey"},
	"latchkey/internal/cluster":          {"latchkey"},
	"latchkey/internal/authority":        {"latchkey", "latchkey/internal/stepup"},
	"latchkey/internal/verify":           {"latchkey", "latchkey/signature"},
	"latchkey/internal/store":            {"latchkey", "latchkey/internal/evidence", "latchkey/internal/seal", "latchkey/internal/store/db"},
	"latchkey/internal/store/db":         {},
	"latchkey/internal/api":              {"latchkey", "latchkey/internal/authority"},
	"latchkey/internal/gateway":          {"latchkey", "latchkey/signature", "latchkey/identity", "latchkey/internal/verify"},
	"latchkey/internal/sandbox":          {"latchkey", "latchkey/catalog", "latchkey/identity"},
	"latchkey/internal/passkey":          {"latchkey"},
	"latchkey/internal/operator":         {"latchkey", "latchkey/internal/authority"},
	"latchkey/web":                       {},
	"latchkey/internal/node":             {"*"},
	"latchkey/internal/testenv":          {"*"},
	"latchkey/internal/testenv/disk":     {},
	"latchkey/internal/testenv/dudect":   {},
	"latchkey/internal/testenv/postgres": {"latchkey/internal/testenv/disk"},
	"latchkey/internal/testenv/fault":    {"*"},
	"latchkey/internal/testenv/redis":    {},
	"latchkey/cmd/latchkey":              {"*"},
	"latchkey/bench":                     {},
	"latchkey/bench/cluster":             {"*"},
	"latchkey/bench/fixture":             {"latchkey", "latchkey/internal/seal", "latchkey/internal/store"},
	"latchkey/bench/growth":              {},
	"latchkey/bench/rest":                {"latchkey", "latchkey/signature", "latchkey/bench/fixture", "latchkey/internal/cluster", "latchkey/internal/courier", "latchkey/internal/node", "latchkey/internal/verify"},
	"latchkey/bench/keys":                {"latchkey", "latchkey/signature", "latchkey/internal/cluster", "latchkey/internal/seal", "latchkey/internal/store", "latchkey/internal/testenv/postgres", "latchkey/internal/verify"},
	"latchkey/bench/manage":              {"latchkey", "latchkey/signature", "latchkey/internal/authority", "latchkey/internal/courier", "latchkey/internal/node", "latchkey/internal/seal", "latchkey/internal/store"},
	"latchkey/bench/ws":                  {"latchkey", "latchkey/signature", "latchkey/internal/cluster", "latchkey/internal/gateway", "latchkey/internal/verify"},
}

// never says what a package must not reach, not even through others. The
// management plane and the data plane share nouns only.
var never = map[string][]string{
	"latchkey/internal/authority": {"net/http", "database/sql", "latchkey/internal/verify", "latchkey/internal/store", "latchkey/signature"},
	"latchkey/internal/verify":    {"net/http", "database/sql", "github.com/valyala/fasthttp"},
	"latchkey/internal/evidence":  {"net/http", "database/sql"},
	"latchkey/internal/store":     {"net/http", "latchkey/internal/authority", "latchkey/internal/verify"},
	"latchkey/internal/api":       {"latchkey/internal/gateway", "latchkey/internal/store"},
	"latchkey/internal/gateway":   {"latchkey/internal/authority", "latchkey/internal/api", "latchkey/internal/store", "database/sql"},
}

// standardOnly lists the packages that anybody may embed without taking on a
// dependency.
var standardOnly = []string{"latchkey", "latchkey/signature", "latchkey/identity"}

func packages(t *testing.T) []pkg {
	t.Helper()
	out, err := exec.Command("go", "list", "-deps=false", "-json=ImportPath,Dir,GoFiles,Imports,Deps,Doc", "./...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func ours(path string) bool { return path == "latchkey" || strings.HasPrefix(path, "latchkey/") }

func TestImportsFollowTheTable(t *testing.T) {
	for _, p := range packages(t) {
		allowed, known := mayImport[p.ImportPath]
		if !known {
			t.Errorf("%s has no row in mayImport: decide what it may import", p.ImportPath)
			continue
		}
		for _, imp := range p.Imports {
			if ours(imp) && !slices.Contains(allowed, imp) && !slices.Contains(allowed, "*") {
				t.Errorf("%s must not import %s", p.ImportPath, imp)
			}
			if !ours(imp) && strings.Contains(imp, ".") && slices.Contains(standardOnly, p.ImportPath) {
				t.Errorf("%s must use the standard library only, not %s", p.ImportPath, imp)
			}
		}
		for _, bad := range never[p.ImportPath] {
			if slices.Contains(p.Deps, bad) || slices.Contains(p.Imports, bad) {
				t.Errorf("%s must never reach %s", p.ImportPath, bad)
			}
		}
	}
}

func TestNobodyImportsTheTopOrTheTestEnvironment(t *testing.T) {
	for _, p := range packages(t) {
		if strings.HasPrefix(p.ImportPath, "latchkey/bench/") {
			continue // what measures is a test, too
		}
		for _, imp := range p.Imports {
			if imp == "latchkey/cmd/latchkey" || (strings.HasPrefix(imp, "latchkey/internal/testenv") && !strings.HasPrefix(p.ImportPath, "latchkey/internal/testenv")) {
				t.Errorf("%s must not import %s outside its tests", p.ImportPath, imp)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) > 0 && p.Doc == "" && p.ImportPath != "latchkey/internal/store/db" {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}
