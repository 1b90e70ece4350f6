// Command keys measures a gateway with many keys: the time from opening the
// database to the first verdict, the memory of a key, and what a call costs among
// few keys and among many. It makes the database first.
//
//	go run ./bench/keys                      a million keys on SQLite
//	go run ./bench/keys -database postgres   on a PostgreSQL in a temporary folder
//	go run ./bench/keys -database URL        on that one; the database must be empty
//	go run ./bench/keys -keys 100000         fewer
//
// Times of calls are of the processor, of the one thread that makes them: what
// else the machine does is not in them. The start is by the clock on the wall,
// and wants a machine that does nothing else.
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"latchkey/internal/testenv/postgres"
)

type settings struct {
	database string
	keys     int
	rounds   int
}

func main() {
	var s settings
	flag.IntVar(&s.keys, "keys", 1_000_000, "keys in the database")
	flag.StringVar(&s.database, "database", "sqlite", "sqlite, postgres, or the URL of an empty database")
	flag.IntVar(&s.rounds, "rounds", 5, "how often each thing is measured; the median counts")
	flag.Parse()
	if err := run(context.Background(), s); err != nil {
		fmt.Fprintln(os.Stderr, "bench/keys:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := &data{url: s.database, keyset: filepath.Join(dir, "keyset.json")}
	switch s.database {
	case "sqlite":
		d.url = "sqlite:" + filepath.Join(dir, "latchkey.db")
	case "postgres":
		server, err := postgres.Start()
		if err != nil {
			return err
		}
		defer server.Stop()
		d.url = server.URL("postgres")
	}
	if err := d.fill(ctx, s.keys); err != nil {
		return fmt.Errorf("fill the database: %w", err)
	}
	begun, err := d.starts(ctx, s)
	if err != nil {
		return err
	}
	called, err := d.costs(ctx, s)
	if err != nil {
		return err
	}
	engine, _, _ := strings.Cut(d.url, ":")
	fmt.Printf("%s, %d keys, %s, %d processors, median of %d\n\n", engine, s.keys, runtime.Version(), runtime.GOMAXPROCS(0), s.rounds)
	fmt.Println("| what | measured | goal | verdict |")
	fmt.Println("|---|---|---|---|")
	for _, r := range append(begun, called...) {
		fmt.Println(r)
	}
	return nil
}

// row is one line of the table.
func row(what, measured, goal string, reached bool) string {
	verdict := "short"
	if reached {
		verdict = "pass"
	}
	return fmt.Sprintf("| %s | %s | %s | %s |", what, measured, goal, verdict)
}

// median of some measurements.
func median[T cmp.Ordered](v []T) T {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

// starts measures the start.
func (d *data) starts(ctx context.Context, s settings) ([]string, error) {
	var took, works []time.Duration
	var sizes []float64
	for range s.rounds {
		t, work, bytes, err := d.start(ctx, s.keys)
		if err != nil {
			return nil, err
		}
		took, works, sizes = append(took, t), append(works, work), append(sizes, bytes)
	}
	start, size := median(took), median(sizes)
	d.size = size
	return []string{
		row(fmt.Sprintf("P9: start with %d keys to the first verdict", s.keys),
			fmt.Sprintf("%.2f s, %.2f s of the processors", start.Seconds(), median(works).Seconds()), "<= 5 s", start <= 5*time.Second),
		row("P2: memory of a key", fmt.Sprintf("%.0f B", size), "<= 256 B", size <= 256),
	}, nil
}
