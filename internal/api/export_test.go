package api

import (
	"encoding/csv"
	"errors"
	"net/http"
	"strings"
	"testing"

	"latchkey"
)

// Fault 15: a key named like a formula runs in the reader's spreadsheet.
func TestNoCellIsAFormula(t *testing.T) {
	for cell, want := range map[string]string{
		"bot-1": "bot-1", "": "", "1+1": "1+1", "198.51.100.7": "198.51.100.7",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\tx": "'\tx", "\rx": "'\rx", "\nx": "'\nx",
		"  =1": "'  =1", "\u00a0=1": "'\u00a0=1", "＝1": "'＝1", "－1": "'－1", "＋1": "'＋1", "＠1": "'＠1", " ": " ",
	} {
		if got := inert(cell); got != want {
			t.Errorf("%q became %q, want %q", cell, got, want)
		}
	}
	row := csvRow(latchkey.Activity{Subject: "=cmd|' /C calc'!A0", Note: "+1", Changes: []latchkey.Change{{Field: "=a", Old: "b", New: "c"}}})
	for _, cell := range row {
		if strings.HasPrefix(cell, "=") || strings.HasPrefix(cell, "+") {
			t.Errorf("a formula got through: %q", row)
		}
	}
}

func FuzzNoCellIsAFormula(f *testing.F) {
	for _, seed := range []string{"=1", " =1", "\t", "bot", "＝", "\xff=", "\u3000@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cell string) {
		got := inert(cell)
		if strings.TrimPrefix(got, "'") != cell && got != cell {
			t.Errorf("%q became %q", cell, got)
		}
		if begin := strings.TrimLeft(got, " \u00a0\u3000"); begin != "" && strings.ContainsAny(begin[:1], "=+-@\t\r\n") {
			t.Errorf("%q became %q", cell, got)
		}
	})
}

// history makes n entries, newest first.
func history(n int) []latchkey.Activity {
	out := make([]latchkey.Activity, n)
	for i := range out {
		out[i] = latchkey.Activity{Seq: int64(n - i), At: noon, Type: latchkey.ActKeyEdited, Subject: "a \"quoted\", name\nof two lines"}
	}
	return out
}

func TestTheExportHasEveryEntryOnce(t *testing.T) {
	for _, n := range []int{0, 1, exportPage - 1, exportPage, exportPage + 1, 3 * exportPage} {
		s := &stub{entries: history(n)}
		w := call{target: "GET /v1/activities.csv?type=key_edited", token: "owner"}.do(New(config(t, s)))
		rows, err := csv.NewReader(w.Body).ReadAll()
		if err != nil || w.Code != 200 {
			t.Fatalf("%d %v", w.Code, err)
		}
		if len(rows) != n+1 || len(rows[0]) != len(exportHeader) {
			t.Fatalf("%d entries: %d rows", n, len(rows))
		}
		for i, row := range rows[1:] {
			if want := history(n)[i]; row[0] != csvRow(want)[0] || row[7] != want.Subject {
				t.Fatalf("row %d of %d: %q", i, n, row)
			}
		}
		if q := s.asked[len(s.asked)-1]; len(q.Types) != 1 || q.Types[0] != latchkey.ActKeyEdited {
			t.Errorf("the filter was lost: %+v", q)
		}
	}
}

func TestTheExportIsAFileThatNobodyRuns(t *testing.T) {
	w := call{target: "GET /v1/activities.csv", token: "owner"}.do(New(config(t, &stub{})))
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="activities-20260301-120000.csv"` {
		t.Errorf("Content-Disposition %q", got)
	}
	if got := w.Header().Get("Content-Type"); !strings.HasPrefix(got, "text/csv") {
		t.Errorf("Content-Type %q", got)
	}
}

// Half a history that looks whole would hide what happened.
func TestAnExportThatFailsIsCut(t *testing.T) {
	s := &stub{entries: history(exportPage + 1), fail: errors.New("the database went away")}
	h, log := logged(t, s)
	defer func() {
		if what := recover(); what != http.ErrAbortHandler {
			t.Errorf("the answer ended as if it were whole: %v", what)
		}
		if !strings.Contains(log.String(), "went away") {
			t.Errorf("no line in the log: %s", log)
		}
	}()
	call{target: "GET /v1/activities.csv", token: "owner"}.do(h)
}
