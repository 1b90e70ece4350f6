// Command ws measures the gateway's WebSocket sessions beside a raw proxy made
// with the same library: the memory of an idle session, both legs, and messages
// a second with every message judged. It starts itself again for the exchange,
// the gateway and the raw proxy, so that each is a process of its own.
//
//	go run ./bench/ws            all of it, about a minute
//	go run ./bench/ws -rounds 3  quicker and rougher
package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"syscall"
	"time"
)

func main() {
	rounds := flag.Int("rounds", 7, "pairs of runs, of which the median counts")
	length := flag.Duration("length", 2*time.Second, "of one run")
	sessions := flag.Int("sessions", 10_000, "idle sessions; fewer when descriptors are short")
	role := flag.String("role", "", "what this process is; set by the program itself")
	flag.Parse()
	roles := map[string]func() error{"exchange": exchange, "gateway": gate, "raw": raw}
	run, child := roles[*role]
	if !child {
		run = func() error { return compare(*rounds, *length, *sessions) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench/ws:", err)
		os.Exit(1)
	}
}

// compare runs everything side by side and prints the table.
func compare(rounds int, length time.Duration, sessions int) error {
	back, err := start("exchange", "")
	if err != nil {
		return err
	}
	defer back.stop()
	gateway, err := start("gateway", back.address)
	if err != nil {
		return err
	}
	defer gateway.stop()
	proxy, err := start("raw", back.address)
	if err != nil {
		return err
	}
	defer proxy.stop()

	fmt.Println("| what | gateway | raw proxy | ratio | goal | verdict |")
	fmt.Println("|---|---|---|---|---|---|")
	if err := throughput(gateway, proxy, rounds, length); err != nil {
		return err
	}
	return memory(gateway, proxy, sessions)
}

// throughput compares in pairs: what else the machine does hits both.
func throughput(gateway, proxy *process, rounds int, length time.Duration) error {
	var speeds, costs, ours, theirs []float64
	for range rounds {
		g, err := flood(gateway, true, length)
		if err != nil {
			return err
		}
		p, err := flood(proxy, false, length)
		if err != nil {
			return err
		}
		speeds, costs = append(speeds, g.rate/p.rate), append(costs, g.cost-p.cost)
		ours, theirs = append(ours, g.rate), append(theirs, p.rate)
	}
	row("messages a second and way", "%.0f", median(ours), median(theirs), median(speeds), ">= 0.90", median(speeds) >= 0.9)
	fmt.Printf("| CPU a message and way, more than the raw proxy | %.1f us | | | | |\n", median(costs)/2)
	return nil
}

// memory opens idle sessions and looks at what the processes have grown by.
func memory(gateway, proxy *process, sessions int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	// A session takes two descriptors of whoever stands in the middle.
	sessions = min(sessions, int(limit.Max-200)/2)
	g, err := idle(gateway, true, sessions)
	if err != nil {
		return err
	}
	p, err := idle(proxy, false, sessions)
	if err != nil {
		return err
	}
	row(fmt.Sprintf("KB an idle session, both legs, %d sessions", sessions), "%.1f", g, p, g/p, "<= 20 KB", g <= 20)
	return nil
}

func row(what, form string, ours, theirs, ratio float64, goal string, reached bool) {
	verdict := "short"
	if reached {
		verdict = "pass"
	}
	fmt.Printf("| %s | "+form+" | "+form+" | %.2f | %s | %s |\n", what, ours, theirs, ratio, goal, verdict)
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
