// Package fault tries the promise of many nodes on real processes: gateways and
// consoles on one PostgreSQL with a synchronous standby, each behind a line that
// can be cut, all of them killed, paused and cut off at random while keys are
// changed and bots call everywhere. No call that was sent after a change was
// acknowledged may reach the exchange under rights that the change took away.
//
// CHANGES (200) and REQUESTS (0) say how much there must have been before the run
// ends; RECEIPTS (100) are measured with all nodes well, STORM (10000) orders are
// sent to all gateways at once. DISKCHANGES (100) and CLOCKCHANGES (80) are made
// while PostgreSQL has no room for its log and while clocks jump. FAULTSEED
// repeats the choices of a run.
package fault
