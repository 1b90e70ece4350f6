package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// Somebody signs in as "x\n{...a line of their own...}" (CWE-117). Every line is
// one JSON object, which says when, with its zone (ASVS 16.2.2, 16.2.4, 16.4.1).
func TestALogLineIsOneObjectWithItsTimeAndZone(t *testing.T) {
	var out bytes.Buffer
	log := newLog(&out, "info")
	hostile := "x\r\n{\"time\":\"2026-03-01T12:00:00Z\",\"level\":\"INFO\",\"msg\":\"forged\"}\u2028\x1b[2J\x00"
	log.Info(hostile, hostile, hostile)
	log.Debug("what nobody asked for")
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 1 {
		t.Fatalf("%d lines: %q", len(lines), out.String())
	}
	if strings.ContainsAny(lines[0], "\r\x1b\x00\u2028") {
		t.Errorf("a character that moves the reader's screen: %q", lines[0])
	}
	var line map[string]any
	if err := json.Unmarshal([]byte(lines[0]), &line); err != nil {
		t.Fatal(err)
	}
	at, _ := line["time"].(string)
	if _, err := time.Parse(time.RFC3339Nano, at); err != nil { // which has no form without a zone
		t.Errorf("time %q: %v", at, err)
	}
	if line["msg"] != hostile || line["level"] != "INFO" {
		t.Errorf("the line lost something: %v", line)
	}
}
