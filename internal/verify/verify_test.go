package verify_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/verify"
	"latchkey/signature"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret = latchkey.Secret("lks_a secret that only these tests know")
	window = 20 * time.Second
)

var (
	now   = time.Unix(1_700_000_040, 500_000_000)
	home  = netip.MustParseAddr("192.0.2.7")
	order = &latchkey.Action{Name: "do_my_new_order", Permission: latchkey.Trade, Cost: 1, REST: true, Mutating: true}
	list  = &latchkey.Action{Name: "get_my_orders", Permission: latchkey.Read, Cost: 5, REST: true}
	cheap = &latchkey.Action{Name: "get_candles", Permission: latchkey.Read, Cost: 1, REST: true}
	move  = &latchkey.Action{Name: "do_my_internal_transfer", Permission: latchkey.FundsInternal, Cost: 1, REST: true, Mutating: true}
)

// call is a signed call and the world that it meets. good is allowed; a test
// spoils it.
type call struct {
	key    latchkey.Key
	keyID  string // that the call names
	secret latchkey.Secret
	ts     time.Time
	action *latchkey.Action
	addr   netip.Addr
	body   string
	held   bool
	spent  bool // the points are used up
	twice  bool // the same call was allowed before
	broken bool // the signature is not over this body
	points int
}

func good() call {
	return call{
		key: latchkey.Key{
			ID: "lk_one", AccountID: "acc_one", Status: latchkey.StatusActive, Version: 2,
			Permissions: latchkey.NewPermissions(latchkey.Trade), Allowlist: allowlist("192.0.2.0/24"),
		},
		keyID: "lk_one", secret: secret, ts: now, action: order, addr: home, body: `{"a":"1"}`, points: 200,
	}
}

func allowlist(entries ...string) latchkey.Allowlist {
	list, err := latchkey.NewAllowlist(entries)
	if err != nil {
		panic(err)
	}
	return list
}

// world is a checker with the call's key in its table.
type world struct {
	*verify.Checker
	table *verify.Table
	later *time.Duration // how long after now it is
}

func (c call) world() world {
	table := verify.NewTable()
	table.Put(c.key, secret)
	if c.held {
		table.Hold(c.key.ID)
	}
	later := new(time.Duration)
	checker := verify.New(verify.Config{
		Table: table, Ledger: cluster.NewLocal(cluster.LocalConfig{Window: window}),
		Window: window, Points: c.points, PublicPoints: 100, Now: func() time.Time { return now.Add(*later) },
	})
	if c.twice {
		checker.Off(^verify.Unused) // nothing but the replay set may stop this one
		checker.Check(context.Background(), c.request())
	}
	if c.spent {
		checker.Off(^verify.Paced)
		reading := c
		reading.action = cheap
		for range c.points {
			checker.Check(context.Background(), reading.request())
		}
	}
	checker.Off(0)
	return world{checker, table, later}
}

func (c call) request() verify.Request {
	ts := signature.Timestamp(c.ts)
	mac := signature.SignREST([]byte(c.secret.Reveal()), c.action.Name, ts, []byte(c.body))
	body := c.body
	if c.broken {
		body = strings.Replace(body, "1", "2", 1)
	}
	signed, err := signature.ParseREST([]byte(c.keyID), []byte(ts), []byte(mac), []byte(c.action.Name), []byte(body))
	return verify.Request{Signed: signed, Malformed: err != nil, Action: c.action, Addr: c.addr}
}

// fault spoils a call in one way.
type fault struct {
	name   string
	check  verify.Check
	spoil  func(*call)
	reason verify.Reason
	text   string // part of what the caller is told
}

