package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey"
)

// lived is a key that was created, activated, edited and activated again, as
// its worker remembers it and as an honest database holds it.
func lived() (*history, *row) {
	h := &history{name: "bot-1", id: "lk_1"}
	for _, op := range []latchkey.Operation{latchkey.OpCreate, latchkey.OpActivate, latchkey.OpEdit, latchkey.OpActivate} {
		h.send(h.next(op, func(s *keyState) {
			switch op {
			case latchkey.OpCreate:
				s.Permissions, s.Allowlist = latchkey.Read, "192.0.2.7"
			case latchkey.OpEdit:
				s.Permissions, s.Allowlist = latchkey.NewPermissions(latchkey.Trade), "192.0.2.8"
			}
		}))
		h.acknowledged()
	}
	return h, held(h, h.done)
}

// held is the row that those changes leave.
func held(h *history, changes []change) *row {
	r := &row{id: h.id, name: h.name}
	for _, c := range changes {
		r.keyState = c.after
		r.acts = append(r.acts, entry{entryOf[c.op], c.after.Permissions.String() + "; " + c.after.Allowlist})
	}
	return r
}

// TestCrashJudgeAcceptsWhatMayBe: the newest acknowledged change, or the one
// that was in flight.
func TestCrashJudgeAcceptsWhatMayBe(t *testing.T) {
	h, r := lived()
	if _, faults := judge(h, r); len(faults) > 0 {
		t.Errorf("as acknowledged: %v", faults)
	}
	h.send(h.next(latchkey.OpDeactivate))
	if applied, faults := judge(h, r); applied || len(faults) > 0 {
		t.Errorf("in flight, did not happen: %t, %v", applied, faults)
	}
	happened := held(h, append(slices.Clone(h.done), *h.flight))
	if applied, faults := judge(h, happened); !applied || len(faults) > 0 {
		t.Errorf("in flight, happened: %t, %v", applied, faults)
	}
	never := &history{name: "bot-2"}
	never.send(never.next(latchkey.OpCreate))
	if applied, faults := judge(never, nil); applied || len(faults) > 0 {
		t.Errorf("a creation in flight that did not happen: %t, %v", applied, faults)
	}
}

