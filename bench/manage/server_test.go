package main

import (
	"io"
	"strings"
	"testing"
)

// The server of the benchmark makes an account like anybody's: a rule about
// passwords that its own breaks would be noticed by who measures, months later.
func TestTheServerOfTheBenchmarkStarts(t *testing.T) {
	t.Setenv("UPSTREAM", "http://127.0.0.1:9")
	if err := serve(t.Context(), t.TempDir(), strings.NewReader(""), io.Discard); err != nil {
		t.Fatal(err)
	}
}
