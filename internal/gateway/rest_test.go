package gateway_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/gateway"
	"latchkey/signature"
)

func TestAGoodCallReachesTheExchange(t *testing.T) {
	r := newRig(t)
	for _, body := range []string{`{}`, `{"pair":"BTC-USD"}`, "{\"pair\": \"BTC-USD\"}", " {\n\t\"a\" : [1, 2.50, \"\\u00e9é\"] } "} {
		c := r.good()
		c.body = body
		a := r.do(c.raw())
		if r.is(a, 200, "", ""); a.body != `{"ok":"ok","data":"do_my_new_order"}` {
			t.Errorf("answer %q", a.body)
		}
		got := r.exchange.take()
		if len(got) != 1 || got[0].body != body || got[0].target != "/api/rest/do_my_new_order" || got[0].method != "POST" {
			t.Fatalf("the exchange got %+v", got)
		}
		caller := got[0].caller
		if got[0].err != nil || caller.Key != keyID || caller.Account != "acc_one" || fmt.Sprint(caller.Permissions) != "[read trade]" || caller.RequestID != a.Header.Get("Latchkey-Request-Id") {
			t.Errorf("the caller is %+v, %v", caller, got[0].err)
		}
	}
}

func TestPublicCallsNeedNoKey(t *testing.T) {
	r := newRig(t)
	for raw, target := range map[string]string{
		public("get_ticker", `{}`):                                                        "/api/rest-public/get_ticker",
		"GET /api/rest-public/get_ticker HTTP/1.1\r\nHost: g\r\n\r\n":                     "/api/rest-public/get_ticker",
		"GET /api/rest-public/get_ticker?pairs=BTC-USD&x=%20 HTTP/1.1\r\nHost: g\r\n\r\n": "/api/rest-public/get_ticker?pairs=BTC-USD&x=%20",
		"GET /api/rest-public/get_ticker? HTTP/1.1\r\nHost: g\r\n\r\n":                    "/api/rest-public/get_ticker",
	} {
		r.is(r.do(raw), 200, "", "")
		got := r.exchange.take()
		if len(got) != 1 || got[0].target != target || got[0].err != nil || !got[0].caller.Public() {
			t.Errorf("%q: the exchange got %+v", raw, got)
		}
	}
}

// fault spoils a call in one way; a spoiled call must get this answer.
type fault struct {
	name   string
	spoil  func(*rig, *call)
	status int
	code   string
	text   string
}

// faults stand in the order in which they are told.
var faults = []fault{
	{"path", func(_ *rig, c *call) { c.path = strings.Replace(c.path, "/rest/", "/rest//", 1) }, 400, "bad_request", "nothing at this path"},
	{"method", func(_ *rig, c *call) { c.method = "PUT" }, 405, "bad_request", "use POST"},
	{"query", func(_ *rig, c *call) { c.path += "?a=1" }, 400, "bad_request", "takes no query"},
	{"unknown action", func(_ *rig, c *call) { c.action += "s"; c.path = strings.Replace(c.path, "new_order", "new_orders", 1) }, 400, "bad_request", "unknown action"},
	{"bad JSON", func(_ *rig, c *call) { c.body = `{"a":1,"A":2}` }, 400, "bad_request", "named before"},
	{"unknown key", func(_ *rig, c *call) { c.key = "lk_two" }, 401, "unauthorized", "Authorization Failed: API key not passed or incorrect"},
	{"wrong signature", func(_ *rig, c *call) { c.signature = strings.Repeat("A", 43) + "=" }, 401, "unauthorized", "Authorization Failed: API key not passed or incorrect"},
	{"old timestamp", func(_ *rig, c *call) { c.ts = c.ts.Add(-time.Minute) }, 401, "timestamp_out_of_range", "Timestamp is not in 20sec range"},
	{"state changing", func(r *rig, _ *call) { r.table.Hold(keyID) }, 503, "key_state_changing", "not executed"},
	{"inactive key", func(r *rig, _ *call) { r.edit(func(k *latchkey.Key) { k.Status = latchkey.StatusInactive }) }, 401, "key_not_activated", "API key is not activated"},
	{"foreign address", func(r *rig, _ *call) { r.edit(func(k *latchkey.Key) { k.Allowlist = only("192.0.2.1") }) }, 403, "ip_not_allowed", "127.0.0.1"},
	{"no permission", func(r *rig, _ *call) { r.edit(func(k *latchkey.Key) { k.Permissions = latchkey.Read }) }, 403, "permission_missing", "Permission Trade is required for do_my_new_order"},
	{"points used up", func(r *rig, _ *call) { r.spend() }, 429, "rate_limited", "API rate limit reached"},
	{"seen before", func(r *rig, _ *call) { r.is(r.do(r.good().raw()), 200, "", "") }, 409, "replayed", "not executed twice"},
}

