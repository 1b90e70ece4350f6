package latchkey_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// asvsLevels are the levels of OWASP ASVS 5.0.0, a section a line and a digit a
// requirement. A dot is one of level 3 that docs/asvs.md need not have; the
// digit 3 is one that it must, because SECURITY.md or the threats ask for it.
const asvsLevels = `
1.1 22  1.2 111112222.  1.3 11222222222.  1.4 222  1.5 12.
2.1 122  2.2 112  2.3 1222.  2.4 2.
3.1 .  3.2 11.  3.3 1222.  3.4 112222..  3.5 11122...  3.6 .  3.7 22...
4.1 122.3  4.2 2....  4.3 22  4.4 1222
5.1 2  5.2 112...  5.3 11.  5.4 222
6.1 122  6.2 111111112222  6.3 1122.3.3  6.4 1122..  6.5 22222...  6.6 222.  6.7 ..  6.8 2222
7.1 222  7.2 1111  7.3 22  7.4 11222  7.5 223  7.6 22
8.1 12..  8.2 112.  8.3 13.  8.4 2.
9.1 111  9.2 1222
10.1 22  10.2 22.  10.3 2222.  10.4 11111222222.....  10.5 22222  10.6 22  10.7 222
11.1 22..  11.2 2223.  11.3 112..  11.4 1222  11.5 2.  11.6 2.  11.7 ..
12.1 122..  12.2 11  12.3 2222.
13.1 2...  13.2 22222.  13.3 22..  13.4 12222..
14.1 22  14.2 1222....  14.3 122
15.1 122..  15.2 122..  15.3 1222222  15.4 3333
16.1 2  16.2 22222  16.3 2222  16.4 222  16.5 222.
17.1 2.  17.2 2222....  17.3 22`

// asvsWanted says which numbers a table must have, with their levels.
func asvsWanted(levels string) map[string]string {
	out := map[string]string{}
	fields := strings.Fields(levels)
	for i := 0; i+1 < len(fields); i += 2 {
		for n, level := range fields[i+1] {
			if level != '.' {
				out[fmt.Sprintf("%s.%d", fields[i], n+1)] = string(level)
			}
		}
	}
	return out
}

// asvsRow is a line of docs/asvs.md: | number | level | requirement | state |.
type asvsRow struct {
	number, level, requirement, state string
}

// asvsStates are what a row may begin with. What follows is a test, a reason,
// or the risk with what would mend it.
var asvsStates = []string{"conforms", "not applicable", "deviation"}

var asvsNumber = regexp.MustCompile(`^\d+\.\d+\.\d+$`)

func asvsRows(text string) (rows []asvsRow, faults []string) {
	all, faults := rowsOf(text, asvsNumber, 4)
	for _, cells := range all {
		rows = append(rows, asvsRow{cells[0], cells[1], cells[2], cells[3]})
	}
	return rows, faults
}

// asvsFaults is all that is wrong with a table: numbers that are missing,
// double or unknown, levels, states, and tests that show nothing.
func asvsFaults(text string, wanted map[string]string, tree testTree) []string {
	rows, faults := asvsRows(text)
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.number] {
			faults = append(faults, r.number+" stands twice")
		}
		seen[r.number] = true
		if level, ok := wanted[r.number]; !ok {
			faults = append(faults, r.number+" is no row of this table")
		} else if level != r.level {
			faults = append(faults, fmt.Sprintf("%s is of level %s, not %q", r.number, level, r.level))
		}
		if r.requirement == "" {
			faults = append(faults, r.number+" does not say what is required")
		}
		if fault := stateFault(r.state, tree); fault != "" {
			faults = append(faults, r.number+" "+fault)
		}
	}
	for _, number := range slices.Sorted(maps.Keys(wanted)) {
		if !seen[number] {
			faults = append(faults, number+" is missing")
		}
	}
	return faults
}

// stateFault says what is wrong with a state, or "".
func stateFault(text string, tree testTree) string {
	state, rest, _ := strings.Cut(text, ":")
	rest = strings.TrimSpace(rest)
	switch {
	case !slices.Contains(asvsStates, state):
		return fmt.Sprintf("has the state %q, none of %q", state, asvsStates)
	case len(rest) < 10:
		return state + " without saying by what, why, or at which risk"
	case state == "deviation" && !strings.Contains(rest, "Mend:"):
		return "is a deviation that does not say what would mend it"
	}
	names := backticked.FindAllStringSubmatch(rest, -1)
	if state == "conforms" && len(names) == 0 {
		return "conforms, but names no test"
	}
	for _, name := range names {
		// Elsewhere a test may be named for a part that is met; commands may, too.
		if state != "conforms" && !looksLikeTest(name[1]) {
			continue
		}
		if fault := tree.fault(name[1]); fault != "" {
			return fault
		}
	}
	return ""
}

// The numbers are those of the published standard: 345 in all, of which 70 are
// of level 1 and 183 of level 2.
func TestTheLevelsOfTheASVSAreAllThere(t *testing.T) {
	all, count := 0, map[string]int{}
	for i, field := range strings.Fields(asvsLevels) {
		if i%2 == 1 {
			all += len(field)
		}
	}
	for _, level := range asvsWanted(asvsLevels) {
		count[level]++
	}
	if all != 345 || count["1"] != 70 || count["2"] != 183 || count["3"] != 10 {
		t.Errorf("%d requirements, by level %v; want 345, 70, 183 and the 10 chosen ones of level 3", all, count)
	}
}

func TestEveryRowOfTheASVSStandsOnATest(t *testing.T) {
	text, err := os.ReadFile("docs/asvs.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, fault := range asvsFaults(string(text), asvsWanted(asvsLevels), readTests(t, ".")) {
		t.Error("docs/asvs.md: " + fault)
	}
	rows, _ := asvsRows(string(text))
	count := map[string]int{}
	for _, r := range rows {
		state, _, _ := strings.Cut(r.state, ":")
		count[state]++
	}
	sum := fmt.Sprintf("%d rows: %d conform, %d are not applicable, %d deviate.", len(rows), count["conforms"], count["not applicable"], count["deviation"])
	if !strings.Contains(string(text), sum) {
		t.Errorf("docs/asvs.md does not say %q", sum)
	}
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
		"number with a mark":  {"| 6.3.1 |", "| **6.3.1** |", "no row of 4 columns"},
		"five columns":        {"| what | conforms: `web", "| what | more | conforms: `web", "no row of 4 columns"},
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
