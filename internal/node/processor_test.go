package node

import (
	"runtime"
	"testing"
)

func TestAConsoleHasAProcessorMore(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for set, want := range map[string]int{"": before + 1, "2": before} {
		t.Setenv("GOMAXPROCS", set)
		runtime.GOMAXPROCS(before)
		AddProcessor()
		if got := runtime.GOMAXPROCS(0); got != want {
			t.Errorf("with GOMAXPROCS=%q: %d goroutines run at a time, want %d", set, got, want)
		}
	}
}
