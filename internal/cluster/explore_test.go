package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	"latchkey"
)

// rules are how the actors behave: as right says, but for the one that a mutant
// breaks.
type rules struct {
	intake        []func(*standing, *told, Masker)
	rowLease      time.Duration // by which the barrier computes its wait
	fromReply     bool          // a lease counts from the answer
	noBarrier     bool          // on every second change
	skipSilent    bool          // rows that never reported are not waited for
	loadFirst     bool          // keys before the row
	loadTrusting  bool          // what is loaded is taken for confirmed
	leaveFirst    bool          // the row ends before the lease
	beginEarly    bool          // the wait counts from before the revision was read
	unmasked      bool
	undrained     bool
	fenceBlind    bool // also a node that has renewed since it was seen
	buryLive      bool // without the wait between fence and burial
	renewFenced   bool // a fenced row grants leases
	keepOldLease  bool // a fenced node goes on by the lease that it has
	reportUntaken bool // applied is reported as soon as it is known
}

// scope is what may happen, so that each walk stays small.
type scope struct {
	changes  int8
	nodes    int
	consoles int
	starts   [2]int8 // of each node
	leave    bool
	guard    bool
	finish   bool // changes of consoles that died are confirmed by another
	calls    bool // calls that are being forwarded
	hints    bool // changes are announced: in time, late, and some that never were
	loss     bool // of questions and answers
	wide     bool // more than 250,000 worlds
	running  bool // both nodes have joined before the first event
	fine     bool // statements of one transaction, and a look and its counting, apart
}

// explorer walks breadth first through every order of events.
type explorer struct {
	rules
	scope
	known  map[world]int32
	worlds []world
	from   []int32
	events []string
	at     int32
	only   string
	broken string
}

func right() rules { return rules{intake: intake[:], rowLease: aLease} }

// explore returns how many worlds there are, and the shortest way to one that
// breaks a promise: "" when there is none. Only names the promise that is looked
// at; "" is all of them.
func explore(r rules, s scope, only string) (int, string) {
	x := &explorer{rules: r, scope: s, only: only, known: map[world]int32{}}
	var w world
	for i := range w.nodes {
		w.nodes[i].lease, w.nodes[i].asked = none, none
		if w.nodes[i].starts = s.starts[i]; s.running {
			w.nodes[i].at, w.nodes[i].row = nodeIdle, rowAt{state: live}
		}
	}
	for i := range w.consoles {
		w.consoles[i].rest()
	}
	x.at = -1
	x.reach("start", w)
	for x.at = 0; int(x.at) < len(x.worlds) && x.broken == ""; x.at++ {
		x.step(x.worlds[x.at])
	}
	return len(x.worlds), x.broken
}

func (c *consoleAt) rest() { *c = consoleAt{waited: none, seen: [4]int8{none, none, none, none}} }

// reach notes a world, unless it was reached before.
func (x *explorer) reach(event string, w world) {
	if x.broken != "" {
		return
	}
	for i := range w.nodes {
		n := &w.nodes[i]
		if n.lease != none && !n.held() {
			n.lease = none
		}
	}
	wrong := x.judge(&w)
	w.sort(x.scope)
	if _, found := x.known[w]; found && wrong == "" {
		return
	}
	x.known[w] = int32(len(x.worlds))
	x.worlds, x.from, x.events = append(x.worlds, w), append(x.from, x.at), append(x.events, event)
	if wrong != "" {
		var way []string
		for i := int32(len(x.worlds) - 1); i >= 0; i = x.from[i] {
			way = append([]string{x.events[i]}, way...)
		}
		x.broken = fmt.Sprintf("%s\nafter: %s\n%+v", wrong, strings.Join(way, "; "), w)
	}
}

