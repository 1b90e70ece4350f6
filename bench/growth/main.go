// Command growth measures what a request costs as something grows: the number
// of keys, of connections, the size of a body, the length of an allowlist. It
// runs bench/rest at a steady rate for each point, the gateway beside the bare
// proxy of the same stack, and draws one chart for each.
//
//	go run ./bench/growth                         about 15 minutes; writes docs/performance.svg
//	go run ./bench/growth -only connections -o x.svg
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
)

// axis is what grows.
type axis struct {
	name   string // as in -only
	title  string
	flag   string // of bench/rest
	points []float64
	unit   string
	others []string // flags that stay the same
}

var axes = []axis{
	{"keys", "keys, 20,000 requests/s", "-keys", []float64{1000, 10_000, 100_000, 1_000_000}, "", []string{"-rate", "20000"}},
	{"connections", "connections, 20,000 requests/s", "-conns", []float64{32, 100, 320, 1000, 3200, 10_000}, "", []string{"-rate", "20000", "-keys", "10000"}},
	{"body", "bytes of a body, 2,000 requests/s", "-body", []float64{137, 500, 2000, 8000, 32_000, 64_000}, " B", []string{"-rate", "2000", "-keys", "10000"}},
	{"allowlist", "entries of an allowlist, 20,000 requests/s", "-allowlist", []float64{1, 3, 10, 30, 100, 300, 999}, "", []string{"-rate", "20000", "-keys", "10000"}},
}

// figures are what bench/rest prints of a peer.
type figures struct {
	Peer     string
	CPU, P50 float64 // microseconds of a request
}

// settings are the flags.
type settings struct {
	out, only string
	repeat    int
	others    float64
}

func main() {
	var s settings
	flag.StringVar(&s.out, "o", "docs/performance.svg", "file to write")
	flag.StringVar(&s.only, "only", "", "one chart: keys, connections, body or allowlist")
	flag.IntVar(&s.repeat, "repeat", 5, "runs of each point, of which the median counts")
	flag.Float64Var(&s.others, "others", 8, "percent of a core that others may take before a run is thrown away")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "bench/growth:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp("", "latchkey-growth-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	rest := filepath.Join(dir, "rest")
	if text, err := exec.CommandContext(ctx, "go", "build", "-o", rest, "latchkey/bench/rest").CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, text)
	}
	var charts []chart
	for _, a := range axes {
		if s.only != "" && s.only != a.name {
			continue
		}
		c := chart{title: a.title, unit: a.unit}
		for _, point := range a.points {
			peers, err := a.measure(ctx, rest, s, point)
			if err != nil {
				return fmt.Errorf("%s %g: %w", a.name, point, err)
			}
			for n, f := range peers {
				if n == len(c.lines) {
					c.lines = append(c.lines, line{name: f.Peer})
				}
				c.lines[n].points = append(c.lines[n].points, xy{point, f.CPU})
				fmt.Printf("%-12s %9g  %-24s %7.1f us CPU, p50 %6.0f us\n", a.name, point, f.Peer, f.CPU, f.P50)
			}
		}
		charts = append(charts, c)
	}
	if len(charts) == 0 {
		return fmt.Errorf("there is no chart %q", s.only)
	}
	return os.WriteFile(s.out, []byte(draw(charts)), 0o644)
}

// measure is one point.
func (a axis) measure(ctx context.Context, rest string, s settings, point float64) ([]figures, error) {
	args := append([]string{"-json", "-peers", "latchkey,fasthttp", "-repeat", strconv.Itoa(s.repeat), "-others", fmt.Sprint(s.others), a.flag, strconv.FormatFloat(point, 'f', 0, 64)}, a.others...)
	cmd := exec.CommandContext(ctx, rest, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it removes what it made
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	var out []figures
	return out, json.Unmarshal(text, &out)
}
