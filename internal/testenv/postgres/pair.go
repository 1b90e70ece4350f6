package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey/internal/testenv/disk"
)

// Pair is a primary and its synchronous standby, which can be stopped, started
// and promoted. Nothing is committed that the standby does not have.
type Pair struct {
	t       testing.TB
	bin     string
	dir     string
	as      *syscall.SysProcAttr
	small   bool // each write-ahead log is on a small disk of its own
	number  int  // of the newest data folder
	primary *instance
	standby *instance // nil while there is none
}

// standbyName is what each server calls itself when it follows another.
const standbyName = "follower"

// instance is one server on its own data folder. Its socket is beside that.
type instance struct {
	dir  string
	port int           // names the socket
	cmd  *exec.Cmd     // nil while it is stopped
	done chan struct{} // closed when it has ended, by itself too
	disk *disk.Disk    // of its log; nil: it is in dir
}

// NewPair starts both. They end with the test.
func NewPair(t testing.TB) *Pair { t.Helper(); return newPair(t, &Pair{t: t}) }

// NewSmallPair is NewPair with each write-ahead log on a small disk, which
// FillDisk fills.
func NewSmallPair(t testing.TB) *Pair { t.Helper(); return newPair(t, &Pair{t: t, small: true}) }

func newPair(t testing.TB, p *Pair) *Pair {
	t.Helper()
	bin, err := programs()
	if err == nil {
		p.bin = bin
		if p.dir, err = os.MkdirTemp("", "latchkey-pair-"); err == nil {
			t.Cleanup(p.close)
			err = p.begin()
		}
		if err == nil {
			return p
		}
	}
	t.Fatalf("PostgreSQL with a standby: %v", err)
	return nil
}

func (p *Pair) begin() (err error) {
	s := &Server{dir: p.dir}
	if p.as, err = s.unprivileged(); err != nil {
		return err
	}
	// However this process ends, its servers do not outlive it.
	p.as.Pdeathsig = syscall.SIGQUIT
	if p.primary, err = p.folder(); err != nil {
		return err
	}
	args := []string{"-D", p.primary.dir, "-U", role, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"}
	if p.small {
		args = append(args, "--wal-segsize=1", "-X", p.primary.log())
	}
	if err = p.tool("initdb", args...); err != nil {
		return err
	}
	if err := p.start(p.primary); err != nil {
		return err
	}
	return p.AddStandby()
}

func (p *Pair) folder() (*instance, error) {
	p.number++
	i := &instance{dir: filepath.Join(p.dir, fmt.Sprintf("data%d", p.number)), port: p.number}
	if !p.small {
		return i, nil
	}
	i.disk = disk.Make(p.t, logMegabytes)
	if c := p.as.Credential; c != nil {
		return i, os.Chown(i.disk.Dir(), int(c.Uid), int(c.Gid))
	}
	return i, nil
}

func (p *Pair) tool(name string, args ...string) error {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.SysProcAttr, cmd.Dir = p.as, p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", name, err, out)
	}
	return nil
}

// start runs a server until it answers. fsync=off: what is tested is the death
// of processes, not of the machine.
func (p *Pair) start(i *instance) error {
	log, err := os.OpenFile(i.dir+".log", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(p.bin, "postgres"), "-D", i.dir, "-k", p.dir, "-p", strconv.Itoa(i.port), "-c", "listen_addresses=", "-c", "fsync=off",
		"-c", "max_connections=200", "-c", "hot_standby=on", "-c", "wal_retrieve_retry_interval=100ms",
		"-c", "cluster_name="+standbyName, "-c", "synchronous_standby_names="+standbyName)
	if p.small {
		cmd.Args = append(cmd.Args, "-c", "wal_keep_size=24MB", "-c", "min_wal_size=2MB", "-c", "max_wal_size=6MB")
	} else {
		cmd.Args = append(cmd.Args, "-c", "wal_keep_size=512MB")
	}
	cmd.SysProcAttr, cmd.Dir, cmd.Stdout, cmd.Stderr = p.as, p.dir, log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	i.cmd, i.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}(i.done)
	for end := time.Now().Add(startLimit); ; <-time.After(20 * time.Millisecond) {
		if err = query(i, "SELECT 1"); err == nil {
			return nil
		}
		if time.Now().After(end) {
			text, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the server does not start: %w\n%s", err, text)
		}
	}
}

// kill ends a server without a checkpoint and without a word to its clients.
func (i *instance) kill() {
	if i == nil || i.cmd == nil {
		return
	}
	_ = i.cmd.Process.Signal(syscall.SIGQUIT) // it may have ended by itself
	<-i.done
	i.cmd = nil
}