// faults stand in the order in which they are found.
var faults = []fault{
	{"unknown key", verify.Known, func(c *call) { c.keyID = "lk_two" }, verify.Unauthorized, "API key not passed or incorrect"},
	{"wrong signature", verify.Authentic, func(c *call) { c.broken = true }, verify.Unauthorized, "API key not passed or incorrect"},
	{"old timestamp", verify.Fresh, func(c *call) { c.ts = now.Add(-22 * time.Second) }, verify.TimestampOutOfRange, "Timestamp is not in 20sec range"},
	{"state not known", verify.Settled, func(c *call) { c.held = true }, verify.KeyStateChanging, "not executed"},
	{"inactive key", verify.Active, func(c *call) { c.key.Status = latchkey.StatusInactive }, verify.KeyNotActivated, "API key is not activated"},
	{"foreign address", verify.Origin, func(c *call) { c.addr = netip.MustParseAddr("198.51.100.9") }, verify.IPNotAllowed, "198.51.100.9"},
	{"no permission", verify.Permitted, func(c *call) { c.action = move }, verify.PermissionMissing, "Permission Funds Internal is required for do_my_internal_transfer"},
	{"points used up", verify.Paced, func(c *call) { c.spent = true }, verify.RateLimited, "API rate limit reached"},
	{"seen before", verify.Unused, func(c *call) { c.twice = true }, verify.Replayed, "not executed twice"},
}

func check(t *testing.T, w world, c call, want verify.Reason) verify.Verdict {
	t.Helper()
	v := w.Check(context.Background(), c.request())
	if v.Reason != want {
		t.Errorf("verdict is %v, want %v", v.Reason, want)
	}
	if v.Allowed() != (want == verify.Allowed) || (v.Caller() != nil) != v.Allowed() {
		t.Errorf("%v: allowed %v, caller %v", v.Reason, v.Allowed(), v.Caller())
	}
	return v
}

func TestAGoodCallIsAllowed(t *testing.T) {
	v := check(t, good().world(), good(), verify.Allowed)
	if e := v.Caller(); e.KeyID() != "lk_one" || e.AccountID() != "acc_one" || e.Permissions() != latchkey.NewPermissions(latchkey.Trade) {
		t.Errorf("the caller is %+v", e)
	}
}

func TestEachFaultAloneIsRefusedWithItsReason(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			c := good()
			f.spoil(&c)
			v := check(t, c.world(), c, f.reason)
			if !strings.Contains(v.Text(), f.text) {
				t.Errorf("told %q, want %q in it", v.Text(), f.text)
			}
		})
	}
}

// With its check switched off each fault gets through: the test above can fail.
func TestEachCheckMatters(t *testing.T) {
	for _, f := range faults[1:] {
		t.Run(f.name, func(t *testing.T) {
			c := good()
			f.spoil(&c)
			w := c.world()
			w.Off(f.check)
			check(t, w, c, verify.Allowed)
		})
	}
}

// A key that does not exist has a MAC computed for it, under a secret that
// nobody knows. Should somebody know it, "known" still refuses.
func TestKnownMatters(t *testing.T) {
	c := good()
	c.keyID, c.secret = "lk_two", "the secret of the stranger"
	w := c.world()
	w.SetStranger(c.secret)
	w.Off(verify.Active | verify.Permitted)
	check(t, w, c, verify.Unauthorized)
	w.Off(verify.Known | verify.Active | verify.Permitted)
	if v := w.Check(context.Background(), c.request()); v.Reason == verify.Unauthorized {
		t.Error("without the check the stranger is refused all the same")
	}
}

func TestOfTwoFaultsTheEarlierIsTold(t *testing.T) {
	for i, first := range faults {
		for _, second := range faults[i+1:] {
			t.Run(first.name+" and "+second.name, func(t *testing.T) {
				c := good()
				second.spoil(&c)
				first.spoil(&c)
				check(t, c.world(), c, first.reason)
			})
		}
	}
}

// What is refused costs nothing and takes no place: with points for one call
// only, a thousand refused ones leave it possible.
func TestARefusedCallConsumesNothing(t *testing.T) {
	for _, f := range faults[:7] {
		t.Run(f.name, func(t *testing.T) {
			c := good()
			c.points = 1
			f.spoil(&c)
			w := c.world()
			for range 1000 {
				check(t, w, c, f.reason)
			}
			mended := good()
			mended.key.Version = 3
			w.table.Put(mended.key, "")
			w.table.Release(mended.key.ID)
			check(t, w, mended, verify.Allowed)
			mended.body = "{}"
			check(t, w, mended, verify.RateLimited)
		})
	}
}

