package identity_test

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey/identity"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	now    = time.Unix(1_700_000_000, 0)
	bot    = identity.Caller{Account: "acme", Key: "bot-1", Permissions: []string{"read", "trade"}, RequestID: "01HX"}
	nobody = identity.Caller{RequestID: "01HY"}
	body   = []byte(`{"side":"BUY"}`)
)

const (
	method = "POST"
	target = "do_my_new_order"
)

// headers signs for c and returns what a server would read.
func headers(t testing.TB, c identity.Caller) http.Header {
	t.Helper()
	signed, err := identity.Sign(secret, now, c, method, target, body)
	if err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Content-Type": {"application/json"}}
	for _, s := range signed {
		h.Add(s.Name, s.Value)
	}
	return h
}

func verify(h http.Header) (identity.Caller, error) {
	return identity.Verify(secret, now, identity.Window, h, method, target, body)
}

// refused checks that there is an error, of the wanted text, and no caller.
func refused(t *testing.T, c identity.Caller, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error is %v, want one about %q", err, text)
	}
	if !cmp.Equal(c, identity.Caller{}) {
		t.Errorf("a caller came with the error: %+v", c)
	}
}

func TestWhatTheGatewaySignedIsRead(t *testing.T) {
	for _, c := range []identity.Caller{bot, nobody} {
		got, err := verify(headers(t, c))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got); diff != "" {
			t.Error(diff)
		}
		if got.Public() != (c.Key == "") || got.Has("trade") != (c.Key != "") || got.Has("") || got.Has("funds_external") {
			t.Errorf("Public is %v, Has(trade) is %v", got.Public(), got.Has("trade"))
		}
	}
}

// The vector was computed by another implementation of HMAC, from the text in
// the package comment.
func TestTheMACIsTheDocumentedOne(t *testing.T) {
	want := http.Header{
		"Content-Type":         {"application/json"},
		"Latchkey-Account":     {"acme"},
		"Latchkey-Key":         {"bot-1"},
		"Latchkey-Permissions": {"read,trade"},
		"Latchkey-Request-Id":  {"01HX"},
		"Latchkey-Signature":   {"v1,t=1700000000,h=0xx+ODFyj3npiPsPMyjG2VkAvEO0qgCrDDrYQ/lU41E="},
	}
	if diff := cmp.Diff(want, headers(t, bot)); diff != "" {
		t.Error(diff)
	}
}

func TestEveryHeaderMustStandOnce(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(headers(t, bot))) {
		if name == "Content-Type" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			h := headers(t, bot)
			value := h.Get(name)
			h.Del(name)
			c, err := verify(h)
			refused(t, c, err, name+" is missing")

			h[name] = []string{}
			c, err = verify(h)
			refused(t, c, err, name+" is missing")

			for _, second := range []string{value, "other", ""} {
				h[name] = []string{value, second}
				c, err = verify(h)
				refused(t, c, err, name+" stands 2 times")
			}
			h[name] = []string{""}
			c, err = verify(h)
			refused(t, c, err, "")
		})
	}
}

func TestALookAlikeIsRefused(t *testing.T) {
	for _, like := range []string{
		"Latchkey_account", "Latchkey_Key", "LATCHKEY-KEY", "latchkey-permissions", "Latchkey-Request_Id", "latchkey_request_id", "LATCHKEY_SIGNATURE",
	} {
		h := headers(t, bot)
		h[like] = []string{"evil"}
		c, err := verify(h)
		refused(t, c, err, "spelled differently")

		// Also when the real one is not there.
		real := http.CanonicalHeaderKey(strings.ReplaceAll(like, "_", "-"))
		h[like] = h[real]
		delete(h, real)
		c, err = verify(h)
		refused(t, c, err, "spelled differently")
	}
}

func TestNoPartCanBeChanged(t *testing.T) {
	for name, value := range map[string]string{
		"Latchkey-Account": "acmf", "Latchkey-Key": "bot-2", "Latchkey-Permissions": "read,trade,funds_external", "Latchkey-Request-Id": "01HZ",
	} {
		h := headers(t, bot)
		h.Set(name, value)
		c, err := verify(h)
		refused(t, c, err, identity.ErrForged.Error())
	}
	h := headers(t, bot)
	h.Set("Latchkey-Signature", strings.Replace(h.Get("Latchkey-Signature"), "t=1700000000", "t=1700000001", 1))
	c, err := verify(h)
	refused(t, c, err, identity.ErrForged.Error())
}