// AddStandby copies the primary and lets the copy follow it.
func (p *Pair) AddStandby() error {
	s, err := p.folder()
	if err != nil {
		return err
	}
	args := []string{"-h", p.dir, "-p", strconv.Itoa(p.primary.port), "-U", role, "-D", s.dir, "-R", "-X", "stream", "--checkpoint=fast", "--no-sync"}
	if p.small {
		args = append(args, "--waldir", s.log())
	}
	if err := p.tool("pg_basebackup", args...); err != nil {
		return err
	}
	p.standby = s
	return p.start(s)
}

// StopPrimary ends the primary as a crash would.
func (p *Pair) StopPrimary() { p.primary.kill() }

// StartPrimary starts it again.
func (p *Pair) StartPrimary() error { return p.start(p.primary) }

// Promote makes the standby the primary. The old one runs on, and cannot commit
// any more, until the function that is returned ends it.
func (p *Pair) Promote() (end func(), err error) {
	old, next := p.primary, p.standby
	if next == nil {
		return nil, errors.New("there is no standby to promote")
	}
	if err := p.tool("pg_ctl", "promote", "-D", next.dir, "-w", "-s"); err != nil {
		return nil, err
	}
	p.primary, p.standby = next, nil
	return old.kill, nil
}

// logMegabytes is the room for a write-ahead log of NewSmallPair: for what a
// standby may still have to fetch, with as much again.
const logMegabytes = 96

// log is the folder of the write-ahead log on a disk of its own.
func (i *instance) log() string { return filepath.Join(i.disk.Dir(), "log") }

// FillDisk leaves no room for the primary's log, and writes into it until
// PostgreSQL gives up, which is a PANIC of all its processes. Whether it comes up
// again by itself before FreeDisk depends on how full the last file was.
func (p *Pair) FillDisk() error {
	for range 5 {
		if err := p.primary.disk.Fill(); err != nil {
			return err
		}
		// In one piece: between two checkpoints it would use its old files again.
		if err := p.admin("SELECT pg_logical_emit_message(true, 'fill', repeat('x', 16000000))"); err != nil {
			return nil
		}
	}
	return errors.New("the disk is full, and PostgreSQL writes on")
}

// FreeDisk makes room, and starts the primary again if it has ended.
func (p *Pair) FreeDisk() error {
	if err := p.primary.disk.Free(); err != nil {
		return err
	}
	for end := time.Now().Add(startLimit); time.Now().Before(end); {
		select {
		case <-p.primary.done:
			p.primary.cmd = nil
			return p.start(p.primary)
		case <-time.After(20 * time.Millisecond):
		}
		if query(p.primary, "SELECT 1") == nil {
			return nil
		}
	}
	return errors.New("PostgreSQL does not come up again after its disk was full")
}

// Panics counts how often the servers gave up.
func (p *Pair) Panics() (n int) {
	for _, text := range p.logs() {
		n += strings.Count(text, "PANIC:")
	}
	return n
}

// Said is the end of what each server said.
func (p *Pair) Said() (all string) {
	for name, text := range p.logs() {
		all += filepath.Base(name) + ": ..." + text[max(0, len(text)-2000):] + "\n"
	}
	return all
}

func (p *Pair) logs() map[string]string {
	logs, _ := filepath.Glob(filepath.Join(p.dir, "*.log")) // the pattern is well formed
	all := map[string]string{}
	for _, name := range logs {
		text, _ := os.ReadFile(name)
		all[name] = string(text)
	}
	return all
}

// Socket is where the primary listens now.
func (p *Pair) Socket() string {
	return filepath.Join(p.dir, fmt.Sprintf(".s.PGSQL.%d", p.primary.port))
}

// Database makes an empty database and returns its name.
func (p *Pair) Database(name string) string {
	p.t.Helper()
	if err := p.admin("CREATE DATABASE " + name); err != nil {
		p.t.Fatal(err)
	}
	return name
}

// Admin runs statements on a database of the primary as the superuser.
func (p *Pair) Admin(database string, statements ...string) error {
	return queryIn(p.primary, database, statements...)
}

func (p *Pair) admin(statements ...string) error { return query(p.primary, statements...) }

func query(i *instance, statements ...string) error { return queryIn(i, "postgres", statements...) }

func queryIn(i *instance, database string, statements ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	conn, err := pgx.Connect(ctx, fmt.Sprintf("host=%s port=%d user=%s database=%s", filepath.Dir(i.dir), i.port, role, database))
	if err != nil {
		return err
	}
	for _, statement := range statements {
		if _, err = conn.Exec(ctx, statement); err != nil {
			err = fmt.Errorf("%s: %w", strings.SplitN(statement, "\n", 2)[0], err)
			break
		}
	}
	return errors.Join(err, conn.Close(ctx))
}

// Role is the superuser of both.
func (p *Pair) Role() string { return role }

func (p *Pair) close() {
	p.standby.kill()
	p.primary.kill()
	_ = os.RemoveAll(p.dir) // in the folder for temporary files
}
