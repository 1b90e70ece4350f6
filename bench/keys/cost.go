package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// window is how far a timestamp may lie from the clock.
const window = 20 * time.Second

var (
	// client is where the calls come from.
	client = netip.MustParseAddr("192.0.2.7")
	read   = &latchkey.Action{Name: "get_my_orders", Permission: latchkey.Read, Cost: 5, REST: true}
)

// call is what a bot needs to make one.
type call struct {
	key    string
	secret latchkey.Secret
}

// signed is the call as the gateway reads it.
func (c call) signed(at time.Time) verify.Request {
	stamp := signature.Timestamp(at)
	mac := signature.SignREST([]byte(c.secret.Reveal()), read.Name, stamp, body)
	signed, err := signature.ParseREST([]byte(c.key), []byte(stamp), []byte(mac), []byte(read.Name), body)
	return verify.Request{Signed: signed, Malformed: err != nil, Action: read, Addr: client}
}

// body makes the signed text about 140 bytes long.
var body = []byte(`{"symbol":"BTC/USD","side":"buy","type":"limit","amount":"0.01000000","price":"64000.00","client":"bot-1"}`)

// checker is one of a node that is alone, with points that do not run out.
func checker(table *verify.Table, now time.Time) *verify.Checker {
	return verify.New(verify.Config{
		Table: table, Ledger: cluster.NewLocal(cluster.LocalConfig{Window: window, Room: 1 << 26}),
		Window: window, Points: math.MaxInt, PublicPoints: 100, Now: func() time.Time { return now },
	})
}

// crowd is a table of so many keys, and a call of each.
type crowd struct {
	keys  int
	table *verify.Table
	calls []verify.Request
	full  *verify.Checker // every check
	bare  *verify.Checker // without the ledger
	// measured, in nanoseconds, one of each round
	whole, checks, reading []float64
}

// costs measures calls of one key, and of ever more keys in random order. Each
// round measures everything once, so that a slow minute is in all of it.
func (d *data) costs(ctx context.Context, s settings) ([]string, error) {
	now := time.Now()
	var crowds []*crowd
	for n := 1; n <= s.keys; n *= 10 {
		if n == 10 || n == 100 {
			continue
		}
		c, err := d.crowd(ctx, n, now)
		if err != nil {
			return nil, err
		}
		crowds = append(crowds, c)
	}
	mac := signature.NewMAC([]byte(d.last.secret.Reveal()))
	signed := d.last.signed(now).Signed
	var macs []float64
	for range s.rounds {
		ns, err := each(hotTurns, func(int) bool { return signed.ValidMAC(mac) })
		if err != nil {
			return nil, err
		}
		macs = append(macs, ns)
		for _, c := range crowds {
			if err := c.measure(ctx, int(d.size)); err != nil {
				return nil, err
			}
		}
	}
	return report(median(macs), crowds), nil
}

// hotTurns is how often something is done whose memory is warm.
const hotTurns = 500_000

// arriving is how many calls lie ready at a time: as many as stay in the cache,
// as a call does that has just been read from its socket.
const arriving = 128

// measure makes each call once, and few calls many times.
func (c *crowd) measure(ctx context.Context, size int) error {
	for _, one := range []struct {
		checker *verify.Checker
		times   *[]float64
	}{{c.bare, &c.checks}, {c.full, &c.whole}} {
		var calls [arriving]verify.Request
		var ids [arriving][32]byte
		var all float64
		rounds := max(hotTurns, c.keys) / arriving
		for n := range rounds {
			for i := range calls {
				calls[i] = c.calls[(n*arriving+i)%c.keys]
				calls[i].Signed.Key = append(ids[i][:0], calls[i].Signed.Key...)
			}
			ns, err := each(arriving, func(i int) bool {
				v := one.checker.Check(ctx, calls[i])
				return v.Allowed()
			})
			if err != nil {
				return err
			}
			all += ns / float64(rounds)
		}
		*one.times = append(*one.times, all)
	}
	ns, err := chase(c.keys * size)
	c.reading = append(c.reading, ns)
	return err
}

