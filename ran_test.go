package latchkey_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// passes are the names of tests that a run of everything has passed, in the
// words of docs.
type passes map[string]bool

// readPasses reads what scripts/test leaves in a folder: a log of `go test
// -json` for each stage, and the results of vitest and of Playwright.
func readPasses(dir string) (passes, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, err
	}
	found := passes{}
	for _, name := range names {
		read := found.readGo
		switch filepath.Base(name) {
		case "vitest.json":
			read = found.readVitest
		case "browser.json":
			read = found.readPlaywright
		}
		if err := read(name); err != nil {
			return nil, errors.Join(errors.New(name), err)
		}
	}
	return found, nil
}

// readGo takes each line that says of a whole test that it passed.
func (p passes) readGo(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 64<<20) // a line of output may be long
	for lines.Scan() {
		var event struct{ Action, Package, Test string }
		if json.Unmarshal(lines.Bytes(), &event) == nil && event.Action == "pass" && event.Test != "" && !strings.Contains(event.Test, "/") {
			folder := strings.TrimPrefix(event.Package, "latchkey/")
			p[folder+"."+event.Test] = true
		}
	}
	return lines.Err()
}

func (p passes) readVitest(name string) error {
	var result struct {
		TestResults []struct {
			Name             string // of the file, from the root
			AssertionResults []struct{ Title, Status string }
		}
	}
	if err := readJSON(name, &result); err != nil {
		return err
	}
	for _, file := range result.TestResults {
		_, path, _ := strings.Cut(filepath.ToSlash(file.Name), "/web/")
		for _, test := range file.AssertionResults {
			if test.Status == "passed" {
				p["web/"+path+": "+test.Title] = true
			}
		}
	}
	return nil
}

// browserSuite is a file, or what stands in a describe.
type browserSuite struct {
	File   string // below web/e2e
	Suites []browserSuite
	Specs  []struct {
		Title string
		OK    bool
		Tests []struct{ Status string } // "skipped" counts as ok, too
	}
}

func (p passes) readPlaywright(name string) error {
	var result struct{ Suites []browserSuite }
	if err := readJSON(name, &result); err != nil {
		return err
	}
	for _, s := range result.Suites {
		p.add(s)
	}
	return nil
}

func (p passes) add(s browserSuite) {
	for _, spec := range s.Specs {
		ran := slices.ContainsFunc(spec.Tests, func(t struct{ Status string }) bool { return t.Status == "expected" })
		if spec.OK && ran {
			p["web/e2e/"+s.File+": "+spec.Title] = true
		}
	}
	for _, below := range s.Suites {
		p.add(below)
	}
}

func readJSON(name string, into any) error {
	text, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

// notRan lists the tests that a page names and that did not pass in a run.
func notRan(text string, found passes) (missing []string) {
	for i, line := range strings.Split(text, "\n") {
		for _, name := range backticked.FindAllStringSubmatch(line, -1) {
			if looksLikeTest(name[1]) && !found[name[1]] {
				missing = append(missing, fmt.Sprintf("line %d names %s, which did not run, or failed", i+1, name[1]))
			}
		}
	}
	return missing
}

// pagesOfTests are the pages of docs that stand on tests.
var pagesOfTests = []string{"docs/asvs.md", "docs/threat-model.md"}

// scripts/test sets RESULTS when everything else has run. Without it only the
// twins are looked at.
func TestTheTestsThatTheDocsNameRan(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"units.json": `{"Action":"pass","Package":"latchkey/internal/api","Test":"TestGood"}` + "\n" + `{"Action":"pass","Package":"latchkey","Test":"TestRoot"}` + "\n" +
			`{"Action":"skip","Package":"latchkey","Test":"TestSkipped"}` + "\n" + `{"Action":"fail","Package":"latchkey","Test":"TestBad"}` + "\n" +
			`{"Action":"pass","Package":"latchkey","Test":"TestBad/part"}` + "\n" + "no JSON\n",
		"vitest.json":  `{"testResults":[{"name":"/x/web/src/a.test.ts","assertionResults":[{"title":"good","status":"passed"},{"title":"bad","status":"failed"},{"title":"later","status":"pending"}]}]}`,
		"browser.json": `{"suites":[{"file":"a.spec.ts","specs":[{"title":"good","ok":true,"tests":[{"status":"expected"}]}],"suites":[{"file":"a.spec.ts","specs":[{"title":"deep","ok":true,"tests":[{"status":"expected"}]},{"title":"skipped","ok":true,"tests":[{"status":"skipped"}]},{"title":"bad","ok":false,"tests":[{"status":"unexpected"}]}]}]}]}`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	found, err := readPasses(dir)
	if err != nil {
		t.Fatal(err)
	}
	row := func(name string) string { return "| 1.1.1 | 2 | what | conforms: `" + name + "` |" }
	for _, good := range []string{"internal/api.TestGood", "latchkey.TestRoot", "web/src/a.test.ts: good", "web/e2e/a.spec.ts: good", "web/e2e/a.spec.ts: deep"} {
		if missing := notRan(row(good), found); len(missing) > 0 {
			t.Errorf("the twin that ran: %q", missing)
		}
	}
	for _, bad := range []string{
		"latchkey.TestGood", "latchkey.TestSkipped", "latchkey.TestBad", "latchkey.TestGone", "web/src/a.test.ts: bad", "web/src/a.test.ts: later",
		"web/e2e/a.spec.ts: skipped", "web/e2e/a.spec.ts: bad", "web/e2e/b.spec.ts: good",
	} {
		if missing := notRan(row(bad), found); len(missing) != 1 {
			t.Errorf("the twin %s was not found out", bad)
		}
	}
	results := os.Getenv("RESULTS")
	if results == "" {
		return
	}
	found, err = readPasses(results)
	if err != nil || len(found) == 0 {
		t.Fatalf("%d results in RESULTS=%s: %v", len(found), results, err)
	}
	for _, page := range pagesOfTests {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, missing := range notRan(string(text), found) {
			t.Error(page + ": " + missing)
		}
	}
}
