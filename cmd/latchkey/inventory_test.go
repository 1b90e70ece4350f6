package main

import (
	"fmt"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

const inventoryPage = "../../docs/inventory.md"

// flagsOf are the flags of a command by name.
func flagsOf(t *testing.T, command string) map[string]*kong.Flag {
	t.Helper()
	parser, err := kong.New(&cli{}, kong.Name("latchkey"))
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*kong.Flag{}
	for _, node := range parser.Model.Children {
		for _, f := range node.Flags {
			if node.Name == command {
				out["--"+f.Name] = f
			}
		}
	}
	return out
}

// limits are the flags that say how much or how long.
func limits(flags map[string]*kong.Flag) map[string]string {
	out := map[string]string{}
	for name, f := range flags {
		kind := f.Target.Type()
		if kind == reflect.TypeFor[time.Duration]() || kind.Kind() == reflect.Int {
			out[name] = f.Default
		}
	}
	return out
}

// limitFaults compares rows of the page, | `--flag` | default | ..., with flags.
func limitFaults(page string, flags map[string]string) (faults []string) {
	rows := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(--[a-z-]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(page, -1) {
		if _, twice := rows[m[1]]; twice {
			faults = append(faults, m[1]+" stands twice")
		}
		rows[m[1]] = m[2]
	}
	for name, value := range flags {
		row, ok := rows[name]
		switch {
		case !ok:
			faults = append(faults, name+" has no row")
		case value == "" && !strings.Contains(row, "a quarter of"):
			faults = append(faults, fmt.Sprintf("%s has no default of its own, not %q", name, row))
		case value != "" && value != row:
			faults = append(faults, fmt.Sprintf("%s is %s, not %q", name, value, row))
		}
	}
	for name := range rows {
		if _, ok := flags[name]; !ok {
			faults = append(faults, name+" is no limit of the program")
		}
	}
	return faults
}

// part is what stands on the page between two headings.
func part(t *testing.T, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(inventoryPage)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, begins := strings.Cut(string(text), "\n"+from+"\n")
	rest, _, ends := strings.Cut(rest, "\n"+to)
	if !begins || !ends {
		t.Fatalf("docs/inventory.md has not %q and then %q", from, to)
	}
	return rest
}

// An operator who does not know a limit sets another against it (ASVS 2.1.3).
func TestTheInventoryHasEveryLimitWithItsDefault(t *testing.T) {
	page, serve := part(t, "### With a flag", "### "), limits(flagsOf(t, "serve"))
	for _, fault := range limitFaults(page, serve) {
		t.Errorf("docs/inventory.md: %s", fault)
	}
	if len(serve) < 25 {
		t.Errorf("only %d flags were found", len(serve))
	}
	for name, value := range limits(flagsOf(t, "gateway")) {
		if other, ok := serve[name]; !ok || other != value {
			t.Errorf("%s is %q for a gateway alone and %q in a server", name, value, other)
		}
	}
}

// Each place that the program listens on or connects to has its row (ASVS
// 13.1.1), and the page speaks of no flag that does not exist.
func TestTheInventoryHasEveryConnection(t *testing.T) {
	flags, page := flagsOf(t, "serve"), part(t, "## Connections", "Redirects are")
	seen := 0
	for name, f := range flags {
		place := slices.Contains([]string{"HOST:PORT", "URL", "ORIGIN", "PREFIX", "SID"}, f.PlaceHolder) || strings.HasSuffix(name, "-listen")
		if !place {
			continue
		}
		seen++
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/inventory.md: no connection is that of %s", name)
		}
	}
	if seen < 12 {
		t.Errorf("only %d flags were found", seen)
	}
	text, err := os.ReadFile(inventoryPage)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("`(--[a-z-]+)").FindAllStringSubmatch(string(text), -1) {
		if flags[m[1]] == nil {
			t.Errorf("docs/inventory.md: %s is no flag of `latchkey serve`", m[1])
		}
	}
}

// The twins.
func TestAWrongLimitIsFoundOut(t *testing.T) {
	flags := map[string]string{"--limit-a": "5m", "--max-b": ""}
	good := "| `--limit-a` | 5m | x |\n| `--max-b` | a quarter of all | x |\n"
	if faults := limitFaults(good, flags); len(faults) != 0 {
		t.Fatalf("the good table: %q", faults)
	}
	for old, with := range map[string]string{"| 5m": "| 6m", "a quarter of all": "100", "`--limit-a`": "`--limit-c`", "| `--max-b`": "`--max-b`", "x |\n| `--max": "x |\n| `--limit-a` | 5m | x |\n| `--max"} {
		if faults := limitFaults(strings.Replace(good, old, with, 1), flags); len(faults) == 0 {
			t.Errorf("%q in place of %q is not found", with, old)
		}
	}
}
