package api_test

import (
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// ledger knows what is in a world, and notices what changes there: every row of
// every table, and the bots' sessions.
type ledger struct {
	w       *world
	db      *sql.DB
	version int64
	rows    map[string][]string // by table
	bots    int
}

// may lists what a refusal does write: the tries that limits count, the record
// of the refusal, and the head of the chain that the record moves.
var may = map[string]string{
	"bucket":    "SELECT 1 WHERE 0",
	"activity":  "SELECT * FROM activity WHERE type NOT IN ('refused', 'sign_in_failed')",
	"authority": "SELECT id, incarnation, rev, seal_check, confirmed_rev, replay_epoch, replay_since, oldest FROM authority",
}

// newLedger reads by a connection of its own, which sees what others commit.
func newLedger(w *world) *ledger {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.dir, "latchkey.db")+"?mode=ro&_pragma=busy_timeout(5000)")
	w.must(err)
	w.t.Cleanup(func() { db.Close() })
	db.SetMaxOpenConns(1) // data_version is a connection's
	l := &ledger{w: w, db: db, bots: len(w.bots.list)}
	l.version = l.dataVersion()
	l.rows = l.read()
	return l
}

// dataVersion differs after every commit of another connection.
func (l *ledger) dataVersion() (version int64) {
	l.w.must(l.db.QueryRow("PRAGMA data_version").Scan(&version))
	return version
}

// changes tells what was changed since it was asked last.
func (l *ledger) changes() (out []string) {
	if n := len(l.w.bots.list); n != l.bots {
		out, l.bots = append(out, fmt.Sprintf("of the bots' sessions %d are left", n)), n
	}
	version := l.dataVersion()
	if version == l.version {
		return out
	}
	rows := l.read()
	for _, table := range slices.Sorted(maps.Keys(rows)) {
		if gone, come := beyond(l.rows[table], rows[table]), beyond(rows[table], l.rows[table]); len(gone)+len(come) > 0 {
			out = append(out, fmt.Sprintf("%s was changed: gone %.200q, come %.200q", table, gone, come))
		}
	}
	l.version, l.rows = version, rows
	return out
}

// beyond are the rows that the others lack.
func beyond(rows, others []string) []string {
	return slices.DeleteFunc(slices.Clone(rows), func(row string) bool { return slices.Contains(others, row) })
}

func (l *ledger) read() map[string][]string {
	out := map[string][]string{}
	for _, table := range l.query("SELECT name FROM sqlite_master WHERE type = 'table'") {
		query, ok := may[table]
		if !ok {
			query = "SELECT * FROM " + table
		}
		out[table] = l.query(query)
		slices.Sort(out[table])
	}
	return out
}

// query returns each row as one text.
func (l *ledger) query(query string) (out []string) {
	rows, err := l.db.Query(query)
	l.w.must(err)
	defer rows.Close()
	columns, err := rows.Columns()
	l.w.must(err)
	for rows.Next() {
		row, into := make([]sql.RawBytes, len(columns)), make([]any, len(columns))
		for i := range row {
			into[i] = &row[i]
		}
		l.w.must(rows.Scan(into...))
		parts := make([]string, len(row))
		for i, value := range row {
			parts[i] = string(value)
		}
		out = append(out, strings.Join(parts, "|"))
	}
	l.w.must(rows.Err())
	return out
}