// judge says which promise a world breaks, and notes who was answered.
func (x *explorer) judge(w *world) string {
	broken := ""
	is := func(wrong bool, promise, why string) {
		if wrong && broken == "" && (x.only == "" || x.only == promise) {
			broken = promise + ": " + why
		}
	}
	for i := range w.nodes {
		if n := &w.nodes[i]; n.held() {
			is(n.version < w.receipt, "S1", "a version older than one that has its receipt is served (I1)")
			is(n.applied < w.confirmed, "I3", "what is confirmed is not applied by a node that holds a lease")
			is(n.decides() && n.version < w.answered, "S2", "somebody is answered by an older version than a client has seen")
		}
	}
	for i := range w.nodes {
		if n := &w.nodes[i]; n.decides() {
			w.answered = max(w.answered, n.version)
		}
	}
	if x.at < 0 {
		return broken
	}
	before := &x.worlds[x.at]
	is(w.newest < before.newest || w.confirmed < before.confirmed || w.confirmed > w.newest, "I2", "a revision went back")
	for i := range w.nodes {
		n, b := &w.nodes[i], &before.nodes[i]
		stays := n.at != nodeOff && b.at > nodeRegistered && n.starts == b.starts
		is(stays && (n.applied < b.applied || n.version < b.version), "I2", "a node went back")
		is(n.row.applied > b.row.applied && n.flying > 0 && n.flying < n.row.applied,
			"I6", "a change is reported while a call by the old version is on its way")
	}
	return broken
}

// step goes from a world to all that may come next.
func (x *explorer) step(w world) {
	x.reach("a tick", ticked(w))
	for i := range x.nodes {
		x.node(w, i)
	}
	for i := range x.consoles {
		x.console(w, i)
	}
	if x.guard {
		x.watch(w)
	}
}

func ticked(w world) world {
	age := func(a *int8) {
		if *a != none {
			*a = min(*a+1, old)
		}
	}
	for i := range w.nodes {
		age(&w.nodes[i].lease)
		age(&w.nodes[i].asked)
	}
	for i := range w.consoles {
		age(&w.consoles[i].waited)
	}
	for i := range w.guard {
		if w.guard[i].known {
			age(&w.guard[i].since)
		}
	}
	return w
}

// node is what a gateway node may do.
func (x *explorer) node(w world, i int) {
	do := func(event string, change func(*world, *nodeAt)) {
		next := w
		change(&next, &next.nodes[i])
		x.reach(rowNames[i]+" "+event, next)
	}
	n := &w.nodes[i]
	switch n.at {
	case nodeOff, nodeRegistered, nodeCounted:
		x.start(n, do)
	case nodeIdle:
		do("asks", func(_ *world, n *nodeAt) { n.at, n.asked, n.late = nodeAsked, 0, n.hint > 0 })
		if x.leave {
			do("leaves", func(w *world, n *nodeAt) {
				if n.at = nodeLeaving; x.leaveFirst {
					w.end(i)
				} else {
					n.lease = none
				}
			})
		}
	case nodeAsked, nodeInside, nodeTold, nodeFenced:
		x.renew(n, i, do)
	case nodeLeaving:
		do("has left", func(w *world, n *nodeAt) {
			w.end(i)
			*n = nodeAt{starts: n.starts, was: n.was, lease: none, asked: none}
		})
	}
	for rev := int8(1); x.hints && n.at >= nodeIdle && rev <= w.newest+1; rev++ {
		do(fmt.Sprintf("hears of change %d", rev), func(_ *world, n *nodeAt) { n.hear(rev, nodeTable{n, x.undrained, x.unmasked}) })
	}
	if n.at != nodeOff && n.starts > 0 && !x.leave {
		do("is killed", func(w *world, n *nodeAt) {
			w.former(i)
			*n = nodeAt{starts: n.starts, was: n.was, lease: none, asked: none}
		})
	}
	if !x.calls {
		return
	}
	if n.flying > 0 {
		do("got an answer from the exchange", func(_ *world, n *nodeAt) { n.flying = 0 })
	} else if n.decides() && n.version > 0 {
		do("forwards a call", func(_ *world, n *nodeAt) { n.flying = n.version })
	}
}

type doing func(event string, change func(*world, *nodeAt))

