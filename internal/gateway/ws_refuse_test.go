package gateway_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/gateway"
	"latchkey/signature"
)

// attempt is a logon, and a first call after it, with the world that they meet.
// The zero value is allowed; a test spoils it.
type attempt struct {
	id      string        // that is named instead of the key's
	wrong   bool          // secret
	late    time.Duration // of the timestamp
	held    bool
	status  latchkey.Status
	only    string // address in the whitelist
	action  string
	spent   bool // the points are used up, over REST
	twice   bool // the same message was accepted before
	stopped bool // held since the logon
}

// wsFault spoils an attempt in one way.
type wsFault struct {
	name   string
	spoil  func(*attempt)
	status string // of the same refusal over REST, in the log
	code   string
	text   string
}

// logonFaults and messageFaults stand in the order in which they are found.
var (
	logonFaults = []wsFault{
		{"unknown key", func(a *attempt) { a.id = "lk_two" }, "401", "unauthorized", "Authorization Failed: API key not passed or incorrect"},
		{"wrong signature", func(a *attempt) { a.wrong = true }, "401", "unauthorized", "Authorization Failed: API key not passed or incorrect"},
		{"old timestamp", func(a *attempt) { a.late = -21 * time.Second }, "401", "timestamp_out_of_range", "Timestamp is not in 20sec range"},
		{"state not known", func(a *attempt) { a.held = true }, "503", "key_state_changing", "not executed"},
		{"inactive key", func(a *attempt) { a.status = latchkey.StatusInactive }, "401", "key_not_activated", "API key is not activated"},
		{"foreign address", func(a *attempt) { a.only = "192.0.2.1" }, "403", "ip_not_allowed", "127.0.0.1"},
	}
	messageFaults = []wsFault{
		{"state not known", func(a *attempt) { a.stopped = true }, "503", "key_state_changing", "not executed"},
		{"no permission", func(a *attempt) { a.action = "do_my_internal_transfer" }, "403", "permission_missing", "Permission Funds Internal is required for do_my_internal_transfer"},
		{"points used up", func(a *attempt) { a.spent = true }, "429", "rate_limited", "API rate limit reached"},
		{"seen before", func(a *attempt) { a.twice = true }, "409", "replayed", "not executed twice"},
	}
)

// points of the key in these tests.
const points = 10

// logs the attempt on and returns the answer.
func (a attempt) logon(t *testing.T) (*rig, bot, note) {
	t.Helper()
	r := newRig(t, func(c *gateway.Config) { c.Points = points })
	r.change(r.gateway.Sessions, func(k *latchkey.Key) {
		if a.status != "" {
			k.Status = a.status
		}
		if a.only != "" {
			k.Allowlist = allow(t, a.only)
		}
	})
	if a.held {
		r.gateway.Sessions.Hold(keyID)
	}
	id, s := keyID, string(secret)
	if a.id != "" {
		id = a.id
	}
	if a.wrong {
		s = "lks_other"
	}
	b := r.bot("/api/ws")
	b.auth(id, s, fmt.Sprint(r.clock().Add(a.late).Unix()))
	return r, b, b.read()
}

