package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"
)

// peer is a proxy that is measured. Its files are templates over place.
type peer struct {
	name    string
	what    string
	command func(p place) []string
	config  string // of its configuration file; see place.Config
	beside  *peer  // another process that it needs, whose time counts too
	needs   string // a Debian package
	env     func(place) []string

	refuses  []int // answers to a wrong signature, a changed body, a replay; 0: it makes no such check
	bodyless bool  // see signer
}

// What is checked before each set, in the order of refuses.
const (
	wrong = iota
	changed
	replayed
	checks
)

// place is where a peer runs.
type place struct {
	Dir, Self, Latchkey string
	Port, Upstream      int // on the loopback address
	Beside              int // port of the other process
	Log                 string
}

// Config is the path of the peer's configuration file.
func (p place) Config() string { return filepath.Join(p.Dir, "peer.conf") }

// Data is the data folder with the keys; Map has them as HAProxy reads them.
func (p place) Data() string { return filepath.Join(filepath.Dir(p.Dir), "data") }
func (p place) Map() string  { return filepath.Join(filepath.Dir(p.Dir), "keys.map") }

func (p place) role(name string) []string {
	return []string{p.Self, "-role", name, "-listen", local(p.Port), "-upstream", local(p.Upstream), "-data", p.Map()}
}

func local(port int) string { return "127.0.0.1:" + strconv.Itoa(port) }

// running is a peer with its processes.
type running struct {
	*peer
	port int
	cmds []*exec.Cmd
	err  *bytes.Buffer

	ended []chan struct{} // of each
}

// start starts a peer on its core and waits until it listens.
func (b *bench) start(ctx context.Context, p *peer) (*running, error) {
	r := &running{peer: p, err: &bytes.Buffer{}}
	at := place{Dir: filepath.Join(b.dir, p.name), Self: b.self, Latchkey: b.latchkey, Upstream: b.load.upstream}
	if err := os.MkdirAll(at.Dir, 0o700); err != nil {
		return nil, err
	}
	if p.beside != nil {
		beside, err := b.start(ctx, p.beside)
		if err != nil {
			return nil, err
		}
		r.cmds, r.ended, at.Beside = beside.cmds, beside.ended, beside.port
	}
	var err error
	if at.Port, err = freePort(); err != nil {
		return nil, err
	}
	r.port = at.Port
	if err := at.write(p.config); err != nil {
		return nil, err
	}
	args := p.command(at)
	if _, err := exec.LookPath(args[0]); err != nil {
		return nil, fmt.Errorf("%s is missing; on Debian: sudo apt-get install %s", args[0], p.needs)
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", peerCore}, args...)...)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if p.env != nil {
		cmd.Env = append(cmd.Env, p.env(at)...)
	}
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	cmd.Stderr = r.err
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	r.cmds = append(r.cmds, cmd)
	ended := make(chan struct{})
	r.ended = append(r.ended, ended)
	go func() {
		_ = cmd.Wait() // its last words say more
		close(ended)
	}()
	return r, r.listens(ctx, ended)
}

func (p place) write(config string) error {
	if config == "" {
		return nil
	}
	t, err := template.New("config").Parse(config)
	if err != nil {
		return err
	}
	var out strings.Builder
	if err := t.Execute(&out, p); err != nil {
		return err
	}
	return os.WriteFile(p.Config(), []byte(out.String()), 0o600)
}

// listens waits for the port to open.
func (r *running) listens(ctx context.Context, ended <-chan struct{}) error {
	for {
		if conn, err := net.Dial("tcp", local(r.port)); err == nil {
			return conn.Close()
		}
		select {
		case <-ended:
			r.stop()
			return fmt.Errorf("%s does not start: %s", r.name, r.err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// stop ends the processes; that they were ended is no error.
func (r *running) stop() {
	for _, cmd := range r.cmds {
		_ = cmd.Process.Signal(os.Interrupt)
	}
	for n, ended := range r.ended {
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = r.cmds[n].Process.Kill()
			<-ended
		}
	}
}

// pids are the processes. taskset becomes what it starts, so each is one.
func (r *running) pids() []int {
	var pids []int
	for _, cmd := range r.cmds {
		pids = append(pids, cmd.Process.Pid)
	}
	return pids
}

// settle waits until a peer has finished what a run left it to do, such as
// writing down which keys were used: the next one must not pay for that.
func (r *running) settle(ctx context.Context) error {
	const look, most = 200 * time.Millisecond, 50
	before := r.cpu()
	for range most {
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return ctx.Err()
		}
		used := r.cpu() - before
		if before += used; used <= look/20 {
			return nil
		}
	}
	return nil // it never rests; what it takes counts as taken by others
}

// cpu is the processor time that a peer has used so far, to a hundredth of a
// second (proc(5): utime and stime). A process that has ended counts no more;
// the next run fails by that.
func (r *running) cpu() (sum time.Duration) {
	for _, pid := range r.pids() {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, field := range fields[11:13] {
			ticks, err := strconv.Atoi(field)
			if err == nil {
				sum += time.Duration(ticks) * 10 * time.Millisecond
			}
		}
	}
	return sum
}

// freePort finds a port that nobody has.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	return l.Addr().(*net.TCPAddr).Port, l.Close()
}

// writeMap writes the secrets for HAProxy, which takes them in base64.
func (b *bench) writeMap() error {
	var out bytes.Buffer
	for _, k := range b.data.Keys {
		fmt.Fprintf(&out, "%s %s\n", k.ID, base64.StdEncoding.EncodeToString([]byte(k.Secret.Reveal())))
	}
	return os.WriteFile(filepath.Join(b.dir, "keys.map"), out.Bytes(), 0o600)
}

// build compiles the product as it ships.
func build(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(dir, "program")
	root, err := packageFile(ctx, ".")
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-o", out, "./cmd/latchkey")
	cmd.Dir = root
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", errors.Join(err, errors.New(string(text)))
	}
	return out, nil
}
