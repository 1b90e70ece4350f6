package testenv_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/cluster"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
	"latchkey/internal/testenv/redis"
	"latchkey/signature"
)

// patient is a system with one ill dependency, and keys of all kinds.
type patient struct {
	*testenv.System
	t      *testing.T
	wire   *wire
	client http.Client
	owner  *testenv.Person
	calls  atomic.Int64 // made, so that no two are alike
	orders atomic.Int64 // that reached the exchange

	good, dead, readonly testenv.Bot
	works                func() error // nil: the dependency does its work again
	broken               func(ill)    // makes it ill; what must hold meanwhile
}

// recovery is how long it may take until all is well again. Other waits are
// for the machine only: patience bounds one request, soon all that is no figure.
const (
	recovery = 5 * time.Second
	patience = 5 * time.Second
	soon     = 30 * time.Second
)

// admit starts the system. The time is real: what it depends on has that, too.
func admit(t *testing.T, o testenv.Options, change func(*node.Config)) *patient {
	p := &patient{t: t, client: http.Client{Timeout: patience}}
	if o.Upstream == "" {
		o.Upstream = "http://" + p.exchange()
	}
	o.Change = func(c *node.Config) {
		c.Now, c.Points, c.AnswerDeadline, c.OutboxPoll, c.Lease, c.Window = time.Now, 1<<30, time.Second, 50*time.Millisecond, time.Second, time.Second
		c.Limits.KeysPerAccount = 20
		if change != nil {
			change(c)
		}
	}
	p.System = testenv.Start(t, o)
	p.good = p.ActiveKey("good", authority.NewKey{Permissions: readTrade})
	p.dead = p.ActiveKey("dead", authority.NewKey{Permissions: readTrade})
	p.readonly = p.ActiveKey("readonly", readOnly)
	_, _, err := p.Operator().Move(t.Context(), p.dead.KeyID, latchkey.OpDeactivate)
	p.must(err)
	p.owner = p.Nobody()
	step := testenv.Allows(t, p.owner.SignIn(testenv.OwnerEmail), http.StatusAccepted)
	testenv.Allows(t, p.owner.Confirm(step, p.app(0)), http.StatusOK)
	return p
}

func (p *patient) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// exchange answers whatever it is asked, and counts orders.
func (p *patient) exchange() string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "order") {
			p.orders.Add(1)
		}
		_, _ = io.WriteString(w, `{"ok":"ok"}`)
	}))
	p.t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// app is the code of the owner's app of a step beside this one.
func (p *patient) app(step int) string {
	code, err := totp.GenerateCode(p.Seed.Reveal(), time.Now().Add(time.Duration(step)*30*time.Second))
	p.must(err)
	return code
}

// call makes a signed call; 0: no answer.
func (p *patient) call(b testenv.Bot, action string) (status int) {
	body, stamp := fmt.Sprintf(`{"n":%d}`, p.calls.Add(1)), signature.Timestamp(time.Now())
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodPost, p.GatewayURL+"/api/rest/"+action, strings.NewReader(body))
	p.must(err)
	req.Header.Set("Content-Type", "application/json")
	req.Header[signature.KeyHeader], req.Header[signature.TimestampHeader] = []string{b.KeyID}, []string{stamp}
	req.Header[signature.SignatureHeader] = []string{signature.SignREST([]byte(b.Secret), action, stamp, []byte(body))}
	return p.send(req)
}

func (p *patient) send(req *http.Request) int {
	res, err := p.client.Do(req)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body) // a body that is cut changes no status
	return res.StatusCode
}

// manage sends the owner's request; 0: no answer in time.
func (p *patient) manage(method, path string) int {
	req, err := http.NewRequestWithContext(p.t.Context(), method, p.ConsoleURL+path, nil)
	p.must(err)
	for _, c := range p.owner.Cookies() {
		req.AddCookie(c)
	}
	return p.send(req)
}

const (
	look  = "get_my_fee"
	order = "do_my_new_order"
)

// intruders calls as those do who may not: whatever is broken, none gets in.
func (p *patient) intruders(state ill) {
	p.t.Helper()
	forged := p.good
	forged.Secret = "lks_of_somebody_else"
	before := p.orders.Load()
	for who, status := range map[string]int{
		"a deactivated key": p.call(p.dead, look), "a wrong signature": p.call(forged, look),
		"an order of a key that reads": p.call(p.readonly, order), "an order of a dead key": p.call(p.dead, order),
	} {
		if status == http.StatusOK {
			p.t.Errorf("%s: %s got in", state, who)
		}
	}
	if p.orders.Load() != before {
		p.t.Errorf("%s: an order of somebody who may not trade reached the exchange", state)
	}
}

// until waits for something to work, and returns how long that took.
func (p *patient) until(limit time.Duration, what string, works func() error) time.Duration {
	p.t.Helper()
	begin := time.Now()
	for {
		err := works()
		if err == nil {
			return time.Since(begin)
		}
		if time.Since(begin) > limit {
			p.t.Fatalf("%s: not after %v: %v", what, limit, err)
		}
		time.Sleep(10 * time.Millisecond) // other processes have their own time
	}
}

