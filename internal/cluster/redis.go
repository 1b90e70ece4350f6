package cluster

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync/atomic"
	"time"

	"latchkey"

	"github.com/redis/rueidis"
)

// Errors of a Take from Redis, beside those of Local. Each of them refuses.
var (
	ErrAway  = errors.New("redis did not decide about the call in time")
	ErrEpoch = errors.New("redis may have forgotten requests that it saw; calls that change something are refused until a console has begun a new epoch")
	ErrSkew  = errors.New("the clocks of this gateway node and of Redis are too far apart; synchronize both")
)

// RedisConfig sets up a Redis. URL and Window are required; a gateway node needs
// Epoch too.
type RedisConfig struct {
	// URL is redis://, rediss:// (TLS) or unix://, with user and password; more
	// servers of a Redis Cluster as ?addr=HOST:PORT, a Sentinel's set as
	// ?master_set=NAME. CAFile holds certificates (PEM) that a server's may be
	// signed with, in place of the system's.
	URL    string
	CAFile string
	Prefix string        // of every key; "latchkey:" when empty
	Window time.Duration // as in LocalConfig
	// Timeout bounds one Take; 0 is 100 ms.
	Timeout time.Duration
	// Skew is how far the clock of a node may lie from Redis's, either way; 0 is
	// 2 s. Places are remembered for so much longer.
	Skew time.Duration
	// Epoch is the epoch that the database accepts, and when it began; an empty
	// name refuses what must not happen twice.
	Epoch func() (name string, since time.Time)
	// Nodes is how many gateway nodes there are now: while Redis is away each
	// gives out its part of the points. Nil is 1.
	Nodes func() int
	// RefuseReads refuses also calls that may repeat while Redis is away.
	RefuseReads bool
	Log         *slog.Logger // may be nil
}

// Redis is a ledger that gateway nodes share, in Redis 7 or Valkey. Points and
// place are taken by one script, so by all nodes as if there was one. It needs
// the commands EVAL, EVALSHA, GET, SET, INFO and TIME.
//
// # What is never taken twice
//
// A call that changes something is let through only by a server that has
// remembered everything since the epoch began. A console begins an epoch (see
// Keep): it gives it a new name and writes a mark into Redis that holds the
// name, the server's run_id and its replication id. The database says which
// name counts. The script compares all three in the same step that takes the
// place, so the call is refused, and nothing taken, when Redis
//   - was restarted, with or without its data: run_id is another;
//   - was failed over to a replica, which may lack the last writes: run_id;
//   - was demoted, took the data of another server and was promoted again:
//     the replication id is another;
//   - was flushed: the mark is gone with the rest;
//   - is one of two halves that each take themselves for the primary: only one
//     of them has the mark of the newest epoch, and nobody accepts another.
//
// Redis must not evict keys: a server with another maxmemory-policy than
// noeviction is refused, at the start and as ground for an epoch. It then
// answers with an error when memory is used up, and the call is refused.
//
// What was signed before an epoch may have been seen in the one before. A
// signature is accepted up to a window before its own time, so whatever is
// signed before since + Window + Skew is refused with ErrClock. A message over
// WebSocket rests on its logon, whose time is not known here unless it lies in
// the future; such calls are refused for another window.
//
// Clocks: places end by the clock of Redis, at Stale + Skew; a node whose clock
// lies further from it is refused with ErrSkew, so no place ends while some
// node takes the signature for fresh. It is assumed that nobody sets the clock
// of Redis forward and back again within two windows.
//
// An error, a timeout and a lost connection refuse too; a place may be taken
// then, never two times. Every key but the marks ends by itself.
//
// # What Redis gets to know
//
// Neither secrets nor signatures: names of keys are the prefix and 16 bytes of
// a SHA-256, of the bucket for points, of bucket and signature for a place.
// (Whoever reads Redis could find a public caller's address by trying all; it
// is gone after its minute.)
//
// # Without Redis
//
// Calls that may repeat go on with a part of their points (the limit divided by
// the nodes), counted in this process, unless RefuseReads is set; after a
// failure Redis is asked again by one of them every half second. Calls that
// change something ask each time, and are refused.
type Redis struct {
	RedisConfig
	client rueidis.Client
	take   *rueidis.Lua
	epoch  *rueidis.Lua
	spare  *Local        // points while Redis is away
	room   chan struct{} // holds one for each call that Redis has not answered

	began time.Time
	rest  atomic.Int64 // until then since began, ns, reads leave Redis alone; 0: it answers
}

//go:embed take.lua
var takeScript string

//go:embed epoch.lua
var epochScript string

// restFor is how long calls that may repeat leave Redis alone after a failure.
const restFor = 500 * time.Millisecond

// NewRedis connects to Redis. Its errors hold no password.
func NewRedis(ctx context.Context, c RedisConfig) (*Redis, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	option, err := redisOption(c.URL, c.CAFile)
	if err != nil {
		return nil, err
	}
	client, err := rueidis.NewClient(option)
	if err != nil {
		return nil, fmt.Errorf("redis: connecting to %v: %w", option.InitAddress, err)
	}
	r := &Redis{
		RedisConfig: c, client: client, began: time.Now(), spare: NewLocal(LocalConfig{Window: c.Window}),
		take: rueidis.NewLuaScript(script()), epoch: rueidis.NewLuaScript(epochScript),
		room: make(chan struct{}, 1000),
	}
	if err := r.keepsAll(ctx); err != nil {
		client.Close()
		return nil, err
	}
	return r, nil
}

