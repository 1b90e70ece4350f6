// Package redis starts real Redis servers for tests, each in a temporary folder
// and on a socket of its own. It is never skipped: without the server's program
// the tests fail and say what to install.
package redis

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// startLimit bounds how long the server may take until it answers.
const startLimit = 30 * time.Second

// Server is a Redis that can be killed, stopped and started again. Its data
// folder stays until the test ends.
type Server struct {
	dir   string
	guard *exec.Cmd
	// starts is the guard's standard input, a line for each start. It ends with
	// this process, however that ends, and the guard then kills the server and
	// removes the folder.
	starts io.WriteCloser
	pids   *bufio.Reader
	pid    int
}

// Start starts a server for one test with these options beside its own
// ("--requirepass", "x"). It keeps nothing on disk unless it is told to.
func Start(t testing.TB, option ...string) *Server {
	t.Helper()
	s, err := start(option)
	if err != nil {
		t.Fatalf("Redis for the tests: %v", err)
	}
	t.Cleanup(s.close)
	return s
}

func start(option []string) (*Server, error) {
	program, err := program()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "latchkey-redis-")
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir}
	args := append([]string{
		"-c", `dir=$1; shift
while read -r line; do
	wait
	"$@" >>"$dir/log" 2>&1 &
	echo $!
done
kill -KILL $! 2>/dev/null
wait
rm -rf "$dir"`, "guard", dir,
		program, "--port", "0", "--unixsocket", s.socket(), "--dir", dir, "--save", "", "--daemonize", "no",
	}, option...)
	s.guard = exec.Command("/bin/sh", args...)
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C goes to the tests
	pids, err := s.guard.StdoutPipe()
	if err == nil {
		s.starts, err = s.guard.StdinPipe()
	}
	if err == nil {
		err = s.guard.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.pids = bufio.NewReader(pids)
	if err := s.launch(); err != nil {
		text, _ := os.ReadFile(filepath.Join(dir, "log"))
		s.close()
		return nil, fmt.Errorf("%w\n%s", err, text)
	}
	return s, nil
}

// launch starts the program and waits until it answers.
func (s *Server) launch() error {
	if _, err := io.WriteString(s.starts, "start\n"); err != nil {
		return err
	}
	line, err := s.pids.ReadString('\n')
	if err != nil {
		return err
	}
	if s.pid, err = strconv.Atoi(strings.TrimSpace(line)); err != nil {
		return err
	}
	for end := time.Now().Add(startLimit); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s.answers() {
			return nil
		}
	}
	return errors.New("the server does not start")
}

// answers asks without a password: a refusal is an answer, too.
func (s *Server) answers() bool {
	conn, err := net.DialTimeout("unix", s.socket(), time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Second))
	fmt.Fprint(conn, "PING\r\n")
	line, err := bufio.NewReader(conn).ReadString('\n')
	return err == nil && !strings.HasPrefix(line, "-LOADING")
}

func (s *Server) close() {
	s.starts.Close()
	s.guard.Wait()
}

// Kill ends the server at once, as a crash does.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	s.signal(t, syscall.SIGKILL)
	for s.answers() {
		time.Sleep(time.Millisecond)
	}
}

// Restart starts the server again after Kill, with what it wrote to its folder.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.launch(); err != nil {
		t.Fatalf("starting Redis again: %v", err)
	}
}

// Freeze stops the server until Thaw: it takes connections and answers nothing.
func (s *Server) Freeze(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (s *Server) Thaw(t testing.TB) { t.Helper(); s.signal(t, syscall.SIGCONT) }

func (s *Server) signal(t testing.TB, number syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(s.pid, number); err != nil {
		t.Fatal(err)
	}
}

// URL is the address of the server.
func (s *Server) URL() string { return "unix://" + s.socket() }

// Do runs one command and returns its answer as redis-cli prints it.
func (s *Server) Do(t testing.TB, command ...string) string {
	t.Helper()
	out, err := exec.Command("redis-cli", append([]string{"-s", s.socket(), "-e"}, command...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v: %s", command, err, out)
	}
	return strings.TrimSpace(string(out))
}

// Socket is a short path: those of sockets end at 107 bytes.
func (s *Server) socket() string { return filepath.Join(s.dir, "s") }

// Port finds a TCP port that is free now.
func Port(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func program() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errors.New("its program is not installed; run: sudo apt-get install redis-server")
}