func TestReplaysCostNothing(t *testing.T) {
	c := good()
	c.points = 2
	w := c.world()
	check(t, w, c, verify.Allowed)
	for range 10 {
		check(t, w, c, verify.Replayed)
	}
	c.body = "{}"
	check(t, w, c, verify.Allowed)
	check(t, w, c, verify.RateLimited)
}

// Fault 14. Somebody who saw an order sends it again (CWE-294). A call that
// changes something is remembered until its own timestamp refuses it, also when
// the client's clock is ahead.
func TestACallIsNeverAllowedTwice(t *testing.T) {
	for _, skew := range []time.Duration{-19 * time.Second, -time.Second, 0, 9 * time.Second, 20 * time.Second} {
		c := good()
		c.ts = now.Add(skew)
		w := c.world()
		check(t, w, c, verify.Allowed)
		end := c.ts.Truncate(time.Second).Add(window).Sub(now)
		for *w.later = 0; *w.later < end; *w.later += 500 * time.Millisecond {
			check(t, w, c, verify.Replayed)
		}
		*w.later = end
		check(t, w, c, verify.Replayed)
		*w.later = end + 1
		check(t, w, c, verify.TimestampOutOfRange)
	}
}

func TestEqualReadsInOneSecondAreAllowed(t *testing.T) {
	c := good()
	c.action = list
	w := c.world()
	for range 40 {
		check(t, w, c, verify.Allowed)
	}
	check(t, w, c, verify.RateLimited)
}

func TestTheWindowIncludesItsEnds(t *testing.T) {
	whole := now.Truncate(time.Second)
	for age, want := range map[time.Duration]verify.Reason{
		20*time.Second - 500*time.Millisecond:  verify.Allowed,
		-20*time.Second + 500*time.Millisecond: verify.Allowed,
		21 * time.Second:                       verify.TimestampOutOfRange,
		-21 * time.Second:                      verify.TimestampOutOfRange,
		24 * 365 * time.Hour:                   verify.TimestampOutOfRange,
		-24 * 365 * time.Hour:                  verify.TimestampOutOfRange,
	} {
		c := good()
		c.ts = whole.Add(-age).Add(500 * time.Millisecond).Truncate(time.Second)
		v := check(t, c.world(), c, want)
		if want != verify.Allowed && v.Skew != c.ts.Sub(now) {
			t.Errorf("skew %v, want %v", v.Skew, c.ts.Sub(now))
		}
	}
}

// Only the holder of the secret learns anything: whatever else is wrong, a
// wrong signature, an unknown key and malformed headers get the same answer.
func TestStrangersLearnNothing(t *testing.T) {
	for _, f := range faults {
		for _, stranger := range faults[:2] {
			c := good()
			f.spoil(&c)
			stranger.spoil(&c)
			check(t, c.world(), c, verify.Unauthorized)
		}
		c := good()
		f.spoil(&c)
		r := c.request()
		r.Malformed, r.Signed = true, signature.REST{}
		if v := c.world().Check(context.Background(), r); v.Reason != verify.Unauthorized || v.KeyID() != "" {
			t.Errorf("%s, malformed: %v for %q", f.name, v.Reason, v.KeyID())
		}
	}
}

// Even with every check in another order a holder's reason reaches no stranger.
func TestDisclosureDoesNotDependOnTheOrder(t *testing.T) {
	for _, f := range faults[2:] {
		c := good()
		f.spoil(&c)
		c.broken = true
		w := c.world()
		w.Off(verify.Authentic)
		if v := w.Check(context.Background(), c.request()); v.Reason != verify.Unauthorized {
			t.Errorf("%s: a stranger is told %v", f.name, v.Reason)
		}
	}
}

func TestADeletedKeyIsAnUnknownKey(t *testing.T) {
	c := good()
	w := c.world()
	c.key.Status, c.key.Version = latchkey.StatusDeleted, 3
	w.table.Put(c.key, secret)
	v := check(t, w, c, verify.Unauthorized)
	if v.KeyID() != "" {
		t.Error("the verdict names a deleted key")
	}
}

// broken is a ledger that does not know.
type brokenLedger struct {
	taken latchkey.Taken
	err   error
}

func (l brokenLedger) Take(context.Context, latchkey.Take) (latchkey.Taken, error) {
	return l.taken, l.err
}

