package main

import (
	"context"
	"database/sql"
	"strconv"
	"strings"
)

// batch writes many rows with few statements.
type batch struct {
	tx   *sql.Tx
	into string // INSERT INTO ... VALUES
	row  string // of one, with a question mark for each value
	args []any
	rows int
}

// batchRows keeps below what SQLite takes of values in one statement.
const batchRows = 500

func (b *batch) add(ctx context.Context, values ...any) error {
	b.args = append(b.args, values...)
	if b.rows++; b.rows < batchRows {
		return nil
	}
	return b.write(ctx)
}

// write writes what is left.
func (b *batch) write(ctx context.Context) error {
	if b.rows == 0 {
		return nil
	}
	var text strings.Builder
	text.WriteString(b.into)
	n := 0
	for i, part := range strings.Split(strings.TrimSuffix(strings.Repeat(b.row+", ", b.rows), ", "), "?") {
		if i > 0 {
			n++
			text.WriteString("$" + strconv.Itoa(n)) // both engines take it
		}
		text.WriteString(part)
	}
	_, err := b.tx.ExecContext(ctx, text.String(), b.args...)
	b.args, b.rows = b.args[:0], 0
	return err
}
