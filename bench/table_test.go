package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRowsOfEveryPartEndInOneTable(t *testing.T) {
	for line, want := range map[string]*[cells]string{
		"| P3 | requests/s | 3 : 4 | 0.75 | >= 0.85 x | short |":  {"P3", "requests/s", "3 : 4", "0.75", ">= 0.85 x", "short"},
		"| messages | 9 | 10 | 0.90 | >= 0.90 | pass |":           {"P6", "messages", "9 : 10", "0.90", ">= 0.90", "pass"},
		"| P8 on SQLite: changes | 3000 | >= 2500 | pass |":       {"P8", "on SQLite: changes", "3000", "", ">= 2500", "pass"},
		"| P7: commit to enforced | 1ms | <= 2ms | pass |":        {"P7", "commit to enforced", "1ms", "", "<= 2ms", "pass"},
		"| memory | 200 B | <= 256 B | pass |":                    {"P6", "memory", "200 B", "", "<= 256 B", "pass"},
		"| what | measured | goal | verdict |":                    nil,
		"|---|---|---|---|":                                       nil,
		"| CPU a message, more than the raw proxy | 0.7 us | | |": nil,
		"these words pass by and fall short":                      nil,
	} {
		var got table
		got.take(line, "P6")
		if want == nil && len(got.rows) != 0 || want != nil && (len(got.rows) != 1 || cmp.Diff(*want, got.rows[0]) != "") {
			t.Errorf("%s\ngives %q", line, got.rows)
		}
	}
}

// A script counts verdicts: a part's own words must not be taken for one.
func TestVerdictsStandInTheTableOnly(t *testing.T) {
	var out strings.Builder
	var got table
	if err := got.read(&out, strings.NewReader("a run falls short\npass\n| P1 | x | 1 | | 2 | pass |\n| a | b | | |\nplain\n"), "P1"); err != nil {
		t.Fatal(err)
	}
	if out.String() != "a: b\nplain\n" || len(got.rows) != 1 {
		t.Errorf("printed %q, rows %q", out.String(), got.rows)
	}
}

func TestRowsStandInTheOrderOfTheGoals(t *testing.T) {
	var got table
	for _, goal := range []string{"P10", "P2", "P1"} {
		got.take("| x | 1 | 2 | pass |", goal)
	}
	var out strings.Builder
	got.print(&out)
	if text := out.String(); strings.Index(text, "P1 ") > strings.Index(text, "P2 ") || strings.Index(text, "P2 ") > strings.Index(text, "P10 ") {
		t.Error(text)
	}
}
