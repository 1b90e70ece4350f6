//go:build faulty

package cluster

import (
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"time"
)

// The twins of the fault harness switch a guard off, to show that the harness
// would notice. LATCHKEY_FAULTY lists what is wrong with this process:
// "lease", "barrier" and "order"; "wall" measures leases by the time of day, and
// "epoch" relies on a Redis that may have forgotten. "slow" makes it take its
// time to put changes into force, which is no fault.
var (
	withLease   = !wrong("lease")
	withBarrier = !wrong("barrier")
	withEpoch   = !wrong("epoch")
)

func wrong(what string) bool {
	return slices.Contains(strings.Split(os.Getenv("LATCHKEY_FAULTY"), ","), what)
}

// clock is a file that holds by how much the time of day is wrong in this
// process: nanoseconds, 8 bytes, big endian. It may change at any time.
var clock, _ = os.Open(os.Getenv("LATCHKEY_FAULTY_CLOCK")) // without it the time is right

// Wall is the time of day. It has no monotonic reading, so that every difference
// of two times shows a jump between them.
func Wall() time.Time {
	var offset [8]byte
	if clock == nil {
		return time.Now()
	}
	if _, err := clock.ReadAt(offset[:], 0); err != nil {
		panic(err)
	}
	return time.Now().Round(0).Add(time.Duration(binary.BigEndian.Uint64(offset[:])))
}

func boot() time.Duration {
	if wrong("wall") {
		return Wall().Sub(time.Unix(0, 0)) // after 1970, also a year ago
	}
	return boottime()
}

func script() string {
	if withEpoch {
		return takeScript
	}
	return strings.NewReplacer("return 'epoch'", "", "return 'clock'", "").Replace(takeScript)
}

// slowness is how long changes wait with "slow".
const slowness = 300 * time.Millisecond

func order() [len(intake)]func(*standing, *told, Masker) {
	put := (*standing).put
	if wrong("slow") {
		put = func(s *standing, t *told, table Masker) {
			if len(t.Changes) > 0 {
				time.Sleep(slowness)
			}
			s.put(t, table)
		}
	}
	if wrong("order") {
		return [...]func(*standing, *told, Masker){(*standing).mask, (*standing).extend, put, (*standing).unmask}
	}
	return [...]func(*standing, *told, Masker){(*standing).mask, put, (*standing).extend, (*standing).unmask}
}
