package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary be the program itself when it is called
// latchkey: scripts and the crash test start real processes of it.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"latchkey": main})
}
