package api

import (
	"encoding/csv"
	"strings"
	"testing"

	"latchkey"
)

// The twin of TestNoCellIsAFormula (fault 15): the writer of the library quotes
// commas and leaves formulas as they are.
func TestTheLibraryAloneWritesAFormula(t *testing.T) {
	const name = "=HYPERLINK(1)"
	write := func(row []string) string {
		var out strings.Builder
		w := csv.NewWriter(&out)
		if err := w.Write(row); err != nil {
			t.Fatal(err)
		}
		w.Flush()
		return out.String()
	}
	if got := write([]string{"1", name}); !strings.Contains(got, ","+name) {
		t.Errorf("the library writes %q", got)
	}
	if got := write(csvRow(latchkey.Activity{Subject: name})); strings.Contains(got, ","+name) || !strings.Contains(got, "'"+name) {
		t.Errorf("the export writes %q", got)
	}
}
