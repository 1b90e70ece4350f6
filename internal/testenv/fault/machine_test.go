//go:build fault

package fault

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// machine is one process of the program, with a line to the database of its
// own. It may be killed and started again; its address is new each time.
type machine struct {
	name    string
	console bool
	data    string
	args    []string
	program string
	env     []string
	line    *line
	clock   *clock // nil: it has the right time
	log     *os.File
	client  *http.Client

	gateway atomic.Pointer[string] // URL, as far as it is known
	metrics atomic.Pointer[string]
	cmd     *exec.Cmd // nil while it does not run
	done    chan struct{}
}

// readyLimit is how long a start may take on a busy computer, with a database
// that may be away for a while.
const readyLimit = 60 * time.Second

// start runs the process until it serves. False: it ended before, as it does
// when it cannot reach the database.
func (m *machine) start() (bool, error) {
	cmd := exec.Command(m.program, m.args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, m.env...)
	cmd.Stderr = m.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := cmd.Start(); err != nil {
		return false, err
	}
	lines := make(chan string, 1)
	done := make(chan struct{})
	go func() {
		scan := bufio.NewScanner(out)
		for scan.Scan() {
			select {
			case lines <- scan.Text():
			default:
			}
		}
		_ = cmd.Wait() // how it ended is in its log
		close(done)
	}()
	m.cmd, m.done = cmd, done
	select {
	case line := <-lines:
		return true, m.reached(line)
	case <-done:
		m.cmd = nil
		return false, nil
	case <-time.After(readyLimit):
		m.kill()
		return false, fmt.Errorf("%s was not ready after %s", m.name, readyLimit)
	}
}

// reached reads URLs from the line that says that it serves.
func (m *machine) reached(line string) error {
	for name, url := range map[string]*atomic.Pointer[string]{"gateway": &m.gateway, "metrics": &m.metrics} {
		_, rest, ok := strings.Cut(line, " "+name+" http://")
		if !ok {
			return fmt.Errorf("%s said %q", m.name, line)
		}
		text := "http://" + strings.Fields(rest)[0]
		url.Store(&text)
	}
	return nil
}

func (m *machine) running() bool {
	if m.cmd == nil {
		return false
	}
	select {
	case <-m.done:
		return false
	default:
		return true
	}
}

func (m *machine) signal(s syscall.Signal) {
	if m.cmd != nil {
		_ = m.cmd.Process.Signal(s) // it may have ended by itself
	}
}

// kill ends the process as a crash would.
func (m *machine) kill() { m.end(syscall.SIGKILL) }

// stop ends it as an operator would.
func (m *machine) stop() {
	if m.cmd == nil {
		return
	}
	m.signal(syscall.SIGTERM)
	select {
	case <-m.done:
	case <-time.After(10 * time.Second):
	}
	m.kill()
}

func (m *machine) end(s syscall.Signal) {
	if m.cmd == nil {
		return
	}
	m.signal(s)
	<-m.done
	m.cmd = nil
}

// said returns the log's lines that hold a word.
func (m *machine) said(word string) (found []string) {
	text, _ := os.ReadFile(filepath.Clean(m.log.Name()))
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, word) {
			found = append(found, line)
		}
	}
	return found
}
