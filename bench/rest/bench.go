package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"latchkey/bench/fixture"
)

// bench is everything that runs side by side.
type bench struct {
	options
	dir, self, latchkey string
	data                *fixture.Data
	load                *loader
	signer              *signer
	peers               []*running
	runs                map[string][]pair
	floor               pair
}

// pair is one repetition of one peer: as fast as it can, and at half of that.
type pair struct{ full, half outcome }

// newBench builds, fills and starts everything.
func newBench(ctx context.Context, o options, dir string) (_ *bench, err error) {
	b := &bench{options: o, dir: dir, runs: map[string][]pair{}}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	if b.latchkey, err = build(ctx, dir); err != nil {
		return nil, err
	}
	if b.load, err = startLoad(ctx, dir); err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return nil, err
	}
	if b.data, err = fixture.Fill(ctx, data, o.keys, allowlist(o.list)); err != nil {
		return nil, err
	}
	if err := b.writeMap(); err != nil {
		return nil, err
	}
	b.signer = &signer{dir: dir, keys: b.data.Keys, size: o.body}
	all := peers()
	if o.profile != "" {
		all = []*peer{profiledPeer(o)}
	}
	for _, p := range all {
		if o.profile == "" && !o.wanted(p.name) {
			continue
		}
		r, err := b.start(ctx, p)
		if err != nil {
			b.stop()
			return nil, err
		}
		b.peers = append(b.peers, r)
	}
	return b, nil
}

func (b *bench) stop() {
	for _, r := range b.peers {
		r.stop()
	}
	b.load.stop()
}

// measure takes all repetitions, all peers in each, so that what else happens on
// the machine meets all of them.
func (b *bench) measure(ctx context.Context) error {
	if !b.plain {
		fmt.Println(b.versions())
		if err := b.echo(); err != nil {
			return err
		}
	}
	for n := range b.repeat {
		for _, r := range b.peers {
			if err := b.check(ctx, r); err != nil {
				return err
			}
			p, err := b.repetition(ctx, r)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name, err)
			}
			b.runs[r.name] = append(b.runs[r.name], p)
			b.say("%d %-14s %7.0f/s %6.2f us CPU, at half load p50 %5.0f p99 %6.0f us, %5.2f us CPU", n+1, r.name, p.full.rate(), p.full.cost(), p.half.P50, p.half.P99, p.half.cost())
		}
	}
	return nil
}

func (b *bench) repetition(ctx context.Context, r *running) (p pair, err error) {
	if b.rate > 0 {
		p.half, err = b.try(ctx, r, b.rate)
		return p, err
	}
	if p.full, err = b.try(ctx, r, 0); err != nil {
		return p, err
	}
	p.half, err = b.try(ctx, r, p.full.rate()/2)
	return p, err
}

// echo measures the load alone: its clients are connected to its own exchange.
func (b *bench) echo() (err error) {
	j := job{to: b.load.upstream, conns: min(b.conns, 32), length: b.length, warm: b.warm()}
	for _, o := range []*outcome{&b.floor.full, &b.floor.half} {
		if j.file, err = b.signer.file("requests", int(echoRate*(b.length+b.warm()).Seconds())); err != nil {
			return err
		}
		if *o, err = b.load.run(j); err != nil {
			return err
		}
		j.rate = o.rate() / 2
	}
	return nil
}

// echoRate is more than the load can do by itself.
const echoRate = 250_000

// How often a run is repeated when others were busy, and what it waits for.
const (
	tries = 12
	pause = 500 * time.Millisecond
)

// warm is the part of a run that does not count: connections open, caches fill.
// A system takes some thousand new connections a second, what is more has to
// knock again after a second.
func (b *bench) warm() time.Duration {
	return 300*time.Millisecond + time.Duration(b.conns/2500)*time.Second
}

// try measures until the machine was ours.
func (b *bench) try(ctx context.Context, r *running, rate float64) (outcome, error) {
	var others float64
	for range tries {
		o, err := b.once(ctx, r, rate)
		if err != nil {
			return o, err
		}
		if others = o.Others / o.Seconds * 100; others <= b.others {
			return o, nil
		}
		b.say("  %s: others took %.0f %% of a core; again", r.name, others)
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return outcome{}, ctx.Err()
		}
	}
	return outcome{}, fmt.Errorf("others took %.0f %% of a core, and at least %.0f %% in %d runs; stop what else runs on this machine", others, b.others, tries)
}

// mostRate is more than any peer does on one core.
const mostRate = 110_000

func (b *bench) once(ctx context.Context, r *running, rate float64) (outcome, error) {
	j := job{to: r.port, conns: b.conns, length: b.length, warm: b.warm(), rate: rate, pids: r.pids()}
	count := mostRate
	if rate > 0 {
		count = int(rate*1.2) + 2000
	}
	b.signer.bodyless = r.bodyless
	var err error
	if j.file, err = b.signer.file("requests", int(float64(count)*(b.length+b.warm()).Seconds())); err != nil {
		return outcome{}, err
	}
	o, err := b.load.run(j)
	switch {
	case err != nil:
		return o, err
	case r.settle(ctx) != nil:
		return o, ctx.Err()
	case !o.all(200):
		return o, fmt.Errorf("answers by status: %v", o.Status)
	case o.Exhausted || o.Requests == 0:
		return o, fmt.Errorf("%.0f requests were counted and the signed ones did not last", o.Requests)
	}
	return o, nil
}

// checkAll makes sure of what is compared before anything counts.
func (b *bench) checkAll(ctx context.Context) error {
	for _, r := range b.peers {
		if err := b.check(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// check shows that a peer passes what is right, and refuses what it says that
// it refuses.
func (b *bench) check(ctx context.Context, r *running) error {
	const some = 20
	send := func(what string, spoil func(*request), want int, again bool) error {
		b.signer.bodyless, b.signer.spoil = r.bodyless, spoil
		file, err := b.signer.file("checks", some)
		b.signer.spoil = nil
		if err != nil {
			return err
		}
		var o outcome
		for range 1 + btoi(again) {
			if o, err = b.load.run(job{to: r.port, conns: 1, file: file, length: 10 * time.Second, once: true}); err != nil {
				return err
			}
		}
		passed := 0
		if want == 200 {
			passed = some
		}
		if !o.all(want) || o.Status[fmt.Sprint(want)] != some || o.Served != passed {
			return fmt.Errorf("%s: %s must be answered with %d, but the answers are %v, and %d requests reached the exchange", r.name, what, want, o.Status, o.Served)
		}
		return nil
	}
	if err := send("a signed request", nil, 200, false); err != nil || r.refuses == nil {
		return err
	}
	spoil := [checks]func(*request){wrong: wrongSignature, changed: changedBody}
	for n, what := range [checks]string{"a wrong signature", "a changed body", "a request that was seen"} {
		if r.refuses[n] == 0 {
			continue
		}
		if err := send(what, spoil[n], r.refuses[n], n == replayed); err != nil {
			return err
		}
	}
	return nil
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (b *bench) say(form string, args ...any) {
	if b.verbose {
		fmt.Fprintf(os.Stderr, form+"\n", args...)
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}