func TestCapturedHeadersServeNoOtherRequest(t *testing.T) {
	for name, r := range map[string]struct{ method, target, body string }{
		"method": {"GET", target, string(body)},
		"action": {method, "do_withdrawal_funds", string(body)},
		"query":  {method, target + "?a=1", string(body)},
		"body":   {method, target, `{"side":"SELL"}`},
		"empty":  {method, target, ""},
	} {
		c, err := identity.Verify(secret, now, identity.Window, headers(t, bot), r.method, r.target, []byte(r.body))
		if !errors.Is(err, identity.ErrForged) {
			t.Errorf("%s: error is %v", name, err)
		}
		refused(t, c, err, "")
	}
}

func TestThePublicHeadersGiveNoKey(t *testing.T) {
	for name, h := range map[string]http.Header{"public": headers(t, nobody), "signed": headers(t, bot)} {
		for _, header := range []string{"Latchkey-Account", "Latchkey-Key", "Latchkey-Permissions"} {
			was := h.Get(header)
			h.Set(header, map[string]string{"public": "read", "signed": ""}[name])
			c, err := verify(h)
			refused(t, c, err, "all given")
			h.Set(header, was)
		}
	}
}

func TestTheWindowIsClosedOnBothSides(t *testing.T) {
	h := headers(t, bot)
	for offset, ok := range map[time.Duration]bool{
		0: true, 30 * time.Second: true, -30 * time.Second: true,
		30*time.Second + 1: false, -30*time.Second - 1: false, 100 * 365 * 24 * time.Hour: false,
	} {
		c, err := identity.Verify(secret, now.Add(offset), identity.Window, h, method, target, body)
		if ok && err != nil {
			t.Errorf("%v: %v", offset, err)
		}
		if !ok {
			refused(t, c, err, identity.ErrStale.Error())
		}
	}
	for _, window := range []time.Duration{0, -1} {
		c, err := identity.Verify(secret, now, window, h, method, target, body)
		refused(t, c, err, identity.ErrStale.Error())
	}
	c, err := identity.Verify(secret, time.Time{}, identity.Window, h, method, target, body)
	refused(t, c, err, identity.ErrStale.Error())
}

func TestAnotherOrAShortSecretIsRefused(t *testing.T) {
	c, err := identity.Verify([]byte("0123456789abcdef0123456789abcdeF"), now, identity.Window, headers(t, bot), method, target, body)
	refused(t, c, err, identity.ErrForged.Error())
	for _, short := range [][]byte{nil, {}, []byte("fifteen bytes..")} {
		c, err := identity.Verify(short, now, identity.Window, headers(t, bot), method, target, body)
		refused(t, c, err, identity.ErrSecret.Error())
		if h, err := identity.Sign(short, now, bot, method, target, body); !errors.Is(err, identity.ErrSecret) || h != nil {
			t.Errorf("signed with a secret of %d bytes", len(short))
		}
	}
}

func TestASignatureHasOneForm(t *testing.T) {
	good := headers(t, bot).Get("Latchkey-Signature")
	mac := good[len(good)-44:]
	// The last character before the padding has two bits that no byte uses: with
	// them set it is a second spelling of the same MAC.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	stray := mac[:42] + string(alphabet[strings.IndexByte(alphabet, mac[42])+1]) + "="
	for _, bad := range []string{
		"", mac, "v1", "v2" + good[2:], "V1" + good[2:], " " + good, good + " ", good + ",x=1", good + "\n",
		"v1,h=" + mac + ",t=1700000000", "v1;t=1700000000;h=" + mac, "v1, t=1700000000, h=" + mac,
		"v1,t=,h=" + mac, "v1,t=+1700000000,h=" + mac, "v1,t=-1700000000,h=" + mac, "v1,t=01700000000,h=" + mac,
		"v1,t=1700000000.0,h=" + mac, "v1,t=1700000000123,h=" + mac, "v1,t=17000000000000000000,h=" + mac,
		"v1,t=1700000000,h=", "v1,t=1700000000,h=" + mac[:43], "v1,t=1700000000,h=" + stray, "v1,t=1700000000,h=" + mac + "=",
		"v1,t=1700000000,h=" + mac[:40] + "\n\n\n\n", "v1,t=1700000000,h=" + strings.Repeat("-", 44),
	} {
		h := headers(t, bot)
		h["Latchkey-Signature"] = []string{bad}
		c, err := verify(h)
		refused(t, c, err, "not of the form")
	}
}

