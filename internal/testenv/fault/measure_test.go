//go:build fault

package fault

import (
	"context"
	"sync"
	"syscall"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/operator"
	"latchkey/internal/testenv/postgres"
)

// slack is what a busy computer may add to a time that is promised.
const slack = time.Second

// turn switches the key of a slot on or off, and returns how long it took until
// that was acknowledged.
func (s *site) turn(ctx context.Context, at *machine, slot int) time.Duration {
	s.t.Helper()
	key := s.slots[slot].Load()
	now := key.now()
	op, rights := opOn, "read,trade"
	if now.active() {
		op, rights = opOff, inactive
	}
	begin := s.now()
	key.begin(rights, now.version+1, begin)
	_, err := at.ask(ctx, op, operator.IDArgs{ID: key.id})
	must(s.t, err)
	key.end(true, s.now())
	return s.now() - begin
}

// TestADeadNodeDelaysChangesOnce prints how long receipts take: with all nodes
// well, and after one was killed or paused. Then a change waits for the lease
// once or twice, never longer, and afterwards not at all.
func TestADeadNodeDelaysChangesOnce(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, postgres.NewPair(t), plan{program: build(t, ""), lease: time.Second, keys: 2})
	var well []time.Duration
	for i := range int(number(t, "RECEIPTS", 100)) {
		well = append(well, s.turn(ctx, s.consoles[i%2], i%2))
	}
	t.Logf("acknowledged with all nodes well after %s", spread(well))
	t.Logf("in force at another gateway after the commit: %s", spread(s.enforced(ctx, s.machines[4], 30)))
	gone, paused := s.machines[4], s.machines[3]
	gone.kill()
	s.recover(ctx, "killed")
	paused.signal(syscall.SIGSTOP)
	s.recover(ctx, "paused")
	paused.signal(syscall.SIGCONT)
	for _, fault := range s.wrong() {
		t.Error(fault)
	}
}

// enforced measures from the commit of a change until another gateway stops to
// decide by what was before.
func (s *site) enforced(ctx context.Context, at *machine, rounds int) (all []time.Duration) {
	d := &driver{site: s, rights: latchkey.Read}
	key := s.slots[0].Load()
	for range rounds {
		if !key.now().active() {
			s.turn(ctx, s.consoles[0], 0)
		}
		for s.call(key, at, false).code != "allowed" {
			must(s.t, ctx.Err()) // it was not told yet that the key is active everywhere
		}
		now := key.now()
		key.begin(inactive, now.version+1, s.now())
		k, err := d.desk.KeyByID(ctx, key.id)
		must(s.t, err)
		k, err = k.Moved(latchkey.OpDeactivate, time.Now())
		must(s.t, err)
		act := latchkey.NewActivity(time.Now(), latchkey.Actor{Source: latchkey.SourceOperator, AccountID: s.account, IP: "local"}, latchkey.ActKeyDeactivated)
		act.KeyID, act.Subject = k.ID, k.Name
		_, err = d.desk.Apply(ctx, latchkey.Deed{At: time.Now(), Key: &k, KeyFrom: now.version, Activity: act})
		must(s.t, err)
		committed := s.now()
		for s.call(key, at, false).code == "allowed" {
		}
		all = append(all, s.now()-committed)
		_, err = s.barrier.Pass(ctx)
		must(s.t, err)
		key.end(true, s.now())
	}
	return all
}

// recover makes changes until they are quick again.
func (s *site) recover(ctx context.Context, what string) {
	s.t.Helper()
	begin, longest, waited := s.now(), time.Duration(0), 0
	for quick := 0; quick < 6; {
		took := s.turn(ctx, s.consoles[0], 1)
		longest = max(longest, took)
		if quick++; took > s.lease*9/10 { // as it is only for the lease's sake
			quick = 0
			waited++
		}
		if s.now()-begin > time.Minute {
			s.t.Fatalf("a minute after a node was %s changes still wait for it", what)
		}
	}
	most := cluster.Wait(s.lease)
	s.t.Logf("one node %s: %d changes waited, at most %v (the lease is over after %v); all was well again after %v",
		what, waited, longest.Round(time.Millisecond), most, (s.now() - begin).Round(time.Millisecond))
	if longest > most+200*time.Millisecond+slack {
		s.t.Errorf("a change waited for %v", longest)
	}
}

// TestAConsoleThatIsKilledLeavesNoKeyInDoubt kills a console between the commit
// and the acknowledgement of a change, which waits for a paused gateway. The
// other console must finish it.
func TestAConsoleThatIsKilledLeavesNoKeyInDoubt(t *testing.T) {
	ctx := t.Context()
	s := newSite(t, postgres.NewPair(t), plan{program: build(t, ""), lease: time.Second, keys: 2})
	for range 3 {
		s.orphan(ctx, s.consoles[0], s.machines[2])
	}
	for _, fault := range s.wrong() {
		t.Error(fault)
	}
}

func (s *site) orphan(ctx context.Context, console, away *machine) {
	s.t.Helper()
	key := s.slots[0].Load()
	if !key.now().active() {
		s.turn(ctx, console, 0)
	}
	now := key.now()
	key.begin(inactive, now.version+1, s.now())
	away.signal(syscall.SIGSTOP)
	var asking sync.WaitGroup
	asking.Go(func() {
		if _, err := console.ask(ctx, opOff, operator.IDArgs{ID: key.id}); latchkey.Code(err) != "" {
			s.fault("%v", err) // no answer comes, but a refusal could
		}
	})
	for len(s.wrong()) == 0 {
		k, err := s.desk.KeyByID(ctx, key.id)
		must(s.t, err)
		if k.Version > now.version {
			break
		}
		pause(ctx, 2*time.Millisecond)
	}
	begin := s.now()
	console.kill()
	asking.Wait()
	for {
		revs, err := s.desk.Revs(ctx)
		must(s.t, err)
		if revs.Confirmed >= revs.Newest {
			break
		}
		pause(ctx, 5*time.Millisecond)
	}
	took, most := s.now()-begin, cluster.Wait(s.lease)+200*time.Millisecond
	key.end(true, s.now())
	s.t.Logf("the change of a killed console was confirmed after %v", took.Round(time.Millisecond))
	if took > most+slack/2 {
		s.t.Errorf("the key was in doubt for %v, and may be for %v", took, most)
	}
	away.signal(syscall.SIGCONT)
	if ok, err := console.start(); !ok || err != nil {
		s.t.Fatalf("%s does not start again: %v %v", console.name, err, console.said(""))
	}
	for _, m := range s.machines {
		if c := s.call(key, m, false); c.code == "allowed" {
			s.t.Errorf("%s let a call of a deactivated key through", m.name)
		}
	}
}
