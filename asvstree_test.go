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

// testTree is what can be named as a test: Go functions by package and name,
// such as "internal/api.TestTheMatrix" ("latchkey." for the root), and files of
// tests in JavaScript with their text.
type testTree struct {
	funcs map[string]string // name to what is wrong with it; "" is a good test
	files map[string]string // path to text
}

var (
	goTestName = regexp.MustCompile(`^([\w/]+)\.((?:Test|Fuzz)\w+)$`)
	jsTestName = regexp.MustCompile(`^(web/[\w/.-]+\.(?:spec|test)\.tsx?): (.+)$`)
	jsSkip     = regexp.MustCompile(`\.(?:skip|fixme|todo|only|fails)\(`)
	// before is what stands before the title of a test: test( or it(, perhaps
	// with each([...]) in between. A title that is no literal is not found.
	before = regexp.MustCompile(`(?:(?:^|[\s(])(?:test|it)\(|(?:test|it)\.each\((?s:.*)\)\()\s*$`)
)

// testTags are the tags under which scripts/test runs tests.
var testTags = []string{"browser", "fault", "race"}

// notRun are files of tests that nothing of `make test` runs.
var notRun = []string{"web/e2e/screens.spec.ts"}

// readTests reads every test below a folder.
func readTests(t *testing.T, root string) testTree {
	t.Helper()
	tree := testTree{map[string]string{}, map[string]string{}}
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if skip := []string{".git", "node_modules", "dist", "testdata", ".out"}; slices.Contains(skip, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		slashed := filepath.ToSlash(name)
		if !strings.HasSuffix(slashed, "_test.go") && !regexp.MustCompile(`\.(spec|test)\.tsx?$`).MatchString(slashed) {
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

// The twins: each broken table is found out, by what is broken.
func TestABrokenTableOfTheASVSIsFoundOut(t *testing.T) {
	tree := twinTree(t)
	wanted := asvsWanted("6.3 1. 6.4 .3")
	good := "| # | level |\n|---|---|\n| 6.3.1 | 1 | what | conforms: `latchkey.TestGood`, `latchkey.FuzzGood`, `sub.TestSub`, `latchkey.TestTagged` |\n" +
		"| 6.4.2 | 3 | what | conforms: `web/e2e/a.spec.ts: it\"s good`, `web/e2e/a.spec.ts: each ${n}` |\n"
	if faults := asvsFaults(good, wanted, tree); len(faults) > 0 {
		t.Fatalf("the good table: %q", faults)
	}
	for name, c := range map[string]struct{ old, with, want string }{
		"missing":             {"| 6.3.1 | 1", "| 6.3 | 1", "6.3.1 is missing"},
		"double":              {"| 6.4.2 | 3", "| 6.3.1 | 1", "6.3.1 stands twice"},
		"unknown number":      {"| 6.3.1 |", "| 6.3.2 |", "6.3.2 is no row"},
		"number with a mark":  {"| 6.3.1 |", "| **6.3.1** |", "no row of four columns"},
		"five columns":        {"| what | conforms: `web", "| what | more | conforms: `web", "no row of four columns"},
		"level":               {"| 6.3.1 | 1 |", "| 6.3.1 | 2 |", "6.3.1 is of level 1"},
		"no requirement":      {"| 1 | what |", "| 1 | |", "does not say what is required"},
		"a fourth state":      {"conforms: `latchkey.TestGood`", "planned: `latchkey.TestGood`", "has the state \"planned\""},
		"state in capitals":   {"conforms: `latchkey.TestGood`", "Conforms: `latchkey.TestGood`", "has the state \"Conforms\""},
		"nothing behind it":   {"conforms: `latchkey.TestGood`, `latchkey.FuzzGood`, `sub.TestSub`, `latchkey.TestTagged`", "not applicable", "without saying"},
		"no mend":             {"conforms: `latchkey.TestGood`", "deviation: somebody may guess", "does not say what would mend it"},
		"gone, of a part":     {"conforms: `latchkey.TestGood`, `latchkey.FuzzGood`", "deviation: but for `serve` and `latchkey.TestGone`. Mend: all", "TestGone, which does not exist"},
		"no test":             {"`latchkey.TestGood`, `latchkey.FuzzGood`, `sub.TestSub`, `latchkey.TestTagged`", "the code is good", "names no test"},
		"no such test":        {"latchkey.TestGood", "latchkey.TestGone", "TestGone, which does not exist"},
		"other package":       {"latchkey.TestGood", "sub.TestGood", "sub.TestGood, which does not exist"},
		"outside _test.go":    {"latchkey.TestGood", "latchkey.TestNoTest", "TestNoTest, which does not exist"},
		"no function of test": {"latchkey.TestGood", "latchkey.Testing", "which does not exist"},
		"skipped":             {"latchkey.TestGood", "latchkey.TestSkipped", "may be skipped"},
		"never built":         {"latchkey.TestGood", "latchkey.TestNever", "never built"},
		"no name of a test":   {"latchkey.TestGood", "TestGood", "neither package.TestName"},
		"no such file":        {"web/e2e/a.spec.ts: it", "web/e2e/b.spec.ts: it", "b.spec.ts, which does not exist"},
		"no such title":       {"each ${n}", "no test", "is no test of web/e2e/a.spec.ts"},
		"part of a title":     {"it\"s good`", "good`", "is no test of web/e2e/a.spec.ts"},
		"file with a skip":    {"web/e2e/a.spec.ts: each ${n}", "web/e2e/skip.spec.ts: runs", "something is skipped"},
		"pictures":            {"web/e2e/a.spec.ts: each ${n}", notRun[0] + ": x", "does not run"},
	} {
		broken := strings.Replace(good, c.old, c.with, 1)
		if broken == good {
			t.Fatalf("%s: nothing was broken", name)
		}
		if faults := asvsFaults(broken, wanted, tree); !strings.Contains(strings.Join(faults, "\n"), c.want) {
			t.Errorf("%s: found %q, want one about %q", name, faults, c.want)
		}
	}
}
