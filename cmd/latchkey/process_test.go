package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// readyLimit is how long a server may take until it says that it is ready.
const readyLimit = 30 * time.Second

// readyWords are what each long-running command prints when it is ready.
var readyWords = map[string]string{
	"serve":   "Latchkey serves.",
	"demo":    "A bot's call",
	"sandbox": "sandbox exchange on",
	"watch":   "Ctrl-C ends it",
}

// process is the program under test, running as a process of its own.
type process struct {
	cmd  *exec.Cmd
	said *watcher
	done chan struct{} // closed when it has ended; then err is set
	err  error
}

// launch starts a command whose Args[1] is one of readyWords, and waits until
// it is ready. Its output goes to out and err.
func launch(cmd *exec.Cmd, out, err io.Writer) (*process, error) {
	p := &process{cmd: cmd, done: make(chan struct{}), said: &watcher{word: readyWords[cmd.Args[1]], found: make(chan struct{})}}
	var complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(out, p.said), io.MultiWriter(err, &complaint) // out first: it is read as soon as p is ready
	if cmd.Args[1] == "watch" {                                                           // its output is the pushes
		cmd.Stdout, cmd.Stderr = out, io.MultiWriter(err, &complaint, p.said)
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	select {
	case <-p.said.found:
		return p, nil
	case <-p.done:
		return nil, fmt.Errorf("%s ended before it was ready: %w\n%s", cmd.Args[1], p.err, complaint.Bytes())
	case <-time.After(readyLimit):
		p.kill()
		return nil, fmt.Errorf("%s was not ready after %s\n%s", cmd.Args[1], readyLimit, complaint.Bytes())
	}
}

// kill ends the process as a loss of power would: nothing is finished.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended by itself
	<-p.done
}

// stop asks the process to end and returns its exit code.
func (p *process) stop() (int, error) {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, err
	}
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(readyLimit):
		p.kill()
		return 0, errors.New("it did not stop when asked to, and was killed")
	}
}

// urls are the addresses that the ready line of serve or sandbox names:
// "console http://... gateway http://...".
func (p *process) urls() map[string]string {
	urls, before := map[string]string{}, ""
	for _, word := range strings.Fields(p.said.text()) {
		if strings.Contains(word, "://") {
			if urls[before] != "" {
				before += "_tls" // "gateway http://... https://..."
			}
			urls[before] = word
			continue
		}
		before = word
	}
	return urls
}

// ends waits until the process ends by itself and returns its exit code.
func (p *process) ends() (int, error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-time.After(patience):
		p.kill()
		return 0, errors.New("it went on, and was killed")
	}
}

// watcher finds the line with a word in what is written to it.
type watcher struct {
	word  string
	found chan struct{} // closed when the whole line is there

	mu   sync.Mutex
	seen bytes.Buffer
}

// Write looks for the word. Once it was found, nothing more is kept.
func (w *watcher) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.found:
		return len(p), nil
	default:
	}
	w.seen.Write(p)
	if _, rest, ok := strings.Cut(w.seen.String(), w.word); ok && strings.Contains(rest, "\n") {
		close(w.found)
	}
	return len(p), nil
}

func (w *watcher) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.seen.String()
}
