package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The cells of a row. The last one is "pass" or "short".
const (
	number = iota
	what
	measured
	ratio
	aim
	reached
	cells
)

// table is what is printed at the end.
type table struct{ rows [][cells]string }

var (
	numbered = regexp.MustCompile(`^P\d+\b:?\s*`)
	// Nothing but the table says one of these, so that a script can count them.
	verdicts = regexp.MustCompile(`\b(pass|short)\b`)
)

// plain is a row without a verdict, as a line of text.
func plain(line string) string {
	var out []string
	for cell := range strings.SplitSeq(strings.Trim(line, "|"), "|") {
		if cell = strings.TrimSpace(cell); cell != "" {
			out = append(out, cell)
		}
	}
	return strings.Join(out, ": ")
}

// take adds a line if it is a row of a table: number, what, measured, ratio,
// goal, verdict. A part whose rows have no number says at the begin of what it
// is; without a ratio the row has two cells less.
func (t *table) take(line, goal string) bool {
	parts := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	if !strings.HasPrefix(line, "|") {
		return false
	}
	if last := parts[len(parts)-1]; last != "pass" && last != "short" {
		// The head of a table is not repeated, and a row without a verdict is no row.
		return slices.Contains(parts, "verdict") || strings.HasPrefix(parts[0], "---")
	}
	var r [cells]string
	switch {
	case len(parts) == cells && numbered.FindString(parts[0]) == parts[0] && parts[0] != "": // complete
		copy(r[:], parts)
	case len(parts) == cells: // what, ours, theirs, ratio, goal, verdict
		r = [cells]string{goal, parts[0], parts[1] + " : " + parts[2], parts[3], parts[4], parts[5]}
	case len(parts) == cells-1: // number, what, measured, goal, verdict
		r = [cells]string{parts[0], parts[1], parts[2], "", parts[3], parts[4]}
	case len(parts) == cells-2: // what, measured, goal, verdict
		r = [cells]string{goal, parts[0], parts[1], "", parts[2], parts[3]}
	default:
		return false
	}
	if at := numbered.FindString(r[what]); at != "" {
		r[number], r[what] = strings.Trim(at, ": "), r[what][len(at):]
		r[what] = strings.TrimSpace(r[what])
	}
	t.rows = append(t.rows, r)
	return true
}

// print writes the table in the order of the goals.
func (t *table) print(to io.Writer) {
	slices.SortStableFunc(t.rows, func(a, b [cells]string) int { return order(a[number]) - order(b[number]) })
	rows := append([][cells]string{{"goal", "what", "measured", "ratio", "bound", "verdict"}}, t.rows...)
	var wide [cells]int
	for _, r := range rows {
		for i, cell := range r {
			wide[i] = max(wide[i], utf8.RuneCountInString(cell))
		}
	}
	fmt.Fprintln(to)
	for n, r := range rows {
		for i, cell := range r {
			fmt.Fprintf(to, "| %s%s ", cell, strings.Repeat(" ", wide[i]-utf8.RuneCountInString(cell)))
		}
		fmt.Fprintln(to, "|")
		if n == 0 {
			fmt.Fprintln(to, "|"+strings.Repeat("---|", cells))
		}
	}
}

// order is the number of a goal; what has none comes last.
func order(goal string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(goal, "P"))
	if err != nil {
		return 1 << 20
	}
	return n
}

// machine is one line about where this runs; what the system does not tell is
// left out.
func machine() string {
	text, _ := os.ReadFile("/proc/cpuinfo")
	_, model, _ := strings.Cut(string(text), "model name")
	model, _, _ = strings.Cut(strings.TrimLeft(model, "\t :"), "\n")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return fmt.Sprintf("machine: %s, %d cores, Linux %s, %s", strings.TrimSpace(model), runtime.NumCPU(), strings.TrimSpace(string(kernel)), runtime.Version())
}
