package cluster

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"latchkey"
)

// The world of explore_test.go: two gateway nodes, two consoles and a guard on
// one database, with one key. What decides is the production code: standing and
// its intake, lease.held, count, look and Barrier.retire. What stands here is
// who calls them when, and the database.
//
// Clocks run as far apart as is allowed, in the direction that hurts: those of
// nodes are slow, those of consoles are fast. A tick is such that a slow node's
// lease is still good after one, and over after two.
const (
	aLease   = 20 * time.Second
	slowTick = 19_998 * time.Millisecond // 20.2 s of real time
	fastTick = 20_402 * time.Millisecond
	old      = 2  // ticks after which nothing changes any more
	none     = -1 // no such age
	theKey   = "key"
)

// world is everything at one instant. It can be compared, so each instant is
// looked at once. Ages are in ticks.
type world struct {
	newest, confirmed int8 // the database; the newest revision is also the key's version
	receipt           int8 // the newest change that an owner was told of
	answered          int8 // the newest version that some client has an answer by
	nodes             [2]nodeAt
	consoles          [2]consoleAt
	guard             [4]sightAt // by row
}

// rowAt is a row of gateway_node. A row that is gone is as if it never was.
type rowAt struct {
	state   int8
	applied int8
}

const (
	gone = iota
	live
	fenced
)

var rowStates = [...]latchkey.NodeState{latchkey.NodeGone, latchkey.NodeLive, latchkey.NodeFenced}

// nodeAt is a node: its process, and its rows of this start and of the last.
type nodeAt struct {
	at       int8
	starts   int8 // that are left
	row, was rowAt
	applied  int8
	version  int8 // in the table of keys
	hidden   bool // masked in the table
	needs    int8 // what must be confirmed before that ends; 0: nothing
	hint     int8 // a change that was announced; 0: none
	late     bool // it was announced before the question under way
	lease    int8 // age of when it was asked for
	asked    int8 // age of the question under way
	newest   int8 // of the answer, or of the start
	sure     int8 // confirmed, of the answer
	change   int8 // version that the answer brings; 0: none
	step     int8 // of the intake
	flying   int8 // version by which a call is being forwarded; 0: none
}

// Where a node is.
const (
	nodeOff = iota
	nodeRegistered
	nodeCounted // has read the revisions
	nodeIdle
	nodeAsked
	nodeInside // its transaction is open
	nodeTold
	nodeFenced // the answer is: fenced
	nodeLeaving
)

// consoleAt is a console, or whoever finishes a change for one that died.
type consoleAt struct {
	at     int8
	own    int8 // its change
	rev    int8 // what the barrier waits for
	waited int8
	seen   [4]int8 // applied, by row; none: no such row
}

// Where a console is.
const (
	consoleIdle = iota
	consoleCommitted
	consoleRead
	consoleWaiting
	consoleLooked
	consolePassed
	consoleConfirmed
)

// sightAt is what the guard knows of a row.
type sightAt struct {
	known  bool
	state  int8
	same   bool // it has not renewed since
	since  int8
	rested bool // is about to be retired, by what was seen
	still  bool // it has not renewed since that was seen
}

// clockAt is a clock that shows an age since the beginning.
func clockAt(now int8, tick time.Duration) Clock {
	boot := time.Duration(now) * tick
	return Clock{Boot: func() time.Duration { return boot }, Wall: func() time.Time { return time.Unix(0, 0).Add(boot) }}
}

// present is now, by every clock, in ticks: ages are counted back from it.
const present = 10

func leaseAt(age int8) lease { return clockAt(present-age, slowTick).lease(aLease) }

// held asks the production code whether a node's lease is good.
func (n *nodeAt) held() bool {
	if n.lease == none {
		return false
	}
	l := leaseAt(n.lease)
	return l.held(clockAt(present, slowTick))
}

// decides reports whether a node answers calls of the key for certain.
func (n *nodeAt) decides() bool { return n.held() && !n.hidden }

// rowOf is a row by its number: those of this start, then those of the last.
func (w *world) rowOf(i int) *rowAt {
	if i < 2 {
		return &w.nodes[i].row
	}
	return &w.nodes[i-2].was
}

// gatewayNode is a row as the production code sees it.
func (r rowAt) gatewayNode(i int, lease time.Duration, renewals int64) latchkey.GatewayNode {
	return latchkey.GatewayNode{ID: rowNames[i], State: rowStates[r.state], Applied: int64(r.applied), Renewals: renewals, Lease: lease}
}

