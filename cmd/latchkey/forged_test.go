package main

import (
	"bytes"
	"log"
	"strings"
	"testing"
)

// The twin of TestALogLineIsOneObjectWithItsTimeAndZone (fault 15): a log of
// plain text has the forged line as one of its own.
func TestALogOfPlainTextIsForged(t *testing.T) {
	var out bytes.Buffer
	log.New(&out, "", 0).Printf("sign-in of %s refused", "x refused\nsign-in of owner@example.com accepted; it was")
	if lines := strings.Split(out.String(), "\n"); len(lines) != 3 || lines[1] != "sign-in of owner@example.com accepted; it was refused" {
		t.Errorf("the log says %q", lines)
	}
}
