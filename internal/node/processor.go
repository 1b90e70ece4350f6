package node

import (
	"os"
	"runtime"
)

// AddProcessor lets the Go runtime run one goroutine more at a time than there
// are cores. A password is computed for tens of milliseconds without a pause, and
// the runtime would take a core's share from signed calls for that long; with one
// more, it is the operating system that shares the cores out. The main function
// of a process with a console calls it once, before Start. Who has set GOMAXPROCS
// has decided otherwise.
func AddProcessor() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 1)
	}
}