// edit changes the key as the authority would.
func (r *rig) edit(change func(*latchkey.Key)) {
	r.t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.key)
	r.key.Version++
	r.table.Put(r.key, "")
}

func only(entry string) latchkey.Allowlist {
	list, err := latchkey.NewAllowlist([]string{entry})
	if err != nil {
		panic(err)
	}
	return list
}

// spend uses the key's points up.
func (r *rig) spend() {
	r.t.Helper()
	c := r.dial()
	for n := 0; n < 1000; n++ {
		c.send(r.good().on("get_candles").raw())
		if a := c.receive(); a.StatusCode == 429 {
			return
		}
	}
	r.t.Fatal("the points do not end")
}

func TestEachFaultGetsItsAnswer(t *testing.T) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			r := newRig(t)
			c := r.good()
			f.spoil(r, &c)
			r.exchange.take()
			r.is(r.do(c.raw()), f.status, f.code, f.text)
			if got := r.exchange.take(); len(got) > 0 {
				t.Errorf("the exchange got %+v", got)
			}
		})
	}
}

func TestOfTwoFaultsTheEarlierIsTold(t *testing.T) {
	for i, first := range faults {
		for _, second := range faults[i+1:] {
			t.Run(first.name+" and "+second.name, func(t *testing.T) {
				t.Parallel() // each waits for its own shutdown
				r := newRig(t)
				c := r.good()
				// What needs a good call to happen comes before what prevents one.
				second.spoil(r, &c)
				first.spoil(r, &c)
				r.is(r.do(c.raw()), first.status, first.code, first.text)
			})
		}
	}
}

// A refused call costs no points and takes no place in the replay set.
func TestARefusedCallConsumesNothing(t *testing.T) {
	for _, f := range faults[:12] {
		t.Run(f.name, func(t *testing.T) {
			r := newRig(t, func(c *gateway.Config) { c.Points = 1 })
			c := r.good()
			f.spoil(r, &c)
			for range 3 {
				r.is(r.do(c.raw()), f.status, f.code, f.text)
			}
			r.edit(func(k *latchkey.Key) { *k = theKey(); k.Version = 50 })
			r.table.Release(keyID)
			r.is(r.do(r.good().raw()), 200, "", "")
			r.is(r.do(r.good().on("get_candles").raw()), 429, "rate_limited", "")
		})
	}
}

func TestPointsEndAndComeBackWithTheMinute(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	for i := range 40 {
		c.send(r.good().on("get_my_orders").raw()) // 5 points each
		if a := c.receive(); a.StatusCode != 200 {
			t.Fatalf("call %d: %s", i, a.body)
		}
	}
	c.send(r.good().on("get_candles").raw())
	a := c.receive()
	r.is(a, 429, "rate_limited", "API rate limit reached")
	if got := a.Header.Get("Retry-After"); got != "60" { // 59.75 s to the next calendar minute
		t.Errorf("Retry-After %q", got)
	}
	r.pass(59 * time.Second)
	c.send(r.good().on("get_candles").raw())
	r.is(c.receive(), 429, "rate_limited", "")
	r.pass(time.Second)
	c.send(r.good().on("get_candles").raw())
	r.is(c.receive(), 200, "", "")
}

