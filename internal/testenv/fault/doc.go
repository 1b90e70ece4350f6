// Package fault tries the promise of many nodes on real processes: gateways and
// consoles on one PostgreSQL with a synchronous standby, each behind a line that
// can be cut, all of them killed, paused and cut off at random while keys are
// changed and bots call everywhere. No call that was sent after a change was
// acknowledged may reach the exchange under rights that the change took away.
//
// CHANGES is the number of changes, FAULTSEED repeats the choices of a run.
package fault