// Close ends the connections. Every Take after it is refused.
func (r *Redis) Close() { r.client.Close() }

// Away reports whether the last answer of Redis failed to come.
func (r *Redis) Away() bool { return r.rest.Load() != 0 }

// Take takes points and place, or nothing at all, as Local does.
func (r *Redis) Take(ctx context.Context, t latchkey.Take) (latchkey.Taken, error) {
	if err := check(t, r.Window); err != nil {
		return latchkey.TakenNothing, err
	}
	if !t.Stale.IsZero() {
		return r.takeOnce(ctx, t)
	}
	if r.resting() {
		return r.without(ctx, t, ErrAway)
	}
	keys, args := r.terms(t)
	taken, err := r.ask(ctx, keys[:1], args[:2])
	if err != nil && ctx.Err() == nil {
		return r.without(ctx, t, err)
	}
	return taken, err
}

// takeOnce is Take for what must not happen twice.
func (r *Redis) takeOnce(ctx context.Context, t latchkey.Take) (latchkey.Taken, error) {
	name, since := r.Epoch()
	if name == "" && withEpoch {
		return latchkey.TakenNothing, ErrEpoch
	}
	keys, args := r.terms(t)
	// Rounded so that the place lasts longer, never shorter.
	end := t.Stale.Add(r.Skew + time.Millisecond).UnixMilli()
	args = append(args, ms(t.Now.UnixMilli()), ms(end), ms(r.Skew.Milliseconds()), name, "0")
	if r.forgotten(t, since) {
		args[6] = "1"
	}
	return r.ask(ctx, keys, args)
}

func ms(n int64) string { return strconv.FormatInt(n, 10) }

// terms are what the script gets for every call.
func (r *Redis) terms(t latchkey.Take) (keys, args []string) {
	keys = r.names(string(t.Bucket), t.Once)
	return keys, append(make([]string, 0, 7), strconv.Itoa(t.Cost), strconv.Itoa(t.Limit))
}

// forgotten reports whether an equal call may have been let through before the
// epoch, or the call is too old to be remembered.
func (r *Redis) forgotten(t latchkey.Take, since time.Time) bool {
	signed := t.Stale.Add(-r.Window - 1)
	safe := since.Add(r.Window + r.Skew)
	switch {
	case !t.Now.Before(t.Stale) || signed.Before(safe):
		return true
	case signed.Equal(t.Now):
		// The place is counted from now, not from a signature (see
		// verify.Checker.Message): the logon may have been signed up to a window
		// ago and still be repeated.
		return t.Now.Before(safe.Add(r.Window))
	}
	return false
}

// ask runs the script once. It is never sent a second time by itself.
func (r *Redis) ask(ctx context.Context, keys, args []string) (latchkey.Taken, error) {
	answer, err := r.exec(ctx, keys, args)
	if err != nil {
		if ctx.Err() == nil { // else it was the caller who went away
			r.failed(err)
		}
		return latchkey.TakenNothing, fmt.Errorf("%w: %w", ErrAway, err)
	}
	if r.rest.Load() != 0 && r.rest.Swap(0) != 0 {
		r.Log.Info("Redis answers again; points are shared again")
	}
	switch answer {
	case "all":
		return latchkey.TakenAll, nil
	case "points":
		return latchkey.TakenPointsUsedUp, nil
	case "seen":
		return latchkey.TakenSeenBefore, nil
	case "clock":
		return latchkey.TakenNothing, ErrClock
	case "skew":
		return latchkey.TakenNothing, ErrSkew
	case "epoch":
		return latchkey.TakenNothing, ErrEpoch
	}
	return latchkey.TakenNothing, fmt.Errorf("%w: it answered %q", ErrAway, answer)
}

// exec runs the script and waits for its answer for the timeout at most. The
// library's queue of a connection has 1024 places and blocks without a bound
// when it is full, also for calls whose callers have given up. So a goroutine
// waits for each call, and there is room for no more of them than the queue has.
func (r *Redis) exec(ctx context.Context, keys, args []string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	select {
	case r.room <- struct{}{}:
	case <-ctx.Done():
		return "", ctx.Err()
	}
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		defer func() { <-r.room }()
		limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), lookTimeout)
		defer cancel()
		text, err := r.take.Exec(limit, r.client, keys, args).ToString()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// without decides about a call that may repeat while Redis is away.
func (r *Redis) without(ctx context.Context, t latchkey.Take, err error) (latchkey.Taken, error) {
	if r.RefuseReads {
		return latchkey.TakenNothing, err
	}
	t.Limit /= max(1, r.Nodes())
	return r.spare.Take(ctx, t)
}

// resting reports whether Redis is left alone now. Of the calls that come when
// the rest is over, one asks.
func (r *Redis) resting() bool {
	until := r.rest.Load()
	if until == 0 {
		return false
	}
	now := int64(time.Since(r.began))
	return now < until || !r.rest.CompareAndSwap(until, now+int64(restFor))
}

func (r *Redis) failed(err error) {
	if r.rest.Swap(int64(time.Since(r.began)+restFor)) == 0 {
		r.Log.Warn("Redis does not answer: calls that change something are refused", "reads_refused", r.RefuseReads, "error", err)
	}
}