func TestPublicPointsAreCountedByAddress(t *testing.T) {
	r := newRig(t)
	c := r.dial()
	for range 10 {
		c.send(public("get_processing_info", "{}"))
		r.is(c.receive(), 200, "", "")
	}
	c.send(public("get_ticker", "{}"))
	r.is(c.receive(), 429, "rate_limited", "API rate limit reached")
	r.is(r.do(r.good().raw()), 200, "", "") // a key has points of its own
}

func TestAMutatingCallCountsOnceAndAReadAsOftenAsItLikes(t *testing.T) {
	r := newRig(t)
	for _, action := range []string{"do_my_new_order", "do_create_account"} {
		raw := r.good().on(action).raw()
		r.is(r.do(raw), 200, "", "")
		for range 3 {
			r.is(r.do(raw), 409, "replayed", "")
		}
		r.pass(20 * time.Second)
		r.is(r.do(raw), 401, "timestamp_out_of_range", "") // 20.25 s old
	}
	if got := len(r.exchange.take()); got != 2 {
		t.Errorf("%d calls were executed, want 2", got)
	}
	raw := r.good().on("get_my_orders").raw()
	for range 5 {
		r.is(r.do(raw), 200, "", "")
	}
}

func TestTheClockErrorIsTold(t *testing.T) {
	r := newRig(t)
	c := r.good()
	c.ts = start.Add(90 * time.Second)
	a := r.do(c.raw())
	r.is(a, 401, "timestamp_out_of_range", "Timestamp is not in 20sec range")
	if a.Time != start.UnixMilli() || a.Skew != 89_750 {
		t.Errorf("serverTime %d, skewMs %d", a.Time, a.Skew)
	}
	if keys := r.do(strings.Replace(c.raw(), keyID, "lk_two", 1)); strings.Contains(keys.body, "serverTime") {
		t.Errorf("a stranger learns the time: %s", keys.body)
	}
}

// Nothing tells an unknown key, a wrong signature and malformed headers apart.
func TestUnauthorizedAnswersAreTheSameToTheByte(t *testing.T) {
	r := newRig(t)
	whole := r.good().raw()
	drop := func(name string) string {
		var lines []string
		for line := range strings.SplitSeq(whole, "\r\n") {
			if !strings.HasPrefix(line, name+":") {
				lines = append(lines, line)
			}
		}
		return strings.Join(lines, "\r\n")
	}
	twice := func(name, value string) string {
		return strings.Replace(whole, "Host:", name+": "+value+"\r\nHost:", 1)
	}
	other := r.good()
	other.secret = "lks_another"
	unknown := r.good()
	unknown.key = "lk_two"
	cases := map[string]string{
		"unknown key": unknown.raw(), "another secret": other.raw(),
		"other body":     strings.Replace(whole, "BUY", "SEL", 1),
		"no key":         drop(signature.KeyHeader),
		"no timestamp":   drop(signature.TimestampHeader),
		"no signature":   drop(signature.SignatureHeader),
		"key twice":      twice(signature.KeyHeader, keyID),
		"time twice":     twice(signature.TimestampHeader, "1700000040"),
		"empty key":      strings.Replace(whole, keyID, "", 1),
		"strange key":    strings.Replace(whole, keyID, "lk one!", 1),
		"milliseconds":   strings.Replace(whole, "1700000040", "1700000040000", 1),
		"signed time":    strings.Replace(whole, "1700000040", "+1700000040", 1),
		"short MAC":      strings.Replace(whole, signature.SignatureHeader+": ", signature.SignatureHeader+": A", 1),
		"look-alikes":    strings.ReplaceAll(whole, "X-AGGR-", "X_AGGR_"),
		"signed as hex":  strings.Replace(whole, "=\r\n", "\r\n", 1),
		"another action": strings.Replace(whole, "do_my_new_order", "get_my_orders", 1),
	}
	want := ""
	for name, raw := range cases {
		a := r.do(raw)
		r.is(a, 401, "unauthorized", "API key not passed or incorrect")
		a.Header.Del("Date")
		got := strings.ReplaceAll(fmt.Sprint(a.Status, a.Header, a.body), a.ID, "ID")
		if want == "" {
			want = got
		}
		if got != want {
			t.Errorf("%s: %s\nothers: %s", name, got, want)
		}
	}
}

