package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os/exec"
	"strings"
)

// goal compares the gateway with a peer, pair by pair: what drifts meets both.
type goal struct {
	number, what, peer string
	measure            func(pair) float64
	form               string // of a measured value, with its unit
	most               bool   // the bound is one from above, for the difference; else from below, for the ratio
	bound              float64
}

func rate(p pair) float64 { return p.full.rate() }
func cost(p pair) float64 { return p.full.cost() }
func p50(p pair) float64  { return p.half.P50 }
func p99(p pair) float64  { return p.half.P99 }

const ours = "latchkey"

var goals = []goal{
	{"P3", "requests/s beside the bare fasthttp proxy", "fasthttp", rate, "%.0f", false, 0.85},
	{"P3", "CPU us a request, more than the bare fasthttp proxy", "fasthttp", cost, "%.1f", true, 5},
	{"P3", "p50 us at half load, more than the bare fasthttp proxy", "fasthttp", p50, "%.0f", true, 15},
	{"P4", "requests/s beside HAProxy with hmac(), which checks less", "haproxy-hmac", rate, "%.0f", false, 1.2},
	{"P5", "requests/s beside nginx auth_request and a verifier", "nginx-auth", rate, "%.0f", false, 2.3},
	{"P5", "requests/s beside httputil.ReverseProxy without checks", "httputil", rate, "%.0f", false, 2.2},
}

// print writes what everybody did, then one row for each goal that could be
// measured: number, what, measured, ratio, goal, verdict.
func (b *bench) print() {
	fmt.Printf("floor, no proxy in between: %.0f requests/s, p50 %.0f us at half load\n", b.floor.full.rate(), b.floor.half.P50)
	fmt.Printf("%-34s %10s %13s %17s %17s\n", "one core, medians", "requests/s", "CPU us each", "p50 at half load", "p99 at half load")
	for _, r := range b.peers {
		fmt.Printf("%-34s %10.0f %13.1f %14.0f us %14.0f us\n", r.what, b.of(r.name, rate), b.of(r.name, cost), b.of(r.name, p50), b.of(r.name, p99))
	}
	for _, g := range goals {
		if len(b.runs[ours]) > 0 && len(b.runs[g.peer]) > 0 {
			fmt.Println(b.row(g))
		}
	}
}

// figures are what -json prints of a peer; microseconds.
type figures struct {
	Peer     string
	Rate     float64 // requests a second that were answered
	CPU      float64 // of one
	P50, P99 float64
}

// encode prints medians: of the runs at the rate that was given, else of those
// at half load.
func (b *bench) encode(to io.Writer) error {
	var out []figures
	for _, r := range b.peers {
		out = append(out, figures{r.what, b.of(r.name, func(p pair) float64 { return p.half.rate() }), b.of(r.name, func(p pair) float64 { return p.half.cost() }), b.of(r.name, p50), b.of(r.name, p99)})
	}
	return json.NewEncoder(to).Encode(out)
}

func (b *bench) row(g goal) string {
	ratio := b.paired(g.peer, func(us, them pair) float64 { return g.measure(us) / g.measure(them) })
	reached, bound := ratio >= g.bound, fmt.Sprintf(">= %g x", g.bound)
	measured := fmt.Sprintf(g.form+" : "+g.form, b.of(ours, g.measure), b.of(g.peer, g.measure))
	if g.most {
		more := b.paired(g.peer, func(us, them pair) float64 { return g.measure(us) - g.measure(them) })
		reached, bound = more <= g.bound, fmt.Sprintf("<= +%g us", g.bound)
		measured += fmt.Sprintf(", %+.1f", more)
	}
	return fmt.Sprintf("| %s | %s | %s | %.2f | %s | %s |", g.number, g.what, measured, ratio, bound, verdict(reached))
}

func verdict(reached bool) string {
	if reached {
		return "pass"
	}
	return "short"
}

// of is the median of a peer's repetitions.
func (b *bench) of(name string, what func(pair) float64) float64 {
	var v []float64
	for _, p := range b.runs[name] {
		v = append(v, what(p))
	}
	return median(v)
}

// paired is the median over repetitions of us beside another.
func (b *bench) paired(peer string, what func(us, them pair) float64) float64 {
	us, them := b.runs[ours], b.runs[peer]
	var v []float64
	for n := range min(len(us), len(them)) {
		v = append(v, what(us[n], them[n]))
	}
	if len(v) == 0 {
		return math.NaN()
	}
	return median(v)
}

// versions names what is compared; a program that cannot tell is named by its
// error, since without it nothing was compared either.
func (b *bench) versions() string {
	var parts []string
	seen := map[string]bool{}
	for _, r := range b.peers {
		if r.needs == "" || seen[r.needs] {
			continue
		}
		seen[r.needs] = true
		text, err := exec.Command(r.cmds[len(r.cmds)-1].Args[3], "-v").CombinedOutput()
		first, _, _ := strings.Cut(string(text), "\n")
		if err != nil {
			first = r.needs + ": " + err.Error()
		}
		parts = append(parts, strings.TrimPrefix(first, "nginx version: "))
	}
	return strings.Join(parts, "; ")
}
