package cluster

import (
	"testing"
	"time"
)

// scopes are small, and each is wide in one direction.
func scopes() map[string]scope {
	once, again := [2]int8{1, 1}, [2]int8{2, 1}
	return map[string]scope{
		"two nodes":              {changes: 2, nodes: 2, consoles: 1, starts: once, loss: true, wide: true},
		"two of each":            {changes: 1, nodes: 2, consoles: 2, running: true, loss: true, finish: true, wide: true},
		"two consoles":           {changes: 2, nodes: 1, consoles: 2, starts: once, loss: true, finish: true, wide: true},
		"statement by statement": {changes: 2, nodes: 1, consoles: 2, starts: once, loss: true, fine: true},
		"kills":                  {changes: 1, nodes: 2, consoles: 1, starts: again, loss: true},
		"kills of one":           {changes: 2, nodes: 1, consoles: 2, starts: again, loss: true},
		"clean stops":            {changes: 1, nodes: 2, consoles: 1, starts: again, leave: true},
		"guard":                  {changes: 1, nodes: 1, consoles: 1, starts: once, loss: true, guard: true, finish: true, wide: true},
		"guard and changes":      {changes: 2, nodes: 1, consoles: 1, starts: once, guard: true},
		"guard and kills":        {changes: 1, nodes: 1, consoles: 1, starts: again, guard: true},
		"announcements":          {changes: 2, nodes: 1, consoles: 1, starts: once, loss: true, hints: true},
		"announcements to two":   {changes: 1, nodes: 2, consoles: 1, running: true, loss: true, hints: true, wide: true},
		"calls":                  {changes: 2, nodes: 1, consoles: 2, starts: once, loss: true, calls: true},
	}
}

func TestEveryOrderOfEventsKeepsThePromises(t *testing.T) {
	for name, s := range scopes() {
		if testing.Short() && s.wide {
			continue // the race detector has nothing to see in a walk
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n, broken := explore(right(), s, "")
			if broken != "" {
				t.Fatal(broken)
			}
			t.Logf("%d worlds", n)
		})
	}
}

// A walk that finds nothing wrong proves nothing unless it finds what is.
func TestEveryBrokenRuleIsFound(t *testing.T) {
	without := slack(aLease)
	for name, m := range map[string]struct {
		scope, want string
		mutate      func(*rules)
	}{
		"1: no allowance for clocks that drift":     {"two nodes", "S1", func(r *rules) { r.rowLease = without }},
		"2: the lease counts from the answer":       {"two nodes", "S1", func(r *rules) { r.fromReply = true }},
		"3: the lease is extended before the apply": {"two nodes", "S1", func(r *rules) { r.intake = extendFirst() }},
		"4: no barrier on an activation":            {"two nodes", "S1", func(r *rules) { r.noBarrier = true }},
		"5: silent nodes are not waited for":        {"two nodes", "S1", func(r *rules) { r.skipSilent = true }},
		"6: keys are loaded before the row":         {"two nodes", "S1", func(r *rules) { r.loadFirst = true }},
		"6: the same, with kills":                   {"kills", "S1", func(r *rules) { r.loadFirst = true }},
		"8: the row ends before the lease":          {"clean stops", "S1", func(r *rules) { r.leaveFirst = true }},
		"11: no mask":                               {"two nodes", "S2", func(r *rules) { r.unmasked = true }},
		"the mask comes after the change":           {"two nodes", "S2", func(r *rules) { r.intake = maskLate() }},
		"the mask ends with the change":             {"two nodes", "S2", func(r *rules) { r.intake = unmaskAll() }},
		"a hint's end ends every mask":              {"announcements to two", "S2", func(r *rules) { r.intake = hintsUnmask() }},
		"what is loaded is taken for confirmed":     {"kills", "S2", func(r *rules) { r.loadTrusting = true }},
		"the wait begins before the revision":       {"two consoles", "I3", func(r *rules) { r.beginEarly = true }},
		"applied is reported when it is known":      {"two nodes", "I3", func(r *rules) { r.reportUntaken = true }},
		"a call outlives its version":               {"calls", "I6", func(r *rules) { r.undrained = true }},
		"a node that renewed is fenced":             {"guard", "S1", func(r *rules) { r.fenceBlind, r.buryLive, r.keepOldLease = true, true, true }},
		"a fenced row grants leases":                {"guard", "S1", func(r *rules) { r.renewFenced = true }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := right()
			m.mutate(&r)
			n, broken := explore(r, scopes()[m.scope], m.want)
			if broken == "" {
				t.Fatalf("want %s in %d worlds, got %q", m.want, n, broken)
			}
			t.Logf("%d worlds; %s", n, broken)
		})
	}
}

// slack is a lease for which Wait has no allowance for drift.
func slack(length time.Duration) time.Duration {
	return time.Duration(float64(length) / (1 + 2*drift))
}

func extendFirst() []func(*standing, *told, Masker) {
	return []func(*standing, *told, Masker){(*standing).mask, (*standing).extend, (*standing).put, (*standing).unmask}
}

func maskLate() []func(*standing, *told, Masker) {
	return []func(*standing, *told, Masker){(*standing).put, (*standing).mask, (*standing).extend, (*standing).unmask}
}

func unmaskAll() []func(*standing, *told, Masker) {
	all := func(s *standing, t *told, table Masker) { s.confirmed(t.Newest, table) }
	return []func(*standing, *told, Masker){(*standing).mask, (*standing).put, (*standing).extend, all}
}

func hintsUnmask() []func(*standing, *told, Masker) {
	end := func(s *standing, t *told, table Masker) {
		for keyID := range s.hinted {
			delete(s.hinted, keyID)
			table.Unmask(keyID)
		}
		s.unmask(t, table)
	}
	return []func(*standing, *told, Masker){(*standing).mask, (*standing).put, (*standing).extend, end}
}
