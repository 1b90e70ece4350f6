package api

import (
	"context"
	"encoding/csv"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"latchkey"
)

// exportPage is how many entries are read at a time: memory stays flat however
// long the history is.
const exportPage = 500

// exportHeader names the columns as the screen does, and the hash, so that an
// exported history can be checked against a later one.
var exportHeader = []string{"Number", "Time", "Source", "Action", "IP", "Member", "Key", "Subject", "Changes", "Note", "Hash"}

// exportActivities streams all that the filter selects, newest first. The
// first page is read before the answer begins, so that a refusal is a refusal.
func (s *server) exportActivities(ctx context.Context, c caller, in *Filter) (*huma.StreamResponse, error) {
	first, err := s.Authority.Activities(ctx, c.Actor, in.query(0, exportPage))
	if err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		_, w := humago.Unwrap(hc)
		w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present") // RFC 4180, 3
		w.Header().Set("Content-Disposition", `attachment; filename="activities-`+s.Now().UTC().Format("20060102-150405")+`.csv"`)
		if err := s.export(hc.Context(), c.Actor, *in, first, w); err != nil {
			s.problem(hc.Context(), err) // for the log: the status is sent already
			panic(http.ErrAbortHandler)  // a cut download must not look like a whole one
		}
	}}, nil
}

// export writes page after page until one is not full. Only one page is in
// memory at a time, and each is on its way before the next is read.
func (s *server) export(ctx context.Context, actor latchkey.Actor, in Filter, page []latchkey.Activity, w http.ResponseWriter) error {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	_ = out.Write(exportHeader) // errors stay in the writer until Flush
	for {
		for _, a := range page {
			_ = out.Write(csvRow(a))
		}
		out.Flush()
		if err := out.Error(); err != nil || len(page) < exportPage {
			return err
		}
		var err error
		if page, err = s.Authority.Activities(ctx, actor, in.query(page[len(page)-1].Seq, exportPage)); err != nil {
			return err
		}
	}
}

// csvRow writes times as in the API and every cell inert, those of our own
// making too: then no future column can be forgotten.
func csvRow(a latchkey.Activity) []string {
	changes := make([]string, len(a.Changes))
	for i, c := range a.Changes {
		changes[i] = c.Field + ": " + c.Old + " > " + c.New
	}
	row := []string{
		strconv.FormatInt(a.Seq, 10), a.At.UTC().Format(time.RFC3339Nano), string(a.Source), string(a.Type), a.IP,
		a.MemberID, a.KeyID, a.Subject, strings.Join(changes, "; "), a.Note, a.Hash,
	}
	for i := range row {
		row[i] = inert(row[i])
	}
	return row
}

// inert puts a quote before a cell that a spreadsheet would run as a formula
// (CWE-1236): a key may be named =cmd|... The full-width signs are formulas in
// East Asian editions.
func inert(cell string) string {
	begin := strings.TrimLeft(cell, " \u00a0\u3000")
	if strings.HasPrefix(cell, "\t") || begin != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(begin)[0]) {
		return "'" + cell
	}
	return cell
}
