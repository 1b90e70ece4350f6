package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"slices"

	"latchkey"
)

// keyState is what counts about a key.
type keyState struct {
	Status      latchkey.Status
	Permissions latchkey.Permissions
	Allowlist   string
	Version     int64
}

// change is one save, and the key after it.
type change struct {
	op    latchkey.Operation
	after keyState
}

// history is what the one worker that saves a key knows of it.
type history struct {
	name   string
	id     string // "" until the creation was acknowledged
	done   []change
	flight *change // sent, but the answer never came: it may have happened
}

// now is the key after the newest acknowledged change.
func (h *history) now() keyState {
	if len(h.done) == 0 {
		return keyState{}
	}
	return h.done[len(h.done)-1].after
}

// next is the key after an operation that the table allows.
func (h *history) next(op latchkey.Operation, edit ...func(*keyState)) change {
	s := h.now()
	rule, err := latchkey.RuleFor(op, s.Status)
	if err != nil {
		panic(fmt.Sprintf("%s of a key that is %q: %v", op, s.Status, err)) // a fault of this test
	}
	s.Status = rule.To
	s.Version++
	for _, e := range edit {
		e(&s)
	}
	return change{op, s}
}

// send, acknowledged and refused follow one request.
func (h *history) send(c change) { h.flight = &c }

func (h *history) acknowledged() {
	h.done = append(h.done, *h.flight)
	h.flight = nil
}

func (h *history) refused() { h.flight = nil }

// row is a key as the database holds it, with its entries in the activities,
// oldest first.
type row struct {
	id, name string
	keyState
	acts []entry
}

type entry struct {
	kind latchkey.ActivityType
	note string
}

// entryOf names the entry that an operation leaves.
var entryOf = map[latchkey.Operation]latchkey.ActivityType{
	latchkey.OpCreate:     latchkey.ActKeyCreated,
	latchkey.OpActivate:   latchkey.ActKeyActivated,
	latchkey.OpDeactivate: latchkey.ActKeyDeactivated,
	latchkey.OpEdit:       latchkey.ActKeyEdited,
	latchkey.OpDelete:     latchkey.ActKeyDeleted,
}

// judge compares a key that was found after a crash with what its worker knows.
// Either the newest acknowledged change is the last one, or the one in flight
// follows it; nothing else may be there. applied says that the latter is true.
func judge(h *history, found *row) (applied bool, faults []string) {
	bad := func(format string, args ...any) {
		faults = append(faults, fmt.Sprintf("key %s (%s): ", h.name, h.id)+fmt.Sprintf(format, args...))
	}
	if found == nil {
		if len(h.done) > 0 {
			bad("it is gone; acknowledged was %+v", h.now())
		}
		return false, faults
	}
	applied = h.flight != nil && found.keyState == h.flight.after
	switch {
	case applied:
	case len(h.done) == 0:
		bad("it is there as %+v and nobody made it so", found.keyState)
	case found.keyState != h.now():
		bad("it is %+v; acknowledged was %+v, in flight %+v", found.keyState, h.now(), h.flight)
	}
	want := slices.Clone(h.done)
	if applied {
		want = append(want, *h.flight)
	}
	if !slices.EqualFunc(want, found.acts, func(c change, e entry) bool { return entryOf[c.op] == e.kind }) {
		bad("the entries are %v for the changes %v", found.acts, want)
	}
	return applied, append(faults, unconfirmed(found)...)
}

// unconfirmed holds for each key whatever anybody remembers: what is active is
// what the last activation named, and nothing came after that activation.
func unconfirmed(found *row) []string {
	if found.Status != latchkey.StatusActive {
		return nil
	}
	now := found.Permissions.String() + "; " + found.Allowlist
	if n := len(found.acts); n > 0 {
		if last := found.acts[n-1]; last.kind == latchkey.ActKeyActivated && last.note == now {
			return nil
		}
	}
	return []string{fmt.Sprintf("key %s is active with %q, and its last entries are %v", found.name, now, found.acts)}
}

// judgeAll judges every key of the database, and settles what was in flight:
// happened counts what was there without an answer.
func judgeAll(histories []*history, rows map[string]*row) (happened int, faults []string) {
	known, named := map[string]bool{}, map[string]*row{}
	for _, r := range rows {
		named[r.name] = r
	}
	for _, h := range histories {
		found := rows[h.id]
		if h.id == "" {
			found = named[h.name]
		}
		applied, wrong := judge(h, found)
		faults = append(faults, wrong...)
		if found != nil {
			h.id, known[found.id] = found.id, true
		}
		if applied {
			h.acknowledged()
			happened++
		}
		h.refused() // what is not there now will never be
	}
	for _, r := range rows {
		if !known[r.id] {
			faults = append(faults, fmt.Sprintf("key %s (%s) is there and nobody made it", r.name, r.id))
		}
	}
	return happened, faults
}

// readKeys reads all keys and their entries from the database, deleted keys too,
// past all code of the program. It may be in use.
func readKeys(db *sql.DB, one *sql.TxOptions) (map[string]*row, error) {
	tx, err := db.BeginTx(context.Background(), one)
	if err != nil {
		return nil, err
	}
	defer tx.Rollback()
	rows, err := readStates(tx)
	if err != nil {
		return nil, err
	}
	return rows, readEntries(tx, rows)
}

func readStates(tx *sql.Tx) (map[string]*row, error) {
	found, err := tx.Query("SELECT id, name, status, permissions, allowlist, version FROM api_key")
	if err != nil {
		return nil, err
	}
	defer found.Close()
	rows := map[string]*row{}
	for found.Next() {
		var r row
		var permissions, allowlist string
		var list latchkey.Allowlist
		if err := found.Scan(&r.id, &r.name, &r.Status, &permissions, &allowlist, &r.Version); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(permissions), &r.Permissions); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(allowlist), &list); err != nil {
			return nil, err
		}
		r.Allowlist = list.String()
		rows[r.id] = &r
	}
	return rows, found.Err()
}

func readEntries(tx *sql.Tx, rows map[string]*row) error {
	found, err := tx.Query(`SELECT key_id, type, note FROM activity WHERE type IN
('key_created', 'key_activated', 'key_deactivated', 'key_edited', 'key_deleted') ORDER BY seq`)
	if err != nil {
		return err
	}
	defer found.Close()
	for found.Next() {
		var id string
		var e entry
		if err := found.Scan(&id, &e.kind, &e.note); err != nil {
			return err
		}
		r := rows[id]
		if r == nil {
			return fmt.Errorf("an entry %s speaks of the key %s, which is not there", e.kind, id)
		}
		r.acts = append(r.acts, e)
	}
	return found.Err()
}
