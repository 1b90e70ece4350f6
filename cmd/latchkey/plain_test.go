package main

import "testing"

// An operator wants the console to be reached from the office, writes 0.0.0.0,
// and everybody's passwords cross the network in clear.
func TestNothingIsServedInClearToTheNetwork(t *testing.T) {
	for addr, mine := range map[string]bool{
		"127.0.0.1:8080": true, "127.8.8.8:0": true, "[::1]:8080": true, "[::ffff:127.0.0.1]:80": true, "localhost:8080": true, "": true,
		"0.0.0.0:8080": false, ":8080": false, "[::]:8080": false, "192.0.2.1:80": false, "10.0.0.1:80": false, "[fe80::1%lo]:80": false,
		"console.example:443": false, "[::ffff:0.0.0.0]:80": false, "localhost.example:80": false,
	} {
		if err := checkPlain("--console-listen", addr, ""); (err == nil) != mine {
			t.Errorf("%q: %v", addr, err)
		}
	}
}
