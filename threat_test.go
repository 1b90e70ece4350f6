package latchkey_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

var (
	faultNumber = regexp.MustCompile(`^\d+$`)
	areaNumber  = regexp.MustCompile(`^T\d+$`)
)

// hasTest reports whether a cell names a test.
func hasTest(cell string) bool {
	for _, name := range backticked.FindAllStringSubmatch(cell, -1) {
		if looksLikeTest(name[1]) {
			return true
		}
	}
	return false
}

// threatFaults is all that is wrong with docs/threat-model.md: a fault without
// its test and twin, an area that is missing or says nothing, an attack on a
// boundary without a test, and names of tests that show nothing.
func threatFaults(text string, faults, areas int, tree testTree) (wrong []string) {
	table := func(prefix string, number *regexp.Regexp, columns []int, count int) {
		rows, bad := rowsOf(text, number, 5)
		wrong = append(wrong, bad...)
		for i, cells := range rows {
			if want := fmt.Sprint(prefix, i+1); cells[0] != want {
				wrong = append(wrong, fmt.Sprintf("%s stands where %s should", cells[0], want))
			}
			for _, c := range columns {
				if !hasTest(cells[c]) {
					wrong = append(wrong, fmt.Sprintf("%s names no test in column %d", cells[0], c+1))
				}
			}
			for c, cell := range cells {
				if cell == "" {
					wrong = append(wrong, fmt.Sprintf("%s says nothing in column %d", cells[0], c+1))
				}
			}
		}
		if len(rows) != count {
			wrong = append(wrong, fmt.Sprintf("%d rows %s1 to %s%d, want %d", len(rows), prefix, prefix, count, count))
		}
	}
	table("", faultNumber, []int{3, 4}, faults)
	table("T", areaNumber, nil, areas)
	attacks := false // in a table whose third column is for tests
	for i, line := range strings.Split(text, "\n") {
		cells := cellsOf(line)
		header := len(cells) == 3 && cells[2] == "test"
		if attacks = header || attacks && len(cells) == 3; attacks && !header && !strings.HasPrefix(cells[0], "-") && !hasTest(cells[2]) {
			wrong = append(wrong, fmt.Sprintf("line %d has an attack and no test", i+1))
		}
		for _, name := range backticked.FindAllStringSubmatch(line, -1) {
			fault := ""
			if looksLikeTest(name[1]) {
				fault = tree.fault(name[1])
			} else if _, found := tree.files[scripts+name[1]]; strings.HasSuffix(name[1], ".txtar") && !found {
				fault = "names " + name[1] + ", which is no scenario"
			}
			if fault != "" {
				wrong = append(wrong, fmt.Sprintf("line %d %s", i+1, fault))
			}
		}
	}
	return wrong
}

func TestEveryThreatIsAnsweredByATest(t *testing.T) {
	text, err := os.ReadFile("docs/threat-model.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range threatFaults(string(text), 22, 36, readTests(t, ".")) {
		t.Error("docs/threat-model.md: " + fault)
	}
}

// The twins: a page with one thing wrong is found out, by what is wrong.
func TestABrokenThreatModelIsFoundOut(t *testing.T) {
	tree := twinTree(t)
	good := "| what | where | who |\n|---|---|---|\n| a | b | c |\n\n| attack | answer | test |\n|---|---|---|\n| a | b (`a.txtar`) | `latchkey.TestGood` and `make test` |\n\n" +
		"| # | attack | rule | test | twin |\n|---|---|---|---|---|\n| 1 | a | b | `sub.TestSub` | off: `latchkey.FuzzGood` |\n| 2 | a | b | `latchkey.TestTagged` | `web/e2e/a.spec.ts: it\"s good` |\n\n" +
		"| T | what | figure | command | result |\n|---|---|---|---|---|\n| T1 | a | b | `go test` | `sub.TestSub` |\n| T2 | a | b | c | d |\n"
	if wrong := threatFaults(good, 2, 2, tree); len(wrong) > 0 {
		t.Fatalf("the good page: %q", wrong)
	}
	for name, c := range map[string]struct{ old, with, want string }{
		"no test on a boundary": {"`latchkey.TestGood` and", "", "an attack and no test"},
		"gone on a boundary":    {"latchkey.TestGood", "latchkey.TestGone", "TestGone, which does not exist"},
		"no such scenario":      {"`a.txtar`", "`b.txtar`", "b.txtar, which is no scenario"},
		"fault without a test":  {"`sub.TestSub` | off", "the code is good | off", "1 names no test in column 4"},
		"fault without a twin":  {"off: `latchkey.FuzzGood`", "off", "1 names no test in column 5"},
		"twin that is skipped":  {"latchkey.FuzzGood", "latchkey.TestSkipped", "may be skipped"},
		"fault missing":         {"| 1 | a", "| x | a", "2 stands where 1 should"},
		"fault twice":           {"| 2 | a", "| 1 | a", "1 stands where 2 should"},
		"fault with a mark":     {"| 1 | a", "| **1** | a", "no row of 5 columns"},
		"four columns":          {"| T2 | a | b |", "| T2 | a |", "no row of 5 columns"},
		"area missing":          {"| T2 | a | b | c | d |\n", "", "1 rows T1 to T2, want 2"},
		"area without a result": {"| c | d |", "| c |  |", "T2 says nothing in column 5"},
		"result that is gone":   {"| `sub.TestSub` |\n| T2", "| `sub.TestGone` |\n| T2", "TestGone, which does not exist"},
	} {
		broken := strings.Replace(good, c.old, c.with, 1)
		if broken == good {
			t.Fatalf("%s: nothing was broken", name)
		}
		if wrong := threatFaults(broken, 2, 2, tree); !strings.Contains(strings.Join(wrong, "\n"), c.want) {
			t.Errorf("%s: found %q, want one about %q", name, wrong, c.want)
		}
	}
}
