package main

import (
	"fmt"
	"log/slog"

	"golang.org/x/sys/unix"
)

// harden keeps what this process has in its memory, which is every key's
// secret, from being written to a disk or read by another process: no core file
// (setrlimit(2)), and not dumpable (prctl(2)), so that ptrace and /proc/PID/mem
// are closed to other processes of the same user. It gives up rights only; where
// even that is refused something is wrong, and nothing starts.
func harden() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("core files could not be switched off: %w", err)
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return fmt.Errorf("the memory could not be closed to other processes: %w", err)
	}
	return nil
}

// warnRoot says that a server has more rights than it needs. It is no reason to
// refuse: in a container, root may be nobody outside.
func warnRoot(log *slog.Logger, euid int) {
	if euid == 0 {
		log.Warn("this server runs as root, and needs none of root's rights: give it a user of its own, as deploy/latchkey@.service does")
	}
}