// start is the life of a node until it asks for its first lease (Join).
func (x *explorer) start(n *nodeAt, do doing) {
	register := func(_ *world, n *nodeAt) { n.row = rowAt{state: live} }
	count := func(w *world, n *nodeAt) { n.newest, n.sure = w.newest, w.confirmed }
	first, second := register, count
	if x.loadFirst {
		first, second = count, func(w *world, n *nodeAt) { x.load(w, n); register(w, n) }
	}
	switch n.at {
	case nodeOff:
		if n.starts > 0 {
			do("starts", func(w *world, n *nodeAt) { n.at, n.starts = nodeRegistered, n.starts-1; first(w, n) })
		}
	case nodeRegistered:
		do("counts", func(w *world, n *nodeAt) { n.at = nodeCounted; second(w, n) })
	case nodeCounted:
		do("has loaded", func(w *world, n *nodeAt) {
			if n.at = nodeIdle; !x.loadFirst {
				x.load(w, n)
			} else {
				n.lease = 0 // this mutant has what it needs and serves
			}
			n.newest, n.sure = 0, 0
		})
	}
}

func (x *explorer) load(w *world, n *nodeAt) {
	if n.version, n.applied = w.newest, min(n.newest, n.sure); x.loadTrusting {
		n.applied = n.newest
	}
}

// renew is one renewal, from the question to the end of the intake.
func (x *explorer) renew(n *nodeAt, i int, do doing) {
	rest := func(_ *world, n *nodeAt) {
		n.at, n.asked, n.newest, n.sure, n.change, n.step = nodeIdle, none, 0, 0, 0, 0
	}
	switch n.at {
	case nodeAsked:
		if x.loss {
			do("loses its question", rest)
		}
		do("is counted", func(w *world, n *nodeAt) {
			if n.row.state != live && !x.renewFenced {
				n.at, n.asked = nodeFenced, none
				return
			}
			if n.at, n.newest, n.sure = nodeInside, w.newest, w.confirmed; !x.fine {
				x.commit(w, i)
			}
		})
	case nodeInside:
		do("reads and commits", func(w *world, _ *nodeAt) { x.commit(w, i) })
	case nodeTold:
		if x.loss && n.step == 0 {
			do("loses the answer", rest)
		}
		do("takes in", func(w *world, n *nodeAt) {
			n.take(x.intake[n.step], nodeTable{n, x.undrained, x.unmasked}, x.fromReply)
			if n.step++; int(n.step) == len(x.intake) {
				rest(w, n)
			}
		})
	case nodeFenced:
		do("joins anew", func(w *world, n *nodeAt) {
			rest(w, n)
			if !x.keepOldLease {
				n.lease = none
			}
			w.former(i)
			n.row = rowAt{state: live}
		})
	}
}

// commit is the second half of a renewal's transaction: it reads the changes.
func (x *explorer) commit(w *world, i int) {
	n := &w.nodes[i]
	if n.at = nodeTold; w.newest > n.applied {
		n.change = w.newest
	}
	if n.row.applied = n.applied; x.reportUntaken {
		n.row.applied = n.newest
	}
	w.guard[i].same, w.guard[i].still = false, false
}

// former makes a node's row that of a former start, and forgets one before it.
func (w *world) former(i int) {
	if n := &w.nodes[i]; n.row.state != gone {
		n.was, n.row = n.row, rowAt{}
		w.guard[i+2], w.guard[i] = w.guard[i], sightAt{}
	}
}

// end is the end of a node's row by its own word.
func (w *world) end(i int) { w.nodes[i].row, w.guard[i] = rowAt{}, sightAt{} }