func allow(t *testing.T, entries ...string) latchkey.Allowlist {
	t.Helper()
	list, err := latchkey.NewAllowlist(entries)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// alone and in the order of the checks: of two faults the first one speaks.
func eachAndEveryPair(t *testing.T, faults []wsFault, try func(*testing.T, attempt, wsFault)) {
	for i, f := range faults {
		for j, other := range faults[i:] {
			name := f.name
			if j > 0 {
				name += " and " + other.name
			}
			t.Run(name, func(t *testing.T) {
				var a attempt
				f.spoil(&a)
				other.spoil(&a)
				try(t, a, f)
			})
		}
	}
}

func refusedWith(t *testing.T, n note, f wsFault) {
	t.Helper()
	if n.OK != "" || n.Data.OK != "" || n.Data.Code != f.code || !strings.Contains(n.Data.Error, f.text) || !strings.HasPrefix(n.Data.ID, "ws_") {
		t.Errorf("answered with %s, want %s %q", n.raw, f.code, f.text)
	}
}

func TestARefusedLogonSaysWhyAndStays(t *testing.T) {
	eachAndEveryPair(t, logonFaults, func(t *testing.T, a attempt, f wsFault) {
		r, b, n := a.logon(t)
		refusedWith(t, n, f)
		if n.E != "auth" || n.OID != "auth" {
			t.Errorf("answered with %s", n.raw)
		}
		if n := b.ask("get_my_orders", "1", "{}"); n.Data.Code != "unauthorized" || !strings.Contains(n.Data.Error, "Authorize first") {
			t.Errorf("after it, a call is answered with %s", n.raw)
		}
		if got := r.exchange.ws.callers(); len(got) > 0 {
			t.Errorf("the exchange was asked: %v", got)
		}
		if !strings.Contains(r.log.String(), `"verdict":"`+f.code+`","status":`+f.status) {
			t.Errorf("the log has no %s %s", f.code, f.status)
		}
		wholePurse(t, r)
	})
}

// wholePurse checks that nothing was taken from the key's points.
func wholePurse(t *testing.T, r *rig) {
	t.Helper()
	r.gateway.Sessions.Release(keyID)
	r.change(r.gateway.Sessions, func(k *latchkey.Key) { k.Status, k.Allowlist = latchkey.StatusActive, latchkey.Allowlist{} })
	for i := range points + 1 {
		a := r.do(r.good().on("get_candles").raw())
		if want := map[bool]int{true: 200, false: 429}[i < points]; a.StatusCode != want {
			t.Errorf("call %d after the refusal is answered with %d %s", i, a.StatusCode, a.body)
		}
	}
}

func TestARefusedMessageSaysWhyAndStays(t *testing.T) {
	eachAndEveryPair(t, messageFaults, func(t *testing.T, a attempt, f wsFault) {
		r, b, n := a.logon(t)
		if n.OK != "ok" {
			t.Fatalf("auth is answered with %s", n.raw)
		}
		if a.action == "" {
			a.action = "do_my_new_order"
		}
		left := points
		if a.twice {
			// Somebody else has sent it; an action without permission was never.
			b.ask(a.action, "7", "{}")
			r.exchange.ws.take()
			if a.action == "do_my_new_order" {
				left--
			}
		}
		for range left {
			if a.spent {
				r.is(r.do(r.good().on("get_candles").raw()), 200, "", "")
			}
		}
		if a.stopped {
			r.gateway.Sessions.Hold(keyID)
		}
		n = b.ask(a.action, "7", "{}")
		refusedWith(t, n, f)
		if n.E != a.action || n.OID != "7" {
			t.Errorf("answered with %s", n.raw)
		}
		if got := r.exchange.ws.take(); len(got) > 0 {
			t.Errorf("the exchange got %q", got)
		}
		r.gateway.Sessions.Release(keyID)
		if f.code == "rate_limited" {
			b.gone(1000, "rate_limited")
			return
		}
		if !a.spent {
			b.exactly(left)
		}
	})
}

// exactly checks how many points are left, and that the session is open.
func (b bot) exactly(left int) {
	b.t.Helper()
	for i := range left + 1 {
		n := b.ask("get_candles", fmt.Sprint("left", i), "{}")
		if want := map[bool]string{true: "", false: "rate_limited"}[i < left]; n.Data.Code != want {
			b.t.Errorf("call %d of %d is answered with %s", i, left, n.raw)
		}
	}
	b.gone(1000, "rate_limited")
}

// A thief with half of a key learns nothing about the other half.
func TestNothingTellsAnUnknownKeyFromAWrongSignature(t *testing.T) {
	r := newRig(t)
	number := regexp.MustCompile(`ws_[A-Za-z0-9]+-\d+`)
	sign := func(key string, s latchkey.Secret) string {
		return signature.SignWS([]byte(s.Reveal()), "1700000040", key)
	}
	gone := theKey()
	gone.ID, gone.Status = "lk_gone", latchkey.StatusDeleted
	r.table.Put(gone, secret)
	answers := map[string]string{}
	for name, auth := range map[string]string{
		"unknown key":        fmt.Sprintf(`{"key":"lk_two","signature":%q,"timestamp":1700000040}`, sign("lk_two", secret)),
		"deleted key":        fmt.Sprintf(`{"key":"lk_gone","signature":%q,"timestamp":1700000040}`, sign("lk_gone", secret)),
		"wrong signature":    fmt.Sprintf(`{"key":"lk_one","signature":%q,"timestamp":1700000040}`, sign(keyID, "lks_x")),
		"of another key":     fmt.Sprintf(`{"key":"lk_one","signature":%q,"timestamp":1700000040}`, sign("lk_two", secret)),
		"of another time":    fmt.Sprintf(`{"key":"lk_one","signature":%q,"timestamp":1700000041}`, sign(keyID, secret)),
		"equal time, longer": fmt.Sprintf(`{"key":"lk_one","signature":%q,"timestamp":1700000040.0}`, sign(keyID, secret)),
		"too short":          `{"key":"lk_one","signature":"00","timestamp":1700000040}`,
		"not hex":            fmt.Sprintf(`{"key":"lk_one","signature":%q,"timestamp":1700000040}`, strings.Repeat("zz", 32)),
		"stale and wrong":    fmt.Sprintf(`{"key":"lk_one","signature":%q,"timestamp":1600000040}`, sign(keyID, "lks_x")),
		"no signature":       `{"key":"lk_one","timestamp":1700000040}`,
		"no timestamp":       fmt.Sprintf(`{"key":"lk_one","signature":%q}`, sign(keyID, secret)),
		"timestamp with exp": fmt.Sprintf(`{"key":"lk_one","signature":%q,"timestamp":1.70000004e9}`, sign(keyID, secret)),
		"no key":             fmt.Sprintf(`{"signature":%q,"timestamp":1700000040}`, sign("", secret)),
		"key is no text":     `{"key":1,"signature":"00","timestamp":1700000040}`,
		"no object":          `[]`, "null": `null`, "text": `"auth"`, "empty": `{}`,
	} {
		b := r.bot("/api/ws")
		b.say(`{"e":"auth","oid":"a","auth":` + auth + `}`)
		answers[number.ReplaceAllString(b.read().raw, "ID")] += name + " "
	}
	b := r.bot("/api/ws")
	b.say(`{"e":"auth","oid":"a"}`)
	answers[number.ReplaceAllString(b.read().raw, "ID")] += "no auth"
	want := `{"e":"auth","oid":"a","data":{"error":"Authorization Failed: API key not passed or incorrect","code":"unauthorized","requestId":"ID"}}`
	if len(answers) != 1 || answers[want] == "" {
		t.Errorf("the answers differ: %q", answers)
	}
}

// What the clients of the exchange send: CEX.IO's own a number with a fraction,
// ccxt text and upper-case hex, without an oid.
func TestLogonsOfEveryClientAreRead(t *testing.T) {
	r := newRig(t)
	for _, ts := range []string{"1700000040", "1700000040.25", "1700000040.123456", `"1700000040"`, `"1700000040.311"`, "1700000020.25", "1700000060.25"} {
		for name, spell := range map[string]func(string) string{"lower": strings.ToLower, "upper": strings.ToUpper} {
			for _, oid := range []string{"", `"oid":"auth",`} {
				b := r.bot("/api/ws")
				sum := signature.SignWS([]byte(secret.Reveal()), strings.Trim(ts, `"`), keyID)
				b.say(fmt.Sprintf(`{"e":"auth",%s"auth":{"key":%q,"signature":%q,"timestamp":%s}}`, oid, keyID, spell(sum), ts))
				want := `{"e":"auth",` + oid + `"data":{"ok":"ok"},"ok":"ok"}`
				if n := b.read(); n.raw != want {
					t.Errorf("%s, %s: answered with %s, want %s", ts, name, n.raw, want)
				}
			}
		}
	}
}

func TestAWrongClockIsToldByHowMuch(t *testing.T) {
	for _, skew := range []time.Duration{-20*time.Second - 251*time.Millisecond, 21 * time.Second, -time.Hour, 24 * time.Hour} {
		r := newRig(t)
		b := r.bot("/api/ws")
		at := r.clock().Add(skew).UnixMilli()
		b.auth(keyID, string(secret), fmt.Sprintf("%d.%03d", at/1000, at%1000))
		var n struct {
			Data struct {
				Code               string
				ServerTime, SkewMs int64
			}
		}
		if raw := b.read().raw; json.Unmarshal([]byte(raw), &n) != nil || n.Data.Code != "timestamp_out_of_range" ||
			n.Data.ServerTime != start.UnixMilli() || n.Data.SkewMs != skew.Milliseconds() {
			t.Errorf("%v: %s", skew, raw)
		}
	}
}

func TestOneSessionOneLogon(t *testing.T) {
	r := newRig(t)
	b := r.logged()
	for range 3 {
		b.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
		refusedWith(t, b.read(), wsFault{code: "bad_request", text: "authorized already"})
	}
	b.gone(1008, "too_many_logons")
	if got := r.exchange.ws.callers(); len(got) != 1 {
		t.Errorf("the exchange was told of %v", got)
	}
	p := r.bot("/api/ws-public")
	for i := range 3 {
		p.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
		refusedWith(t, p.read(), wsFault{code: "bad_request", text: "takes no auth"})
		if n := p.ask("get_ticker", "1", "{}"); i == 0 && n.OK != "ok" {
			t.Errorf("a call after it is answered with %s", n.raw)
		} else if i == 2 {
			t.Errorf("after three, a call is answered with %s", n.raw)
		} else if i == 1 {
			break
		}
	}
	p.auth(keyID, string(secret), fmt.Sprint(r.clock().Unix()))
	p.read()
	p.gone(1008, "too_many_logons")
}

func TestWhoGuessesIsShownTheDoor(t *testing.T) {
	r := newRig(t)
	b := r.bot("/api/ws")
	for range 3 {
		b.auth(keyID, "lks_guess", fmt.Sprint(r.clock().Unix()))
		if n := b.read(); n.Data.Code != "unauthorized" {
			t.Errorf("answered with %s", n.raw)
		}
	}
	b.gone(1008, "too_many_logons")
	// Two wrong ones and a right one are a session.
	b = r.bot("/api/ws")
	for _, s := range []string{"lks_guess", "lks_guess", string(secret)} {
		b.auth(keyID, s, fmt.Sprint(r.clock().Unix()))
		b.read()
	}
	if n := b.ask("get_my_orders", "1", "{}"); n.OK != "ok" {
		t.Errorf("a call is answered with %s", n.raw)
	}
}
