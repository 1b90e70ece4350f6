package store_test

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"latchkey/internal/store"
)

// place is what docs/inventory.md says of a column.
type place struct{ class, kept string }

// columnsOnPage reads the table of data: | `table` | `columns` | class | place | kept |.
func columnsOnPage(text string) (found map[string]place, faults []string) {
	found = map[string]place{}
	row := regexp.MustCompile("(?m)^\\| `(\\w+)` \\| `([\\w ]+)` \\| (\\w*) \\| (\\w*) \\| (.*) \\|$")
	for _, m := range row.FindAllStringSubmatch(text, -1) {
		for _, column := range strings.Fields(m[2]) {
			name := m[1] + "." + column
			if _, twice := found[name]; twice {
				faults = append(faults, name+" stands twice")
			}
			found[name] = place{m[3], m[4]}
			if !slices.Contains([]string{"secret", "personal", "rights", "plain"}, m[3]) || len(m[5]) < 5 {
				faults = append(faults, name+" has no class, or no life")
			}
			if m[3] == "secret" && m[4] == "clear" || !slices.Contains([]string{"clear", "sealed", "hashed"}, m[4]) {
				faults = append(faults, fmt.Sprintf("%s is %s and %q", name, m[3], m[4]))
			}
		}
	}
	return found, faults
}

// dataFaults compares the page with the columns of a database and those of them
// that are sealed.
func dataFaults(text string, columns, sealed []string) []string {
	page, faults := columnsOnPage(text)
	for _, name := range columns {
		p, ok := page[name]
		if !ok {
			faults = append(faults, name+" is on no row")
		}
		if (p.kept == "sealed") != slices.Contains(sealed, name) {
			faults = append(faults, fmt.Sprintf("%s is called %q", name, p.kept))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(page)) {
		if !slices.Contains(columns, name) {
			faults = append(faults, name+" is no column")
		}
	}
	return faults
}

// columns lists table.column of a whole database but for what the engine keeps
// for itself.
func (s *suite) columns() (out []string) {
	s.t.Helper()
	query := "SELECT m.name || '.' || p.name FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"
	if s.onPostgres() {
		query = "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public'"
	}
	rows, err := s.database().QueryContext(s.ctx, query)
	s.must(err)
	defer rows.Close()
	for rows.Next() {
		var name string
		s.must(rows.Scan(&name))
		out = append(out, name)
	}
	s.must(rows.Err())
	return out
}

// Data that nobody wrote down is kept for ever, in the clear (ASVS 14.1.1, 14.1.2).
func TestTheInventoryHasEveryColumn(t *testing.T) {
	text, err := os.ReadFile("../../docs/inventory.md")
	if err != nil {
		t.Fatal(err)
	}
	_, data, found := strings.Cut(string(text), "\n## Data\n")
	data, _, _ = strings.Cut(data, "\n## ")
	if !found {
		t.Fatal("docs/inventory.md has no data")
	}
	onEach(t, func(s *suite) {
		columns := s.columns()
		for _, fault := range dataFaults(data, columns, store.SealedColumns()) {
			s.t.Errorf("docs/inventory.md: %s", fault)
		}
		if len(columns) < 100 {
			s.t.Errorf("only %d columns were found", len(columns))
		}
	})
}

// The twins.
func TestAWrongTableOfDataIsFoundOut(t *testing.T) {
	columns, sealed := []string{"a.id", "a.name", "a.secret"}, []string{"a.secret"}
	const good = "| `a` | `id name` | personal | clear | always |\n| `a` | `secret` | secret | sealed | always |\n"
	if faults := dataFaults(good, columns, sealed); len(faults) != 0 {
		t.Fatalf("the good table: %q", faults)
	}
	for old, with := range map[string]string{
		"id name": "id", "`id name`": "`id name more`", "sealed | always": "clear | always", "personal | clear": "personal | sealed",
		"personal": "nice", "clear | always": "clear | |", "`secret` |": "`secret id` |",
	} {
		if faults := dataFaults(strings.Replace(good, old, with, 1), columns, sealed); len(faults) == 0 {
			t.Errorf("%q in place of %q is not found", with, old)
		}
	}
}
