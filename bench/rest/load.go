package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The cores: one for the peer, one for the load.
const (
	peerCore = "0"
	loadCore = "1"
)

// outcome is what bench/load prints; times in microseconds, processor time in
// seconds.
type outcome struct {
	Requests  float64
	Seconds   float64
	CPU       float64
	Others    float64
	P50       float64
	P90       float64
	P99       float64
	Served    int
	Exhausted bool
	Status    map[string]int
}

func (o outcome) rate() float64 { return o.Requests / o.Seconds }

// cost is processor microseconds of a request.
func (o outcome) cost() float64 { return o.CPU / o.Requests * 1e6 }

// all reports whether every answer had one status.
func (o outcome) all(status int) bool {
	return len(o.Status) == 1 && o.Status[strconv.Itoa(status)] > 0
}

// loader is bench/load at work: the exchange, and the clients of one run after
// the other.
type loader struct {
	upstream int // port
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
}

// startLoad compiles and starts the generator on its core.
func startLoad(ctx context.Context, dir string) (*loader, error) {
	program, err := buildLoad(ctx, dir)
	if err != nil {
		return nil, err
	}
	l := &loader{}
	if l.upstream, err = freePort(); err != nil {
		return nil, err
	}
	l.cmd = exec.CommandContext(ctx, "taskset", "-c", loadCore, program, strconv.Itoa(l.upstream))
	l.cmd.Stderr = os.Stderr
	if l.in, err = l.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	l.out = bufio.NewReader(out)
	return l, l.cmd.Start()
}

// stop ends it; that it was ended is no error.
func (l *loader) stop() {
	_ = l.in.Close()
	_ = l.cmd.Wait()
}

// job is one run; see bench/load for its parts.
type job struct {
	to, conns    int
	file         string
	length, warm time.Duration
	rate         float64 // 0: as fast as it goes
	once         bool    // each request of the file once
	pids         []int   // whose processor time counts
}

func (l *loader) run(j job) (outcome, error) {
	line := fmt.Sprintf("to=%d file=%s conns=%d time=%.3f warm=%.3f rate=%.1f count=%d", j.to, j.file, j.conns, j.length.Seconds(), j.warm.Seconds(), j.rate, btoi(j.once))
	for _, pid := range j.pids {
		line += fmt.Sprint(" pid=", pid)
	}
	if _, err := fmt.Fprintln(l.in, line); err != nil {
		return outcome{}, fmt.Errorf("bench/load: %w", err)
	}
	text, err := l.out.ReadBytes('\n')
	if err != nil {
		return outcome{}, fmt.Errorf("bench/load ended: %w", err)
	}
	var o outcome
	err = json.Unmarshal(text, &o)
	return o, err
}

// buildLoad compiles the generator.
func buildLoad(ctx context.Context, dir string) (string, error) {
	out := filepath.Join(dir, "load")
	source, err := packageFile(ctx, "bench/load/load.c")
	if err != nil {
		return "", err
	}
	text, err := exec.CommandContext(ctx, "gcc", "-O2", "-Wall", "-o", out, source, "-lm").CombinedOutput()
	if errors.Is(err, exec.ErrNotFound) {
		return "", errors.New("gcc is missing, which compiles the load generator; on Debian: sudo apt-get install gcc libc6-dev")
	}
	if err != nil {
		return "", fmt.Errorf("gcc: %w\n%s", err, text)
	}
	return out, nil
}

// packageFile is the path of a file of this module, wherever we were started.
func packageFile(ctx context.Context, name string) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	return filepath.Join(filepath.Dir(strings.TrimSpace(string(mod))), name), nil
}
