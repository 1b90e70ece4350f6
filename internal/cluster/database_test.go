package cluster_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
)

// database is PostgreSQL as nodes and consoles see it: commits happen one after
// the other, in the order of their revisions.
type database struct {
	stale bool // a mere look at the nodes shows none
	mu    sync.Mutex
	revs  latchkey.Revs
	keys  []latchkey.KeyChange // each key once, as it is now
	nodes []latchkey.GatewayNode

	// on is asked by the name of the method: how long it takes until the
	// statements run, how long the answer takes, and whether it comes.
	on map[string]fate
	// between runs between the two readings of a renewal.
	between func()
}

type fate struct {
	before, after time.Duration
	refused, lost error
}

func newDatabase() *database {
	return &database{revs: latchkey.Revs{Incarnation: 1}, on: map[string]fate{}}
}

// do runs a transaction with the fate of its name.
func (d *database) do(ctx context.Context, name string, statements func() error) error {
	d.mu.Lock()
	f := d.on[name]
	d.mu.Unlock()
	if err := wait(ctx, f.before); err != nil {
		return err
	}
	if f.refused != nil {
		return f.refused
	}
	d.mu.Lock()
	err := statements()
	d.mu.Unlock()
	if err != nil {
		return err
	}
	if err := wait(ctx, f.after); err != nil {
		return err
	}
	return f.lost
}

func wait(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (d *database) JoinNode(ctx context.Context, n latchkey.GatewayNode) error {
	return d.do(ctx, "join", func() error {
		n.State = latchkey.NodeLive
		d.nodes = append(d.nodes, n)
		return nil
	})
}

func (d *database) RenewNode(ctx context.Context, id string, applied int64) (r latchkey.Renewal, err error) {
	err = d.do(ctx, "renew", func() error {
		n := d.node(id)
		if n == nil || n.State != latchkey.NodeLive {
			return latchkey.ErrFenced
		}
		n.Renewals, n.Applied = n.Renewals+1, applied
		r.Revs = d.revs
		if d.between != nil {
			d.between()
		}
		for _, c := range d.keys {
			if c.Rev > applied {
				r.Changes = append(r.Changes, c)
			}
		}
		return nil
	})
	return r, err
}

func (d *database) LeaveNode(ctx context.Context, id string) error {
	return d.do(ctx, "leave", func() error { d.node(id).State = latchkey.NodeGone; return nil })
}

func (d *database) Revs(ctx context.Context) (r latchkey.Revs, err error) {
	err = d.do(ctx, "revs", func() error { r = d.revs; return nil })
	return r, err
}

func (d *database) Newest(ctx context.Context) (rev int64, err error) {
	err = d.do(ctx, "newest", func() error { rev = d.revs.Newest; return nil })
	return rev, err
}

func (d *database) ConfirmRev(ctx context.Context, rev int64, decide func([]latchkey.GatewayNode) bool) (over bool, err error) {
	err = d.do(ctx, "confirm", func() error {
		if over = decide(slices.Clone(d.nodes)); over && rev <= d.revs.Newest {
			d.revs.Confirmed = max(d.revs.Confirmed, rev)
		}
		return nil
	})
	return over, err
}

func (d *database) Nodes(ctx context.Context) (n []latchkey.GatewayNode, err error) {
	err = d.do(ctx, "nodes", func() error {
		if !d.stale {
			n = slices.Clone(d.nodes)
		}
		return nil
	})
	return n, err
}

func (d *database) FenceNode(ctx context.Context, id string, renewals int64) (fenced bool, err error) {
	err = d.do(ctx, "fence", func() error {
		if n := d.node(id); n.State == latchkey.NodeLive && n.Renewals == renewals {
			n.State, fenced = latchkey.NodeFenced, true
		}
		return nil
	})
	return fenced, err
}

func (d *database) BuryNode(ctx context.Context, id string) error {
	return d.do(ctx, "bury", func() error {
		if n := d.node(id); n.State == latchkey.NodeFenced {
			n.State = latchkey.NodeGone
		}
		return nil
	})
}

func (d *database) LoadKeys(ctx context.Context, take func(latchkey.Key, latchkey.Secret) error) (revs latchkey.Revs, err error) {
	err = d.do(ctx, "load", func() error {
		revs = d.revs
		for _, c := range d.keys {
			if err := take(c.Key, c.Secret); err != nil {
				return err
			}
		}
		return nil
	})
	return revs, err
}

func (d *database) node(id string) *latchkey.GatewayNode {
	for i := range d.nodes {
		if d.nodes[i].ID == id {
			return &d.nodes[i]
		}
	}
	return nil
}

// change commits a change of a key.
func (d *database) change(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.commit(id)
}

func (d *database) commit(id string) {
	d.revs.Newest++
	var version int64 = 1
	for i, c := range d.keys {
		if c.Key.ID == id {
			version = c.Key.Version + 1
			d.keys = slices.Delete(d.keys, i, i+1)
			break
		}
	}
	d.keys = append(d.keys, latchkey.KeyChange{Rev: d.revs.Newest, Key: key(id, version)})
}

// confirm is the work of a barrier.
func (d *database) confirm(rev int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.revs.Confirmed = rev
}

// confirmed is what the database knows to be in force everywhere.
func (d *database) confirmed() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.revs.Confirmed
}

