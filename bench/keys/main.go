// Command keys measures a gateway's start with many keys: the time from opening
// the database to the first verdict, and the memory of a key. It makes the
// database first, in a temporary folder.
//
//	go run ./bench/keys               a million keys on SQLite
//	go run ./bench/keys -keys 100000  fewer
package main

import (
	"context"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

func main() {
	keys := flag.Int("keys", 1_000_000, "keys in the database")
	flag.Parse()
	if err := run(context.Background(), *keys); err != nil {
		fmt.Fprintln(os.Stderr, "bench/keys:", err)
		os.Exit(1)
	}
}

// client is where the call comes from that gets the first verdict.
var client = netip.MustParseAddr("192.0.2.7")

func run(ctx context.Context, keys int) error {
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	d := data{url: "sqlite:" + filepath.Join(dir, "latchkey.db"), keyset: filepath.Join(dir, "keyset.json")}
	if err := d.fill(ctx, keys); err != nil {
		return err
	}
	took, bytes, err := d.start(ctx, keys)
	if err != nil {
		return err
	}
	fmt.Println("| what | measured | goal | verdict |")
	fmt.Println("|---|---|---|---|")
	row(fmt.Sprintf("start with %d keys to the first verdict", keys), took.Round(10*time.Millisecond).String(), "<= 5 s", took <= 5*time.Second)
	row("memory of a key", fmt.Sprintf("%.0f B", bytes), "<= 256 B", bytes <= 256)
	return nil
}

func row(what, measured, goal string, reached bool) {
	verdict := "short"
	if reached {
		verdict = "pass"
	}
	fmt.Printf("| %s | %s | %s | %s |\n", what, measured, goal, verdict)
}
