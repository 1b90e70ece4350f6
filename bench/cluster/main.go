// Command cluster measures how fast a change of a key holds everywhere: from
// its commit until another gateway node decides by it, and until the owner has
// the receipt that every node does. It starts a PostgreSQL, a console and two
// gateway nodes, all of them real processes.
//
//	go run ./bench/cluster                a thousand changes, about a minute
//	go run ./bench/cluster -changes 100   fewer
//
// PostgreSQL does not wait for its disk here (fsync=off): what a disk takes is
// measured by bench/manage, and comes before the commit.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"
)

func main() {
	changes := flag.Int("changes", 1000, "changes of a key")
	gateways := flag.Int("gateways", 2, "gateway nodes beside the console's own")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *changes, *gateways); err != nil {
		fmt.Fprintln(os.Stderr, "bench/cluster:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, changes, gateways int) error {
	dir, err := os.MkdirTemp("", "lkc") // a socket's path must be short
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	f, err := newFleet(ctx, dir, gateways)
	if err != nil {
		return err
	}
	defer f.stop()
	enforced, err := f.measure(ctx, changes)
	if err != nil {
		return err
	}
	receipts, err := f.receipts(ctx, changes)
	if err != nil {
		return err
	}
	nodes := fmt.Sprintf("%d nodes, %d changes", gateways+1, changes)
	row("P7: commit to enforced on another node, p50, "+nodes, at(0.5, enforced), 2*time.Millisecond)
	row("P7: the same, p99", at(0.99, enforced), 10*time.Millisecond)
	row("P7: the owner's receipt that all nodes enforce it, p99", at(0.99, receipts), 100*time.Millisecond)
	fmt.Printf("receipt p50 %s\n", at(0.5, receipts).Round(10*time.Microsecond))
	return nil
}

func row(what string, measured, most time.Duration) {
	verdict := "short"
	if measured <= most {
		verdict = "pass"
	}
	fmt.Printf("| %s | %s | <= %s | %s |\n", what, measured.Round(10*time.Microsecond), most, verdict)
}

// at is the value below which that part of all lies.
func at(part float64, v []time.Duration) time.Duration {
	v = slices.Sorted(slices.Values(v))
	return v[min(len(v)-1, int(part*float64(len(v))))]
}
