// Command bench measures everything that has a goal and prints one table: the
// number of the goal, what it is about, what was measured, the ratio where it
// is one, the goal, and whether it was reached. That it was not is no failure
// of the measurement: the exit status is 1 only when something could not be
// measured, and the table then lacks it.
//
//	make bench          about ten minutes, on a machine that does nothing else
//	make bench-quick    rougher, under two minutes
//	go run ./bench -only rest -v
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// part is a program beside this one.
type part struct {
	name  string
	goal  string   // of rows that do not name their own
	full  []string // arguments
	quick []string
	long  bool // left out when it has to be quick
}

var parts = []part{
	{name: "keys", full: []string{}, quick: []string{"-keys", "100000", "-rounds", "3"}},
	{name: "rest", full: []string{"-repeat", "5", "-length", "1500ms"}, quick: []string{"-quick", "-peers", "latchkey,fasthttp,nginx-auth,haproxy-hmac,httputil"}},
	{name: "ws", goal: "P6", full: []string{"-rounds", "5"}, quick: []string{"-rounds", "3", "-length", "500ms", "-sessions", "2000"}},
	{name: "cluster", goal: "P7", full: []string{"-changes", "1000"}, quick: []string{"-changes", "100"}},
	{name: "manage", goal: "P8", full: []string{}, long: true},
}

// settings are the flags.
type settings struct {
	quick, verbose bool
	only           string
	others         float64
}

func main() {
	var s settings
	flag.BoolVar(&s.quick, "quick", false, "fewer and shorter runs")
	flag.BoolVar(&s.verbose, "v", false, "tell every run of the proxies on standard error")
	flag.StringVar(&s.only, "only", "", "parts, with commas: keys, rest, ws, cluster, manage")
	flag.Float64Var(&s.others, "others", 8, "percent of a core that others may take before a run of the proxies is thrown away")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	fmt.Println(machine())
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	chosen, err := s.chosen()
	if err != nil {
		return err
	}
	var t table
	var failed []error
	for _, p := range chosen {
		begin := time.Now()
		if err := p.run(ctx, s, dir, &t); err != nil {
			failed = append(failed, fmt.Errorf("%s could not be measured: %w", p.name, err))
		}
		fmt.Fprintf(os.Stderr, "bench/%s took %.0f s\n", p.name, time.Since(begin).Seconds())
	}
	t.print(os.Stdout)
	return errors.Join(failed...)
}

// chosen are the parts that were asked for.
func (s settings) chosen() ([]part, error) {
	var out []part
	for name := range strings.SplitSeq(s.only, ",") {
		found := name == ""
		for _, p := range parts {
			if name == p.name || name == "" && !(s.quick && p.long) {
				out, found = append(out, p), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no part %q", name)
		}
	}
	return out, nil
}

// run builds a part, runs it, and takes its rows; what else it says is passed on.
func (p part) run(ctx context.Context, s settings, dir string, t *table) error {
	program := filepath.Join(dir, p.name)
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", program, "./bench/"+p.name).CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	args := p.full
	if s.quick {
		args = p.quick
	}
	if p.name == "rest" {
		args = append(args, "-others", fmt.Sprint(s.others), fmt.Sprintf("-v=%v", s.verbose))
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it removes what it made
	cmd.WaitDelay = 20 * time.Second
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	fmt.Printf("\n== %s\n", p.name)
	before := len(t.rows)
	reading := t.read(os.Stdout, out, p.goal)
	if err := errors.Join(reading, cmd.Wait()); err != nil {
		return err
	}
	if len(t.rows) == before {
		return errors.New("it printed no row")
	}
	return nil
}

// read takes the rows out of what a part prints, and prints the rest.
func (t *table) read(to io.Writer, from io.Reader, goal string) error {
	lines := bufio.NewScanner(from)
	for lines.Scan() {
		line := lines.Text()
		if t.take(line, goal) || verdicts.MatchString(line) {
			continue
		}
		if strings.HasPrefix(line, "|") {
			line = plain(line)
		}
		if line != "" {
			fmt.Fprintln(to, line)
		}
	}
	return lines.Err()
}
