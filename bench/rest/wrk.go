package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// script makes wrk send what bench/load sends, but for the signatures: it knows
// one request only. So it can ask none but the peers that check nothing.
const script = `wrk.method = "POST"
wrk.body = '%s'
wrk.headers["Content-Type"] = "application/json"
wrk.headers["X-AGGR-KEY"] = "lk_00000000000000000000"
wrk.headers["X-AGGR-TIMESTAMP"] = "1700000000"
wrk.headers["X-AGGR-SIGNATURE"] = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
`

var perSecond = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// crossCheck measures requests a second once more with a program that others
// wrote. It shares its core with the exchange, as bench/load does.
func (b *bench) crossCheck(ctx context.Context) error {
	path := filepath.Join(b.dir, "wrk.lua")
	if err := os.WriteFile(path, fmt.Appendf(nil, script, order(0, b.body)), 0o600); err != nil {
		return err
	}
	for _, r := range b.peers {
		if r.refuses != nil {
			continue
		}
		text, err := exec.CommandContext(ctx, "taskset", "-c", loadCore, "wrk", "-t1", "-c"+strconv.Itoa(b.conns), "-d2s", "-s", path, "http://"+local(r.port)+"/api/rest/"+action).CombinedOutput()
		if err != nil {
			return fmt.Errorf("wrk: %w (on Debian: sudo apt-get install wrk)\n%s", err, text)
		}
		if found := perSecond.FindSubmatch(text); found != nil {
			fmt.Printf("wrk: %s: %s requests/s, bench/load: %.0f\n", r.what, found[1], b.of(r.name, rate))
		}
	}
	return nil
}
