//go:build !faulty

package cluster

import "time"

// What the promise rests on. In a program that is shipped these are constants;
// only a build with -tags faulty, for the twins of the fault harness, can
// switch one of them off.
const (
	withLease   = true
	withBarrier = true
	withEpoch   = true
)

// Wall is the time of day, as every part of a process is to read it.
func Wall() time.Time { return time.Now() }

// boot is the clock that leases are measured with.
func boot() time.Duration { return boottime() }

// script decides about a call that must not happen twice.
func script() string { return takeScript }

// order is the one in which a node takes an answer in.
func order() [len(intake)]func(*standing, *told, Masker) { return intake }