// TestCrashJudgeSeesEachFault is the twin of the crash test: each thing that
// must never be found is put in front of the same judge.
func TestCrashJudgeSeesEachFault(t *testing.T) {
	for name, spoil := range map[string]func(h *history, r *row) *row{
		"the newest acknowledged change is lost": func(h *history, _ *row) *row { return held(h, h.done[:3]) },
		"two acknowledged changes are lost":      func(h *history, _ *row) *row { return held(h, h.done[:2]) },
		"the key is lost":                        func(*history, *row) *row { return nil },
		"an entry is lost":                       func(_ *history, r *row) *row { r.acts = slices.Delete(r.acts, 2, 3); return r },
		"an entry is there twice":                func(_ *history, r *row) *row { r.acts = append(r.acts, r.acts[3]); return r },
		"other permissions":                      func(_ *history, r *row) *row { r.Permissions |= latchkey.FundsExternal; return r },
		"other addresses":                        func(_ *history, r *row) *row { r.Allowlist = "any address"; return r },
		"another version":                        func(_ *history, r *row) *row { r.Version++; return r },
		"the edit in flight is half there: the permissions without the status": func(h *history, r *row) *row {
			h.send(h.next(latchkey.OpEdit, func(s *keyState) { s.Permissions |= latchkey.FundsWallet }))
			r.Permissions, r.Version = h.flight.after.Permissions, h.flight.after.Version
			return r
		},
		"the change in flight without its entry": func(h *history, r *row) *row {
			h.send(h.next(latchkey.OpDeactivate))
			r.keyState = h.flight.after
			return r
		},
		"the entry in flight without its change": func(h *history, r *row) *row {
			h.send(h.next(latchkey.OpDeactivate))
			r.acts = append(r.acts, entry{kind: latchkey.ActKeyDeactivated})
			return r
		},
		"a deleted key is back": func(h *history, r *row) *row {
			h.send(h.next(latchkey.OpDelete))
			h.acknowledged()
			return r
		},
	} {
		h, r := lived()
		r = spoil(h, r)
		if _, faults := judge(h, r); len(faults) == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
}

// TestCrashJudgeSeesUnconfirmedRights does not rely on what a worker knows.
func TestCrashJudgeSeesUnconfirmedRights(t *testing.T) {
	h, r := lived()
	if faults := unconfirmed(r); len(faults) > 0 {
		t.Errorf("confirmed: %v", faults)
	}
	for name, changes := range map[string][]change{
		"active after an edit":     append(slices.Clone(h.done[:2]), change{latchkey.OpEdit, h.done[3].after}),
		"active without an entry":  nil,
		"active as it was created": {{latchkey.OpCreate, h.done[1].after}},
	} {
		r := held(h, changes)
		r.keyState = h.done[3].after
		if len(unconfirmed(r)) == 0 {
			t.Errorf("%s: not seen", name)
		}
	}
	r.acts[3].note = "Read; 192.0.2.8" // the activation confirmed less
	if len(unconfirmed(r)) == 0 {
		t.Error("active with more than its activation confirmed: not seen")
	}
}

// TestCrashJudgeSeesAKeyThatNobodyMade looks at all keys of the database.
func TestCrashJudgeSeesAKeyThatNobodyMade(t *testing.T) {
	h, r := lived()
	rows := map[string]*row{r.id: r, "lk_2": {id: "lk_2", name: "bot-9"}}
	_, faults := judgeAll([]*history{h}, rows)
	if len(faults) != 1 || !strings.Contains(faults[0], "nobody made it") {
		t.Errorf("faults are %q", faults)
	}
}

// TestCrashTestSeesALostChange is the twin on the real thing: a database that
// forgot its newest changes, as one without fsync may, is put under the server.
func TestCrashTestSeesALostChange(t *testing.T) {
	for _, b := range bases(t) {
		t.Run(b.name, func(t *testing.T) {
			r := newRig(t, 1, b.place(t))
			r.save(100*time.Millisecond, true)
			putBack, err := r.keep()
			must(t, err)
			r.start()
			if faults := r.look(); len(faults) > 0 {
				t.Fatalf("before the loss: %v", faults)
			}
			r.save(200*time.Millisecond, true)
			must(t, putBack())
			if err := r.tryStart(); err != nil {
				if !strings.Contains(err.Error(), "older") {
					t.Fatal(err)
				}
				return // it saw the loss itself: the folder knows a newer change
			}
			if faults := r.look(); len(faults) == 0 {
				t.Error("acknowledged changes were lost, and the look saw nothing")
			}
		})
	}
}

// TestFirstStartMayBeCutShort kills a server at its very first start, in a
// folder and a database of its own: the next start finds a whole database or
// makes one.
func TestFirstStartMayBeCutShort(t *testing.T) {
	rounds := max(3, crashRounds(t)/10)
	for _, b := range bases(t) {
		t.Run(b.name, func(t *testing.T) {
			for i := range rounds {
				firstStart(t, b, i)
			}
		})
	}
}

func firstStart(t *testing.T, b base, i int) {
	r := &rig{t: t, data: filepath.Join(t.TempDir(), fmt.Sprint(i)), url: b.place(t), office: &office{smtp: "127.0.0.1:1", sms: "http://127.0.0.1:1"}}
	cmd := r.command()
	must(t, cmd.Start())
	<-time.After(time.Duration(i*15%200) * time.Millisecond)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it says "killed"
	p, err := launch(r.command(), io.Discard, io.Discard)
	must(t, err)
	_, err = p.stop()
	must(t, err)
	must(t, r.intact())
	info, err := os.Stat(filepath.Join(r.data, "keyset.json"))
	must(t, err)
	if info.Mode() != fs.FileMode(0o600) {
		t.Errorf("the keyset has mode %v", info.Mode())
	}
}
