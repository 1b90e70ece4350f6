// Command rest measures the gateway beside other proxies on the same core, with
// the same load: requests a second, processor time of a request, and how long an
// answer takes at half load. The load comes from bench/load, in one thread on
// the other core, which is the exchange, too.
//
//	go run ./bench/rest            all peers, about five minutes
//	go run ./bench/rest -quick     fewer repetitions, about a minute
//	go run ./bench/rest -peers latchkey,fasthttp -v
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	repeat  int
	length  time.Duration
	keys    int
	conns   int
	others  float64
	peers   string
	verbose bool

	rate  float64 // requests a second of an open loop; 0: as fast as it goes, then half of it
	body  int     // bytes
	list  int     // entries of the allowlist beside the client's
	wrk   bool    // ask wrk, too
	plain bool    // JSON of what was measured in place of the table

	profile string // a file; nothing but Latchkey is measured then

	role, listen, upstream, data, folder string // of a child
}

func main() {
	var o options
	quick := flag.Bool("quick", false, "3 short repetitions in place of 7")
	flag.IntVar(&o.repeat, "repeat", 7, "repetitions, of which the median counts")
	flag.DurationVar(&o.length, "length", 1500*time.Millisecond, "of one run")
	flag.IntVar(&o.keys, "keys", 100_000, "keys in the database")
	flag.IntVar(&o.conns, "conns", 32, "connections of clients")
	flag.Float64Var(&o.others, "others", 8, "percent of a core that others may take before a run is thrown away")
	flag.StringVar(&o.peers, "peers", "", "names of peers, with commas; all when empty")
	flag.BoolVar(&o.verbose, "v", false, "tell every run on standard error")
	flag.Float64Var(&o.rate, "rate", 0, "requests a second, and nothing but this; 0 is as fast as it goes and half of that")
	flag.IntVar(&o.body, "body", 0, "bytes of a body; 0 is an ordinary order")
	flag.IntVar(&o.list, "allowlist", 1, "entries of each key's allowlist beside the client's own")
	flag.BoolVar(&o.wrk, "wrk", false, "compare requests/s of the peers without checks with what wrk counts")
	flag.BoolVar(&o.plain, "json", false, "print what was measured as JSON, without the table")
	flag.StringVar(&o.profile, "profile", "", "write a profile of the gateway into this file, and measure nothing else")
	flag.StringVar(&o.role, "role", "", "what this process is; set by the program itself")
	flag.StringVar(&o.listen, "listen", "", "of a role")
	flag.StringVar(&o.upstream, "upstream", "", "of a role")
	flag.StringVar(&o.data, "data", "", "of a role")
	flag.StringVar(&o.folder, "folder", "", "of a role")
	flag.Parse()
	if *quick {
		o.repeat, o.length = 3, time.Second
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench/rest:", err)
		stop()
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.role != "" {
		return serveRole(ctx, o)
	}
	if o.profile != "" {
		var err error
		if o.profile, err = filepath.Abs(o.profile); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b, err := newBench(ctx, o, dir)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := b.checkAll(ctx); err != nil {
		return err
	}
	if err := b.measure(ctx); err != nil {
		return err
	}
	if o.plain {
		return b.encode(os.Stdout)
	}
	if o.wrk {
		if err := b.crossCheck(ctx); err != nil {
			return err
		}
	}
	b.print()
	return nil
}

// wanted reports whether a peer was asked for.
func (o options) wanted(name string) bool {
	if o.peers == "" {
		return true
	}
	for part := range strings.SplitSeq(o.peers, ",") {
		if part == name {
			return true
		}
	}
	return false
}
