package main

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// Somebody crashes a gateway, or another service of the same user reads
// /proc/PID/mem, to get every secret.
func TestTheProgramLeavesNoCoreAndShowsNobodyItsMemory(t *testing.T) {
	cmd := exec.Command("latchkey", "sandbox", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "LATCHKEY_IDENTITY_SECRET="+strings.Repeat("s", 32))
	p, err := launch(cmd, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	if !withoutCore(t, p.cmd.Process.Pid) {
		t.Error("the process may write a core file")
	}

	// The twin is this test: not hardened, then hardened. A child that was started
	// under another user (PostgreSQL) has closed our memory, too: until it executes
	// its program it has the same, and commit_creds() in Linux closes that.
	const get = unix.PR_GET_DUMPABLE
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil {
		t.Fatal(err)
	}
	if was, err := unix.PrctlRetInt(get, 0, 0, 0, 0); err != nil || was != 1 || withoutCore(t, os.Getpid()) {
		t.Fatalf("dumpable %d (%v); the test cannot show a difference", was, err)
	}
	if err := harden(); err != nil {
		t.Fatal(err)
	}
	if is, err := unix.PrctlRetInt(get, 0, 0, 0, 0); err != nil || is != 0 || !withoutCore(t, os.Getpid()) {
		t.Errorf("dumpable %d (%v) after all", is, err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0); err != nil { // for the tests behind this one
		t.Fatal(err)
	}
}

// withoutCore reads whether neither the limit of core files nor what it may be
// raised to is more than nothing (proc(5)).
func withoutCore(t *testing.T, pid int) bool {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^Max core file size +(\S+) +(\S+)`).FindSubmatch(text)
	if found == nil {
		t.Fatalf("no limit of core files in\n%s", text)
	}
	return string(found[1]) == "0" && string(found[2]) == "0"
}

func TestAServerOfRootIsWarned(t *testing.T) {
	for euid, want := range map[int]bool{0: true, 1000: false} {
		var said bytes.Buffer
		warnRoot(slog.New(slog.NewJSONHandler(&said, nil)), euid)
		if got := strings.Contains(said.String(), "root"); got != want {
			t.Errorf("user %d: %q", euid, said.String())
		}
	}
}
