package latchkey_test

import (
	"fmt"
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// testTree is what a page of docs can name as a test: Go functions by package and name,
// such as "internal/api.TestTheMatrix" ("latchkey." for the root), and files of
// tests in JavaScript with their text.
type testTree struct {
	funcs map[string]string // name to what is wrong with it; "" is a good test
	files map[string]string // path to text; scenarios, too
}

var (
	goTestName = regexp.MustCompile(`^([\w/]+)\.((?:Test|Fuzz)\w+)$`)
	jsTestName = regexp.MustCompile(`^(web/[\w/.-]+\.(?:spec|test)\.tsx?): (.+)$`)
	backticked = regexp.MustCompile("`([^`]+)`")
	jsSkip     = regexp.MustCompile(`\.(?:skip|fixme|todo|only|fails)\(`)
	// before is what stands before the title of a test: test( or it(, perhaps
	// with each([...]) in between. A title that is no literal is not found.
	before = regexp.MustCompile(`(?:(?:^|[\s(])(?:test|it)\(|(?:test|it)\.each\((?s:.*)\)\()\s*$`)
)

// testTags are the tags under which scripts/test runs tests.
var testTags = []string{"browser", "fault", "race"}

// scripts are the scenarios of cmd/latchkey.TestScripts.
const scripts = "cmd/latchkey/testdata/script/"

// notRun are files of tests that nothing of `make test` runs.
var notRun = []string{"web/e2e/screens.spec.ts"}

// looksLikeTest tells the names of tests from commands and files. The form of a
// name, package.TestName, is none: no package has a keyword as its name.
func looksLikeTest(name string) bool {
	return goTestName.MatchString(name) && !strings.HasPrefix(name, "package.") || jsTestName.MatchString(name)
}

// cellsOf splits a line of a table; nil is no such line.
func cellsOf(line string) (cells []string) {
	if !strings.HasPrefix(line, "|") {
		return nil
	}
	for _, cell := range strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|") {
		cells = append(cells, strings.TrimSpace(cell))
	}
	return cells
}

// rowsOf reads the lines of tables whose first cell is such a number. A line
// that looks like one and has not that many cells is a fault.
func rowsOf(text string, number *regexp.Regexp, columns int) (rows [][]string, faults []string) {
	for i, line := range strings.Split(text, "\n") {
		cells := cellsOf(line)
		switch {
		case cells == nil || !number.MatchString(strings.Trim(cells[0], "*v V")):
		case len(cells) != columns || !number.MatchString(cells[0]):
			faults = append(faults, fmt.Sprintf("line %d is no row of %d columns with the bare number first", i+1, columns))
		default:
			rows = append(rows, cells)
		}
	}
	return rows, faults
}

// readTests reads every test below a folder.
func readTests(t *testing.T, root string) testTree {
	t.Helper()
	tree := testTree{map[string]string{}, map[string]string{}}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skip := []string{".git", "node_modules", "dist", ".out"}; slices.Contains(skip, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		slashed := filepath.ToSlash(name)
		if !strings.HasSuffix(slashed, "_test.go") && !regexp.MustCompile(`\.((spec|test)\.tsx?|txtar)$`).MatchString(slashed) {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if strings.HasSuffix(slashed, "_test.go") {
			return tree.addGo(slashed, text)
		}
		tree.files[slashed] = string(text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

// addGo notes the tests of one file of Go.
func (tree testTree) addGo(name string, text []byte) error {
	file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	folder := path.Dir(name)
	if folder == "." {
		folder = "latchkey"
	}
	fault := ""
	if !everBuilt(string(text)) {
		fault = "stands in a file that is never built"
	}
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok || f.Recv != nil || !regexp.MustCompile(`^(Test|Fuzz)[^a-z]`).MatchString(f.Name.Name) {
			continue
		}
		found := fault
		if found == "" && skips(f) {
			found = "may be skipped"
		}
		tree.funcs[folder+"."+f.Name.Name] = found
	}
	return nil
}

// everBuilt reports whether the file's build constraint holds on Linux under
// any choice of our tags.
func everBuilt(text string) bool {
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "package ") {
			return true
		}
		if !constraint.IsGoBuild(line) {
			continue
		}
		expr, err := constraint.Parse(line)
		if err != nil {
			return false
		}
		for choice := range 1 << len(testTags) {
			holds := expr.Eval(func(tag string) bool {
				i := slices.Index(testTags, tag)
				return tag == "linux" || tag == "unix" || tag == "amd64" || i >= 0 && choice>>i&1 == 1
			})
			if holds {
				return true
			}
		}
		return false
	}
	return true
}

// skips reports whether a function calls Skip, SkipNow or Skipf.
func skips(f *ast.FuncDecl) (found bool) {
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "SkipNow", "Skipf"}, s.Sel.Name) {
			found = true
		}
		return !found
	})
	return found
}

// fault says why the name is no test that runs, or "".
func (tree testTree) fault(name string) string {
	if goTestName.MatchString(name) {
		fault, ok := tree.funcs[name]
		switch {
		case !ok:
			return fmt.Sprintf("names %s, which does not exist", name)
		case fault != "":
			return fmt.Sprintf("names %s, which %s", name, fault)
		}
		return ""
	}
	m := jsTestName.FindStringSubmatch(name)
	if m == nil {
		return fmt.Sprintf("names %q, which is neither package.TestName nor web/file: title", name)
	}
	text, ok := tree.files[m[1]]
	switch {
	case !ok:
		return fmt.Sprintf("names %s, which does not exist", m[1])
	case slices.Contains(notRun, m[1]):
		return fmt.Sprintf("names %s, which `make test` does not run", m[1])
	case !hasTitle(text, m[2]):
		return fmt.Sprintf("names %q, which is no test of %s", m[2], m[1])
	case jsSkip.MatchString(text):
		return fmt.Sprintf("names a test of %s, where something is skipped", m[1])
	}
	return ""
}

// hasTitle looks for the title as a literal behind test( or it(.
func hasTitle(text, title string) bool {
	for _, quote := range []string{"'", "\"", "`"} {
		for rest, at := text, 0; ; {
			i := strings.Index(rest, quote+title+quote)
			if i < 0 {
				break
			}
			if before.MatchString(text[:at+i]) {
				return true
			}
			at, rest = at+i+1, rest[i+1:]
		}
	}
	return false
}

// twinTree has one good test of each kind, and some that show nothing.
func twinTree(t *testing.T) testTree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a_test.go":            "package a\n\nimport \"testing\"\n\nfunc TestGood(t *testing.T) {}\nfunc FuzzGood(f *testing.F) {}\nfunc Testing() {}\nfunc TestSkipped(t *testing.T) { if true { t.Skipf(\"x\") } }\n",
		"tag_test.go":          "//go:build fault && !race\n\npackage a\n\nfunc TestTagged(t *testing.T) {}\n",
		"never_test.go":        "//go:build ignore\n\npackage a\n\nfunc TestNever(t *testing.T) {}\n",
		"a.go":                 "package a\n\nfunc TestNoTest() {}\n",
		"sub/b_test.go":        "package b\n\nfunc TestSub(t *testing.T) {}\n",
		scripts + "a.txtar":    "# a scenario\n",
		"web/e2e/a.spec.ts":    "test('it\"s good', async () => {})\nit.each([1])(`each ${n}`, () => {})\nconst s = 'no test'\n",
		"web/e2e/skip.spec.ts": "test('runs', f)\ntest.skip('does not', f)\n",
		notRun[0]:              "test('x', f)\n",
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(dir)
	return readTests(t, ".")
}