// set gives a method a fate; the zero value is none.
func (d *database) set(name string, f fate) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.on[name] = f
}

// row is the newest row of a node with that name.
func (d *database) row(name string) latchkey.GatewayNode {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, n := range slices.Backward(d.nodes) {
		if n.Name == name {
			return n
		}
	}
	return latchkey.GatewayNode{}
}

// diary is a node's table that notes what is done to it, in its order.
type diary struct {
	*table
	masked map[string]bool
	notes  []string
}

func newDiary() *diary { return &diary{table: newTable(), masked: map[string]bool{}} }

func (d *diary) note(text string, do func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.notes = append(d.notes, text)
	do()
}

func (d *diary) Put(k latchkey.Key, s latchkey.Secret) {
	d.note(fmt.Sprintf("put %s %d", k.ID, k.Version), func() {})
	d.table.Put(k, s)
}
func (d *diary) Mask(id string)   { d.note("mask "+id, func() { d.masked[id] = true }) }
func (d *diary) Unmask(id string) { d.note("unmask "+id, func() { delete(d.masked, id) }) }

// did compares the notes since the last look.
func (d *diary) did(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if !slices.Equal(d.notes, want) {
		t.Fatalf("the table saw %q, want %q", d.notes, want)
	}
	d.notes = nil
}

// machine is where a process runs: its clocks.
type machine struct {
	begin time.Time
	jump  time.Duration // of the time of day
}

func newMachine() *machine { return &machine{begin: time.Now()} }

func (m *machine) clock() cluster.Clock {
	return cluster.Clock{
		Boot: func() time.Duration { return time.Since(m.begin) },
		Wall: func() time.Time { return time.Now().Add(m.jump) },
	}
}

const leaseLength = 5 * time.Second

// join starts a node; run renews its lease until the test ends.
func join(t *testing.T, d *database, name string) (*cluster.Member, *diary, *machine) {
	t.Helper()
	keys, on := newDiary(), newMachine()
	m, err := cluster.Join(context.Background(), cluster.MemberConfig{
		Store: d, Table: keys, LoadKeys: d.LoadKeys, Name: name, Lease: leaseLength, Clock: on.clock(), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, keys, on
}

// run renews until stop is called, which returns how it ended.
func run(m *cluster.Member) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	return func() error { cancel(); return <-ended }
}

// leased compares whether a node serves.
func leased(t *testing.T, m *cluster.Member, want bool) {
	t.Helper()
	if m.Held() != want || (m.Left() > 0) != want {
		t.Fatalf("lease held %v with %v left, want %v", m.Held(), m.Left(), want)
	}
}