// console is what a console may do: a change and its barrier (Pass, wait).
func (x *explorer) console(w world, i int) {
	do := func(event string, change func(*world, *consoleAt)) {
		next := w
		change(&next, &next.consoles[i])
		x.reach(fmt.Sprintf("console %d %s", i, event), next)
	}
	c := &w.consoles[i]
	switch c.at {
	case consoleIdle:
		if w.newest < x.changes {
			do("commits", func(w *world, c *consoleAt) {
				w.newest++
				if c.at, c.own = consoleCommitted, w.newest; x.beginEarly {
					c.waited = 0
				}
			})
		}
		if x.finish && w.newest > w.confirmed {
			do("finishes what another began", func(_ *world, c *consoleAt) { c.at = consoleCommitted })
		}
	case consoleCommitted:
		do("reads the revision", func(w *world, c *consoleAt) { c.at, c.rev = consoleRead, w.newest })
	case consoleRead:
		do("begins to wait", func(_ *world, c *consoleAt) {
			if c.at = consoleWaiting; !x.beginEarly {
				c.waited = 0
			}
		})
	case consoleWaiting:
		do("looks", func(w *world, c *consoleAt) {
			if x.look(w, c); !x.fine {
				x.count(c)
			}
		})
	case consoleLooked:
		do("counts", func(_ *world, c *consoleAt) { x.count(c) })
	case consolePassed:
		do("confirms", func(w *world, c *consoleAt) { c.at, w.confirmed = consoleConfirmed, max(w.confirmed, c.rev) })
	case consoleConfirmed:
		do("gives the receipt", func(w *world, c *consoleAt) { w.receipt = max(w.receipt, c.own); c.rest() })
	}
	if x.finish && c.at != consoleIdle {
		do("dies", func(_ *world, c *consoleAt) { c.rest() })
	}
}

// look reads the rows.
func (x *explorer) look(w *world, c *consoleAt) {
	c.at = consoleLooked
	for r := range c.seen {
		if row := w.rowOf(r); row.state != gone {
			c.seen[r] = row.applied
		}
	}
}

// count judges by what was read, with the time that is now.
func (x *explorer) count(c *consoleAt) {
	if c.at = consoleWaiting; x.over(c) {
		c.at, c.waited = consolePassed, none
	}
	c.seen = [4]int8{none, none, none, none}
}

// over asks the production code whether a barrier may pass.
func (x *explorer) over(c *consoleAt) bool {
	var rows []latchkey.GatewayNode
	for r, applied := range c.seen {
		if applied != none && !(x.skipSilent && applied == 0) {
			rows = append(rows, rowAt{live, applied}.gatewayNode(r, x.rowLease, 0))
		}
	}
	_, over := count(rows, int64(c.rev), time.Duration(c.waited)*fastTick)
	return over || x.noBarrier && c.own%2 == 0
}

// watch is what the guard may do.
func (x *explorer) watch(w world) {
	for r := range w.guard {
		if w.guard[r].rested {
			next := w
			x.retire(&next, r)
			x.reach("the guard retires "+rowNames[r], next)
			return // one after the other; then it looks again
		}
	}
	next, before := w, map[string]sighting{}
	var rows []latchkey.GatewayNode
	for r, g := range w.guard {
		if g.known {
			renewals := int64(1)
			if !g.same {
				renewals = 0
			}
			before[rowNames[r]] = sighting{rowStates[g.state], renewals, time.Duration(present-g.since) * fastTick}
		}
		rows = append(rows, w.rowOf(r).gatewayNode(r, aLease, 1))
	}
	seen, rested := look(before, rows, present*fastTick)
	for r := range next.guard {
		next.guard[r] = sightAt{}
		if s, known := seen[rowNames[r]]; known {
			next.guard[r] = sightAt{known: true, state: w.rowOf(r).state, same: true, since: present - int8(s.since/fastTick)}
		}
		for _, n := range rested {
			if n.ID == rowNames[r] {
				next.guard[r].rested, next.guard[r].still = true, true
			}
		}
	}
	x.reach("the guard looks", next)
}

// retire runs the production code on what was seen.
func (x *explorer) retire(w *world, r int) {
	b := &Barrier{store: rowStore{w: w, row: r, blind: x.fenceBlind}, log: silent}
	n := rowAt{state: w.guard[r].state}.gatewayNode(r, aLease, 1)
	_ = b.retire(context.Background(), n) // this store has no errors
	if x.buryLive && w.rowOf(r).state == fenced {
		*w.rowOf(r) = rowAt{}
	}
	w.guard[r].rested, w.guard[r].still = false, false
}