func TestSignRefusesWhatCouldBeMisread(t *testing.T) {
	with := func(change func(*identity.Caller)) identity.Caller {
		c := bot
		change(&c)
		return c
	}
	for name, c := range map[string]identity.Caller{
		"nobody at all":        {},
		"no request id":        with(func(c *identity.Caller) { c.RequestID = "" }),
		"key without account":  with(func(c *identity.Caller) { c.Account = "" }),
		"account without key":  with(func(c *identity.Caller) { c.Key = "" }),
		"key may do nothing":   with(func(c *identity.Caller) { c.Permissions = nil }),
		"line feed":            with(func(c *identity.Caller) { c.Account = "acme\nbot-9" }),
		"header injection":     with(func(c *identity.Caller) { c.RequestID = "1\r\nLatchkey-Key: x" }),
		"comma in permission":  with(func(c *identity.Caller) { c.Permissions = []string{"read,trade"} }),
		"empty permission":     with(func(c *identity.Caller) { c.Permissions = []string{"read", ""} }),
		"permission twice":     with(func(c *identity.Caller) { c.Permissions = []string{"read", "read"} }),
		"too many permissions": with(func(c *identity.Caller) { c.Permissions = make([]string, 33) }),
		"too long":             with(func(c *identity.Caller) { c.Key = strings.Repeat("k", 129) }),
		"not ASCII":            with(func(c *identity.Caller) { c.Key = "bоt" }),
	} {
		if h, err := identity.Sign(secret, now, c, method, target, body); err == nil || h != nil {
			t.Errorf("%s: signed", name)
		}
	}
	for name, r := range map[string][2]string{
		"no method": {"", target}, "method with a line feed": {"POST\n", target}, "no target": {method, ""}, "path": {method, "rest/" + target},
		"target with a line feed": {method, target + "\n"}, "query only": {method, "?a=1"}, "space in the query": {method, target + "?a= "}, "line feed in the query": {method, target + "?\n"},
	} {
		if h, err := identity.Sign(secret, now, bot, r[0], r[1], body); err == nil || h != nil {
			t.Errorf("%s: signed", name)
		}
	}
	if _, err := identity.Sign(secret, time.Time{}, bot, method, target, body); err == nil {
		t.Error("signed at year 1")
	}
}

// Two different statements never carry the same MAC: the framing has one reading.
func TestDifferentStatementsHaveDifferentMACs(t *testing.T) {
	id := rapid.StringMatching(`[a-z]{1,3}`)
	rapid.Check(t, func(t *rapid.T) {
		draw := func() (identity.Caller, string) {
			return identity.Caller{Account: id.Draw(t, "account"), Key: id.Draw(t, "key"), RequestID: id.Draw(t, "request"),
				Permissions: rapid.SliceOfNDistinct(id, 1, 3, rapid.ID[string]).Draw(t, "permissions")}, id.Draw(t, "target")
		}
		a, aTarget := draw()
		b, bTarget := draw()
		x, errX := identity.Sign(secret, now, a, method, aTarget, nil)
		y, errY := identity.Sign(secret, now, b, method, bTarget, nil)
		if errX != nil || errY != nil {
			t.Fatal(errX, errY)
		}
		same := cmp.Equal(a, b) && aTarget == bTarget
		if (x[4] == y[4]) != same {
			t.Fatalf("%+v %s and %+v %s: same MAC %v", a, aTarget, b, bTarget, !same)
		}
	})
}

func FuzzVerify(f *testing.F) {
	good := headers(f, bot)
	f.Add("acme", "bot-1", "read,trade", "01HX", good.Get("Latchkey-Signature"))
	f.Add("", "", "", "01HY", headers(f, nobody).Get("Latchkey-Signature"))
	f.Add("acme\n", "bot-1", "read,,", "", "v1,t=1700000000,h=")
	f.Fuzz(func(t *testing.T, account, key, permissions, request, sig string) {
		h := http.Header{"Latchkey-Account": {account}, "Latchkey-Key": {key}, "Latchkey-Permissions": {permissions},
			"Latchkey-Request-Id": {request}, "Latchkey-Signature": {sig}}
		c, err := verify(h)
		if err != nil {
			refused(t, c, err, "")
			return
		}
		again, err := identity.Sign(secret, now, c, method, target, body)
		if err != nil || again[0].Value != account || again[1].Value != key || again[2].Value != permissions || again[3].Value != request {
			t.Fatalf("accepted %v, signing it gives %v, %v", h, again, err)
		}
	})
}
