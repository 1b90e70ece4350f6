// Package disk gives tests a small file system of their own that can be filled:
// a tmpfs in a mount namespace, so that nothing of it is left however a test
// ends.
package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// mark tells a test binary that it has its namespace already.
const mark = "LATCHKEY_TEST_NAMESPACE"

// Main runs the tests of a binary once more, in a mount namespace of its own,
// and gives their result to os.Exit. Root needs the right to mount; others get
// it in a user namespace, as the user that they are. Where neither is to be had,
// the tests run as they are, and Make looks for another way.
func Main(m *testing.M, run func(*testing.M) int) int {
	if os.Getenv(mark) != "" {
		// What is mounted here must not appear outside.
		if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
			fmt.Fprintln(os.Stderr, "a mount namespace:", err)
			return 1
		}
		return run(m)
	}
	cmd := exec.Command("/proc/self/exe", os.Args[1:]...)
	cmd.Env = append(os.Environ(), mark+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if uid := os.Geteuid(); uid != 0 {
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	if err := cmd.Start(); err != nil {
		return run(m)
	}
	if err := cmd.Wait(); err != nil {
		return max(1, cmd.ProcessState.ExitCode())
	}
	return 0
}

// Disk is a small file system, or a folder on one.
type Disk struct{ dir string }

// Make makes one of that many megabytes. It ends with the test.
func Make(t testing.TB, megabytes int) *Disk {
	t.Helper()
	dir, err := os.MkdirTemp("", "lkd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err = errors.New("there is no namespace for it"); os.Getenv(mark) != "" {
		err = unix.Mount("latchkey", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=0755", megabytes))
	}
	if err != nil {
		return shared(t, err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return &Disk{dir}
}

// largest is how large a file system may be that is filled though it is not
// made here.
const largest = 256 << 20

// shared is a folder in /dev/shm, which a container without any rights has as a
// file system of its own, of 64 MB.
func shared(t testing.TB, why error) *Disk {
	t.Helper()
	var info unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &info); err != nil || info.Type != unix.TMPFS_MAGIC || info.Blocks*uint64(info.Bsize) > largest {
		t.Fatalf("a small file system that can be filled: %v; it needs root with CAP_SYS_ADMIN, or user namespaces, or a /dev/shm of at most %d MB", why, largest>>20)
	}
	dir, err := os.MkdirTemp("/dev/shm", "lkd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return &Disk{dir}
}

// Dir is its folder.
func (d *Disk) Dir() string { return d.dir }

// Fill takes all the room that there is. Who has a file open may still write
// over what the file holds.
func (d *Disk) Fill() error {
	ballast, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil && !errors.Is(err, unix.ENOSPC) {
		return err
	}
	defer ballast.Close()
	for block := make([]byte, 1<<20); len(block) > 0; { // smaller and smaller ones
		if _, err = ballast.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
	if errors.Is(err, unix.ENOSPC) {
		return nil
	}
	return fmt.Errorf("filling the disk: %w", err)
}

// Free gives the room back.
func (d *Disk) Free() error {
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

func (d *Disk) ballast() string { return filepath.Join(d.dir, "ballast") }
