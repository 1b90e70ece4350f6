//go:build !faulty

package cluster

// What the promise rests on. In a program that is shipped these are constants;
// only a build with -tags faulty, for the twins of the fault harness, can
// switch one of them off.
const (
	withLease   = true
	withBarrier = true
)

// order is the one in which a node takes an answer in.
func order() [len(intake)]func(*standing, *told, Masker) { return intake }