func TestTheTallyKnowsWhoseCallWasRefused(t *testing.T) {
	r := newRig(t)
	r.is(r.do(r.good().raw()), 200, "", "")
	a := r.do(r.good().raw())
	uses, calls := r.tally.Drain(math.MaxInt)
	if len(uses) != 1 || uses[0].Allowed != 1 || uses[0].Refused != 1 || !uses[0].LastUsed.Equal(start) {
		t.Errorf("uses %+v", uses)
	}
	if len(calls) != 1 || calls[0].Reason != "replayed" || calls[0].RequestID != a.ID || calls[0].Detail != a.Error || calls[0].IP != "127.0.0.1" {
		t.Errorf("calls %+v", calls)
	}
}

func TestPathsThatAreNoActionAreRefused(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{
		"/", "/api", "/api/", "/api/rest", "/api/rest/", "/api/rest-public/", "/api/rests/get_my_orders", "/API/rest/get_my_orders",
		"/api/rest/get_my_orders/", "/api/rest//get_my_orders", "/api//rest/get_my_orders", "/api/rest/./get_my_orders",
		"/api/rest/../rest/get_my_orders", "/api/rest/x/../get_my_orders", "/api/rest/%67et_my_orders", "/api/rest/get%5fmy_orders",
		"/api/rest/%2e%2e/admin", "/api/rest/..%2fadmin", "/api/rest/get_my_orders%00", "/api/rest/get_my_orders;a=1", "/api/rest;a/get_my_orders",
		"/api/rest/get_my_orders.", "/api/rest/get_my_orders.json", "/api/rest/GET_MY_ORDERS", "/api/rest/get-my-orders",
		"/api/rest/get_my_orders,", "/api/rest/get_my_orders:", "/api/rest/get_my_orders@x", "/api/rest-public/../rest/get_my_orders",
		"/x/api/rest/get_my_orders", "/api/rest/get_my_orders/x", "/api/rest-publicget_ticker",
	} {
		c := r.good().on("get_my_orders")
		c.path = path
		r.is(r.do(c.raw()), 400, "bad_request", "nothing at this path")
	}
	for _, action := range []string{"get_my_order", "trade_subscribe", "get_ticker", "auth", "ping"} {
		r.is(r.do(r.good().on(action).raw()), 400, "bad_request", "unknown action")
	}
	for _, action := range []string{"get_my_orders", "do_my_new_order", "trade_subscribe"} {
		r.is(r.do(public(action, "{}")), 400, "bad_request", "unknown action")
	}
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
}

func TestMethodsAndQueries(t *testing.T) {
	r := newRig(t)
	for _, method := range []string{"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "post", "POSTS"} {
		c := r.good()
		c.method = method
		conn := r.dial()
		conn.send(c.raw())
		line, err := conn.ReadString('\n')
		if err != nil || !strings.Contains(line, " 405 ") {
			t.Errorf("%s: %q %v", method, line, err)
		}
	}
	if a := r.do(strings.Replace(r.good().raw(), "POST", "GET", 1)); a.Header.Get("Allow") != "POST" {
		t.Errorf("Allow %q", a.Header.Get("Allow"))
	}
	if a := r.do(strings.Replace(public("get_ticker", "{}"), "POST", "PUT", 1)); a.StatusCode != 405 || a.Header.Get("Allow") != "GET, POST" {
		t.Errorf("%d, Allow %q", a.StatusCode, a.Header.Get("Allow"))
	}
	r.is(r.do(strings.Replace(public("get_ticker", "{}"), "POST", "GET", 1)), 400, "bad_request", "GET has no body")
	for _, query := range []string{"a=1;b=2", "a=%zz", "%"} {
		a := r.do("GET /api/rest-public/get_ticker?" + query + " HTTP/1.1\r\nHost: g\r\n\r\n")
		r.is(a, 400, "bad_request", "")
	}
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
}