var rowNames = [...]string{"a", "b", "a, former start", "b, former start"}

// nodeTable is a node's table of keys.
type nodeTable struct {
	*nodeAt
	undrained, unmasked bool
}

func (t nodeTable) Put(k latchkey.Key, _ latchkey.Secret) {
	if v := int8(k.Version); v > t.version {
		t.version = v
		if !t.undrained {
			t.flying = 0 // the real one ends what lives by the old version before it returns
		}
	}
}
func (t nodeTable) Mask(string)    { t.hidden = !t.unmasked }
func (t nodeTable) Unmask(string)  { t.hidden = false }
func (t nodeTable) Hold(string)    {}
func (t nodeTable) Release(string) {}

// take runs one step of the production intake.
func (n *nodeAt) take(step func(*standing, *told, Masker), table nodeTable, fromReply bool) {
	s := n.standing()
	if n.lease != none {
		l := leaseAt(n.lease)
		s.lease.Store(&l)
	}
	age := n.asked
	if fromReply {
		age = 0
	}
	t := told{lease: leaseAt(age), asked: s.asked, Renewal: latchkey.Renewal{Revs: latchkey.Revs{Newest: int64(n.newest), Confirmed: int64(n.sure)}}}
	if n.change > 0 {
		k := latchkey.Key{ID: theKey, Version: int64(n.change), Status: latchkey.StatusActive}
		t.Changes = []latchkey.KeyChange{{Rev: int64(n.change), Key: k}}
	}
	step(s, &t, table)
	n.applied, n.needs, n.hint, n.lease = int8(s.applied), int8(s.masked[theKey]), int8(s.hinted[theKey].rev), none
	if l := s.lease.Load(); l != nil {
		n.lease = present - int8(l.boot/slowTick)
	}
}

// hear runs the production code on an announcement.
func (n *nodeAt) hear(rev int8, table nodeTable) {
	s := n.standing()
	s.announced(theKey, int64(rev), table)
	if h := int8(s.hinted[theKey].rev); h != n.hint {
		n.hint, n.late = h, false
	}
}

// standing is the node as the production code knows it, but for its lease.
func (n *nodeAt) standing() *standing {
	s := standing{applied: int64(n.applied), masked: map[string]int64{}, hinted: map[string]hint{}, asked: 1}
	if n.needs > 0 {
		s.masked[theKey] = int64(n.needs)
	}
	if n.hint > 0 {
		s.hinted[theKey] = hint{rev: int64(n.hint), asked: 1}
		if n.late {
			s.hinted[theKey] = hint{rev: int64(n.hint)}
		}
	}
	return &s
}

// rowStore is the database as Barrier.retire uses it.
type rowStore struct {
	BarrierStore
	w     *world
	row   int
	blind bool
}

func (s rowStore) FenceNode(context.Context, string, int64) (bool, error) {
	r := s.w.rowOf(s.row)
	if r.state != live || !s.w.guard[s.row].still && !s.blind {
		return false, nil
	}
	r.state = fenced
	return true, nil
}

func (s rowStore) BuryNode(context.Context, string) error {
	if r := s.w.rowOf(s.row); r.state == fenced {
		*r = rowAt{}
	}
	return nil
}

var silent = slog.New(slog.DiscardHandler)

// sort puts a world into one form of those that differ only in which node or
// which console is which.
func (w *world) sort(s scope) {
	if c := &w.consoles; s.consoles == 2 && slices.Compare(c[0].all(), c[1].all()) > 0 {
		c[0], c[1] = c[1], c[0]
	}
	n := &w.nodes
	if s.nodes < 2 || slices.Compare(n[0].all(), n[1].all()) >= 0 {
		return
	}
	n[0], n[1] = n[1], n[0]
	w.guard[0], w.guard[1], w.guard[2], w.guard[3] = w.guard[1], w.guard[0], w.guard[3], w.guard[2]
	for i := range w.consoles {
		c := &w.consoles[i].seen
		c[0], c[1], c[2], c[3] = c[1], c[0], c[3], c[2]
	}
}

func (c *consoleAt) all() []int8 { return append(c.seen[:], c.at, c.own, c.rev, c.waited) }

func (n *nodeAt) all() []int8 {
	bit := map[bool]int8{true: 1}
	return []int8{n.starts, n.at, n.row.state, n.row.applied, n.was.state, n.was.applied, n.applied, n.version, bit[n.hidden],
		n.needs, n.lease, n.asked, n.newest, n.sure, n.change, n.step, n.flying, n.hint, bit[n.late]}
}
