package cluster

import (
	"time"

	"golang.org/x/sys/unix"
)

// Clock is what leases are measured with. The time of day is no part of a
// decision about keys: it only shows that a machine was paused.
type Clock struct {
	// Boot is the time since the machine was started, suspended or not.
	Boot func() time.Duration
	Wall func() time.Time
}

// RealClock reads CLOCK_BOOTTIME (clock_gettime(2)): Go's own monotonic reading
// stands still while the machine is suspended, and a lease must not.
func RealClock() Clock {
	return Clock{Boot: boot, Wall: Wall}
}

func boottime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 1<<63 - 1 // no clock, no lease: every lease is over at that time
	}
	return time.Duration(t.Nano())
}

// drift is how far clocks of two machines may run apart, as a part of the time
// that passes (Linux slews by 0.0005 at most).
const drift = 0.01

// settling is added to each wait for a lease to end: for the delay between a
// reading of the clock and the next instruction.
const settling = 100 * time.Millisecond

// Wait is after how long a lease of that length is over on every machine, by
// the clock of any.
func Wait(length time.Duration) time.Duration {
	return length + time.Duration(2*drift*float64(length)) + settling
}

// mostJump is how far the time of day may jump against the time since the start
// before a node stops by itself: then a virtual machine was paused, perhaps with
// both clocks.
const mostJump = 250 * time.Millisecond

// lease is a permission to decide about keys that ends by itself. The zero
// value is over.
type lease struct {
	end  time.Duration // by Boot
	boot time.Duration // both clocks when the renewal was sent
	wall time.Time
}

// lease begins a lease of that length now.
func (c Clock) lease(length time.Duration) lease {
	boot := c.Boot()
	return lease{end: boot + length, boot: boot, wall: c.Wall().Round(0)}
}

// held reports whether the lease is still good.
func (l *lease) held(c Clock) bool {
	if !withLease || l == nil {
		return !withLease
	}
	boot := c.Boot()
	if boot >= l.end || boot < l.boot {
		return false
	}
	jump := c.Wall().Round(0).Sub(l.wall) - (boot - l.boot)
	return jump.Abs() <= mostJump
}