var badBodies = []string{
	"", " ", "null", "[]", `"x"`, "1", "true", "{", "}", "{}{}", "{} x", `{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a":{"b":1,"b":2}}`,
	"{\"a\":\"\xff\"}", "\xef\xbb\xbf{}", `{"a":"\ud800"}`, `{"a":01}`, `{"a":.5}`, `{'a':1}`, `{"a":1,}`, `{a:1}`, "{\"a\":\"\x01\"}",
	strings.Repeat(`{"a":`, 33) + "1" + strings.Repeat("}", 33), "a=1&b=2",
}

// Fault 8. Somebody signs {"amount":"1","AMOUNT":"9"}: what is judged reads the
// one, what executes reads the other (CWE-436). A body with two readings is
// refused; any other reaches the exchange to the byte.
func TestABodyWithTwoReadingsIsRefused(t *testing.T) {
	r := newRig(t)
	for _, body := range badBodies {
		c := r.good()
		c.body = body
		r.is(r.do(c.raw()), 400, "bad_request", "Bad Request")
		r.is(r.do(public("get_ticker", body)), 400, "bad_request", "Bad Request")
	}
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
	off := build(t)
	off.gateway.Off(gateway.GuardJSON) // the twin: without the check they get through
	off.start()
	through := 0
	for _, body := range badBodies {
		c := off.good()
		c.body = body
		if off.do(c.raw()).StatusCode == 200 {
			through++
		}
	}
	if through < 10 {
		t.Errorf("with the check switched off only %d of %d bodies get through", through, len(badBodies))
	}
}

func TestABodyIsBounded(t *testing.T) {
	r := newRig(t, func(c *gateway.Config) { c.MaxBody = 1000 })
	c := r.good()
	c.body = `{"a":"` + strings.Repeat("x", 1000-8) + `"}`
	r.is(r.do(c.raw()), 200, "", "")
	c.body = `{"a":"` + strings.Repeat("x", 1000-7) + `"}`
	r.is(r.do(c.raw()), 413, "too_large", "")
}

func TestNoSecretIsLogged(t *testing.T) {
	r := newRig(t)
	c := r.good()
	c.body = `{"canary":"body"}`
	r.is(r.do(c.raw()), 200, "", "")
	for _, f := range faults[:len(faults)-2] {
		bad := c
		f.spoil(r, &bad)
		r.do(bad.raw())
	}
	log := r.log.String()
	for _, canary := range []string{"canary", secret.Reveal(), shared, signature.SignREST([]byte(secret.Reveal()), c.action, signature.Timestamp(c.ts), []byte(c.body)), "lk_two"} {
		if strings.Contains(log, canary) {
			t.Errorf("%q is in the log:\n%s", canary, log)
		}
	}
	if !strings.Contains(log, `"action":"do_my_new_order","key":"lk_one","ip":"127.0.0.1","verdict":"allowed","status":200`) {
		t.Errorf("the line of the allowed call is missing:\n%s", log)
	}
}

func TestTheMetricsHaveFewLabels(t *testing.T) {
	r := newRig(t)
	r.is(r.do(r.good().raw()), 200, "", "")
	for i := range 20 {
		c := r.good()
		c.key = fmt.Sprint("lk_", i)
		r.do(c.raw())
	}
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprint(families)
	for _, want := range []string{`value:"allowed"`, `value:"unauthorized"`, `value:"mutating"`, "latchkey_gateway_request_seconds", "latchkey_gateway_in_flight"} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing", want)
		}
	}
	if strings.Contains(text, "lk_") || strings.Contains(text, "127.0.0.1") {
		t.Error("a key or an address is a label")
	}
}
