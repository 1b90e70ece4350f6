// Command manage measures the management plane: changes of keys a second, each
// durable with its entry in the chain of activities, on SQLite and on
// PostgreSQL; how long the console's API takes; and what a storm of sign-ins
// does to signed calls. What a disk needs to keep 4 KB stands above the table,
// since no change is acknowledged before that.
//
//	go run ./bench/manage                     all of it, about a minute
//	go run ./bench/manage -postgres URL       on that server's database, which must be empty
//	go run ./bench/manage -only sqlite        one part: sqlite, postgres or storm
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"time"

	"latchkey/internal/node"
)

// settings are what the flags say.
type settings struct {
	dir      string // for everything that is written; removed at the end
	postgres string
	only     string
	role     string // what this process is; set by the program itself
	data     string // folder of a server
	callers  int
	length   time.Duration
	rounds   int
}

func main() {
	var s settings
	flag.StringVar(&s.postgres, "postgres", "", "URL of an empty database; without it a server is started in a temporary folder")
	flag.StringVar(&s.only, "only", "", "one part: sqlite, postgres or storm")
	flag.IntVar(&s.callers, "callers", 64, "that write at the same time")
	flag.DurationVar(&s.length, "length", 3*time.Second, "of one run")
	flag.IntVar(&s.rounds, "rounds", 5, "runs, of which the median counts")
	flag.StringVar(&s.role, "role", "", "what this process is; set by the program itself")
	flag.StringVar(&s.data, "data", "", "its folder; set by the program itself")
	flag.Parse()
	work := run
	if s.role == "server" {
		node.AddProcessor() // as `latchkey serve` does
		work = func(ctx context.Context, s settings) error { return serve(ctx, s.data, os.Stdin, os.Stdout) }
	}
	if err := work(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, "bench/manage:", err)
		os.Exit(1)
	}
}

// run measures the parts, and prints the table at the end.
func run(ctx context.Context, s settings) (err error) {
	if s.dir, err = os.MkdirTemp("", "latchkey-manage-"); err != nil {
		return err
	}
	defer os.RemoveAll(s.dir)
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return err
	}
	fmt.Printf("the machine: %d cores, load %s", runtime.NumCPU(), load)
	if err := floor(s.dir, s.length); err != nil {
		return err
	}
	parts := []struct {
		name string
		run  func(context.Context, settings) ([]string, error)
	}{{"sqlite", onSQLite}, {"postgres", onPostgres}, {"storm", onServer}}
	var rows []string
	for _, p := range parts {
		if s.only != "" && s.only != p.name {
			continue
		}
		more, err := p.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		rows = append(rows, more...)
	}
	fmt.Println("\n| what | measured | goal | verdict |")
	fmt.Println("|---|---|---|---|")
	for _, r := range rows {
		fmt.Println(r)
	}
	return nil
}

func row(what, measured, goal string, reached bool) string {
	verdict := "short"
	if reached {
		verdict = "pass"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", what, measured, goal, verdict)
}

// at is the value below which that part of all values lies.
func at[T int64 | float64 | time.Duration](part float64, v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[min(len(v)-1, int(part*float64(len(v))))]
}