func TestALedgerThatDoesNotKnowRefuses(t *testing.T) {
	for _, ledger := range []brokenLedger{
		{latchkey.TakenAll, errors.New("timeout")}, {latchkey.TakenNothing, nil}, {latchkey.Taken(77), nil},
	} {
		c := good()
		table := verify.NewTable()
		table.Put(c.key, secret)
		w := world{verify.New(verify.Config{Table: table, Ledger: ledger, Window: window, Points: 200, Now: func() time.Time { return now }}), table, nil}
		check(t, w, c, verify.Unavailable)
	}
}

func TestPublicCallsArePacedByAddress(t *testing.T) {
	w := good().world()
	public := &latchkey.Action{Name: "get_ticker", PublicREST: true, PublicCost: 10}
	permit := func(addr string, want verify.Reason) {
		t.Helper()
		v := w.Permit(context.Background(), public, netip.MustParseAddr(addr))
		if v.Reason != want {
			t.Errorf("%s: %v, want %v", addr, v.Reason, want)
		}
		if want == verify.RateLimited && v.RetryAfter() < 1 {
			t.Errorf("%s: retry after %d", addr, v.RetryAfter())
		}
	}
	for i := range 10 {
		permit([]string{"192.0.2.1", "::ffff:192.0.2.1"}[i%2], verify.Allowed)
		permit([]string{"2001:db8::1", "2001:db8::ffff:1"}[i%2], verify.Allowed)
	}
	permit("192.0.2.1", verify.RateLimited)
	permit("192.0.2.2", verify.Allowed)
	permit("2001:db8::2", verify.RateLimited) // the same /64
	permit("2001:db8:0:1::2", verify.Allowed)
	w.Off(verify.Paced)
	permit("192.0.2.1", verify.Allowed)
	for _, v := range []verify.Verdict{
		w.Permit(context.Background(), nil, home), w.Permit(context.Background(), order, home), w.Permit(context.Background(), public, netip.Addr{}),
	} {
		if v.Allowed() {
			t.Error("permitted without a public action or an address")
		}
	}
}

func TestTheZeroValuesRefuse(t *testing.T) {
	var v verify.Verdict
	if v.Allowed() || v.Caller() != nil || v.Reason.Status() != 503 || v.Reason.Code() != "unavailable" || v.Text() == "" {
		t.Errorf("the zero verdict: %+v", v)
	}
	if r := verify.Reason(200); r.Status() != 503 || r.Code() != "unavailable" {
		t.Errorf("an unknown reason: %d %s", r.Status(), r)
	}
}

func TestRetryAfterReachesTheNextMinute(t *testing.T) {
	for nanos, want := range map[int64]int{0: 60, 1: 60, 500_000_000: 60, 1_000_000_000: 59, 59_000_000_000: 1, 59_999_999_999: 1} {
		v := verify.Verdict{Reason: verify.RateLimited, At: time.Unix(1_700_000_040, nanos)}
		if got := v.RetryAfter(); got != want {
			t.Errorf("%d ns into the minute: %d s, want %d", nanos, got, want)
		}
	}
}

func TestAVerdictNoticesAChangeOfItsKey(t *testing.T) {
	c := good()
	w := c.world()
	v := check(t, w, c, verify.Allowed)
	if !v.Current() {
		t.Fatal("not current at once")
	}
	c.key.Version, c.key.Status = 3, latchkey.StatusInactive
	w.table.Put(c.key, "")
	if v.Current() {
		t.Error("current after the key was deactivated")
	}
}

// Whoever has used the points of a key up edits it, or switches it off and on:
// the minute goes on as it was.
func TestAChangeOfAKeyGivesNoFreshPoints(t *testing.T) {
	c := good()
	c.spent = true
	w := c.world()
	c.action = list
	check(t, w, c, verify.RateLimited)
	for _, status := range []latchkey.Status{latchkey.StatusInactive, latchkey.StatusActive} {
		c.key.Version++
		c.key.Status = status
		w.table.Put(c.key, "")
	}
	w.table.Hold(c.key.ID)
	w.table.Release(c.key.ID)
	check(t, w, c, verify.RateLimited)
}