// is turns a status into an error unless it is the wanted one.
func is(got int) error {
	if got != http.StatusOK {
		return fmt.Errorf("status %d", got)
	}
	return nil
}

// suffer goes through all kinds of illness.
func (p *patient) suffer() {
	p.until(soon, "the begin", p.works)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, state := range []ill{refused, hanging, slow, garbage} {
		p.broken(state)
		p.intruders(state)
		p.wire.become(well)
		took := p.until(recovery, string(state)+" is over", p.works)
		p.t.Logf("%s: well again after %v", state, took.Round(time.Millisecond))
		p.intruders(well)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	p.t.Logf("%d MB before, %d MB after", before.HeapAlloc>>20, after.HeapAlloc>>20)
	if after.HeapAlloc > before.HeapAlloc+64<<20 { // there are other systems in this process
		p.t.Error("the memory of the process grew")
	}
}

// Without its database a node decides for as long as its lease lasts, then
// refuses every signed call, and never says that a key was stopped that was not.
func TestWhilePostgreSQLIsIllNothingFailsOpen(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, "unix", u.Query().Get("host")+"/.s.PGSQL.5432")
	u.Host, u.RawQuery = w.addr, "sslmode=disable"
	p := admit(t, testenv.Options{Database: u.String()}, nil)
	p.wire, p.client.Timeout = w, 1500*time.Millisecond // an owner waits for the database in vain
	p.works = func() error {
		return errors.Join(is(p.call(p.good, look)), is(p.manage(http.MethodGet, "/v1/keys")))
	}
	p.broken = func(state ill) {
		victim := p.victim()
		p.wire.become(state)
		over := time.Now().Add(cluster.Wait(time.Second))
		stopped := p.manage(http.MethodPost, "/v1/keys/"+victim.KeyID+"/deactivate") == http.StatusOK
		if stopped && state != slow {
			t.Errorf("%s: a key was stopped without the database", state)
		}
		if stopped && p.call(victim, look) == http.StatusOK {
			t.Errorf("%s: a key that was stopped gets in", state)
		}
		if state == slow {
			return // the lease may be renewed, or not
		}
		pace(t.Context(), time.Until(over)) // the lease is one of real time
		for range 20 {
			if p.call(p.good, look) == http.StatusOK {
				t.Errorf("%s: a call got in after the lease", state)
			}
		}
		if p.manage(http.MethodGet, "/health") == http.StatusOK {
			t.Errorf("%s: the node says that it is well", state)
		}
	}
	p.suffer()
}

// victim is a key that the owner tries to stop while the database is ill.
func (p *patient) victim() (b testenv.Bot) {
	p.until(soon, "a key is made", func() error {
		key, secret, err := p.Operator().CreateKey(p.t.Context(), p.Account, authority.NewKey{Name: fmt.Sprint("victim-", p.calls.Add(1)), Permissions: readTrade})
		if err == nil {
			_, _, err = p.Operator().Move(p.t.Context(), key.ID, latchkey.OpActivate)
		}
		b = p.Bot(key.ID, secret)
		return err // on a connection that broke before
	})
	return b
}

// Without Redis nobody knows whether an order was seen by another node: none is
// let through, and calls that may repeat go on.
func TestWhileRedisIsIllNoOrderPasses(t *testing.T) {
	t.Parallel()
	s := redis.Start(t)
	w := newWire(t, "unix", strings.TrimPrefix(s.URL(), "unix://"))
	p := admit(t, testenv.Options{Database: server.Database(t)}, func(c *node.Config) { c.Redis.URL = "redis://" + w.addr })
	p.wire = w
	p.works = func() error { return errors.Join(is(p.call(p.good, order)), is(p.call(p.good, look))) }
	p.broken = func(state ill) {
		p.wire.become(state)
		before := p.orders.Load()
		for range 5 {
			if got := p.call(p.good, order); got == http.StatusOK || got == 0 {
				t.Errorf("%s: an order was answered with %d", state, got)
			}
			if err := is(p.call(p.good, look)); err != nil {
				t.Errorf("%s: a call that may repeat: %v", state, err)
			}
		}
		if got := p.orders.Load(); got != before {
			t.Errorf("%s: %d orders reached the exchange", state, got-before)
		}
	}
	p.suffer()
}

// An exchange that is ill is never taken for one that said yes, and holds
// nobody for longer than the deadline.
func TestWhileTheExchangeIsIllNoAnswerIsMadeUp(t *testing.T) {
	t.Parallel()
	real := &patient{t: t}
	w := newWire(t, "tcp", real.exchange())
	p := admit(t, testenv.Options{Upstream: "http://" + w.addr}, nil)
	p.wire = w
	p.works = func() error { return is(p.call(p.good, look)) }
	p.broken = func(state ill) {
		p.wire.become(state)
		for range 3 {
			if got := p.call(p.good, look); got == 0 || got == http.StatusOK && state != slow {
				t.Errorf("%s: a call was answered with %d", state, got)
			}
		}
		if err := is(p.manage(http.MethodGet, "/v1/keys")); err != nil {
			t.Errorf("%s: the console: %v", state, err)
		}
	}
	p.suffer()
	if real.orders.Load() > 0 {
		t.Errorf("%d orders of intruders reached the exchange", real.orders.Load())
	}
}
