//go:build faulty

package cluster

import (
	"os"
	"slices"
	"strings"
	"time"
)

// The twins of the fault harness switch a guard off, to show that the harness
// would notice. LATCHKEY_FAULTY lists what is wrong with this process:
// "lease", "barrier" and "order"; "slow" makes it take its time to put changes
// into force, which is no fault.
var (
	withLease   = !wrong("lease")
	withBarrier = !wrong("barrier")
)

func wrong(what string) bool {
	return slices.Contains(strings.Split(os.Getenv("LATCHKEY_FAULTY"), ","), what)
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