// chase is what one read costs that has to wait for memory: it walks through as
// many bytes as the keys take, in a random circle of cache lines.
func chase(bytes int) (float64, error) {
	const line = 16 // words
	lines := max(2, bytes/(4*line))
	next := make([]uint32, lines*line)
	circle := rand.Perm(lines)
	for i, at := range circle {
		next[at*line] = uint32(circle[(i+1)%lines] * line)
	}
	at := uint32(0)
	ns, err := each(hotTurns, func(int) bool { at = next[at]; return true })
	if at == 1 {
		return 0, errRefused // never; but at is needed
	}
	return ns, err
}

// report makes the rows of the table. The first crowd is a single key.
func report(mac float64, crowds []*crowd) []string {
	hot := crowds[0]
	whole := median(hot.whole)
	rows := []string{
		row("P1: verify, one key", fmt.Sprintf("%.0f ns, %.2f x the bare MAC (%.0f ns)", whole, whole/mac, mac),
			"<= 600 ns, <= 2.5 x", whole <= 600 && whole <= 2.5*mac),
		row("P1: allocations of it", fmt.Sprint(hot.allocations()), "0", hot.allocations() == 0),
	}
	for _, c := range crowds[1:] {
		cost := median(c.whole)
		rows = append(rows, row(fmt.Sprintf("P2: verify, %d keys in random order", c.keys),
			fmt.Sprintf("%.0f ns, of which %.0f the ledger", cost, cost-median(c.checks)), "<= 1600 ns", cost <= 1600))
	}
	if len(crowds) < 3 {
		return rows
	}
	few, many := crowds[1], crowds[len(crowds)-1]
	growth, cold := median(many.checks)-median(few.checks), median(many.reading)-median(few.reading)
	return append(rows, row(fmt.Sprintf("P10: more with %d keys than with %d, without the ledger", many.keys, few.keys),
		fmt.Sprintf("%.0f ns, %.2f x a read of cold memory (%.0f ns)", growth, growth/cold, cold), "< 3 x", growth < 3*cold))
}

// allocations of a call, rounded down as package testing does.
func (c *crowd) allocations() int {
	return int(testing.AllocsPerRun(1000, func() { c.full.Check(context.Background(), c.calls[0]) }))
}

// errEnough ends the loading.
var errEnough = errors.New("enough")

// crowd loads so many keys.
func (d *data) crowd(ctx context.Context, keys int, now time.Time) (*crowd, error) {
	s, err := d.open(ctx)
	if err != nil {
		return nil, err
	}
	defer s.Close()
	table := verify.NewTable()
	var all []call
	_, err = s.LoadKeys(ctx, func(k latchkey.Key, secret latchkey.Secret) error {
		if len(all) == keys {
			return errEnough
		}
		table.Put(k, secret)
		all = append(all, call{k.ID, secret})
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		return nil, err
	}
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	c := &crowd{keys: keys, table: table, calls: make([]verify.Request, keys)}
	stamp, name := []byte(signature.Timestamp(now)), []byte(read.Name) // of all, so that they are warm
	c.full, c.bare = checker(table, now), checker(table, now)
	c.bare.Ledger = free{}
	for i, one := range all {
		c.calls[i] = one.signed(now)
		c.calls[i].Signed.Timestamp, c.calls[i].Signed.Action = stamp, name
		// The ledger knows each key from here on, as it does in every minute but
		// for the first call in it.
		if v := c.full.Check(ctx, c.calls[i]); !v.Allowed() {
			return nil, errRefused
		}
	}
	return c, nil
}

// free is a ledger that costs nothing.
type free struct{}

func (free) Take(context.Context, latchkey.Take) (latchkey.Taken, error) {
	return latchkey.TakenAll, nil
}

// errRefused is a measurement that measured something else.
var errRefused = errors.New("a good call was refused")

// used is the time of the processor that this thread, or this process, has used.
func used(clock int32) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(clock, &t); err != nil {
		panic(err) // the clock is there on every system that this measures
	}
	return time.Duration(t.Nano())
}

// each returns the nanoseconds of one of many turns of work.
func each(turns int, work func(turn int) bool) (float64, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	begin := used(unix.CLOCK_THREAD_CPUTIME_ID)
	for turn := range turns {
		if !work(turn) {
			return 0, errRefused
		}
	}
	return float64(used(unix.CLOCK_THREAD_CPUTIME_ID)-begin) / float64(turns), nil
}
