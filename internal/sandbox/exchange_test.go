package sandbox

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"latchkey/catalog"
	"latchkey/identity"
)

var testSecret = []byte("shared by gateway and exchange")

// noon is when every test begins; the model's prices follow from it.
var noon = time.Date(2026, 3, 2, 12, 0, 30, 0, time.UTC)

// desk is an exchange with a clock that the test moves, and the gateway's part:
// it signs identities.
type desk struct {
	*Exchange
	t     testing.TB
	clock time.Time
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	prime, err := catalog.Prime()
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{t: t, clock: noon}
	d.Exchange = New(Config{
		Catalog: prime, IdentitySecret: testSecret, Now: func() time.Time { return d.clock },
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	return d
}

var everything = []string{"read", "trade", "funds_internal", "funds_wallet", "funds_external"}

// send makes a request as the gateway would forward it.
func (d *desk) send(caller identity.Caller, method, path, body string) *httptest.ResponseRecorder {
	d.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	headers, err := identity.Sign(testSecret, d.clock, caller, method, identity.Target(r), []byte(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for _, h := range headers {
		r.Header.Set(h.Name, h.Value)
	}
	w := httptest.NewRecorder()
	d.Handler().ServeHTTP(w, r)
	return w
}

// signed is the identity of a call with a key.
func signed(account string, permissions ...string) identity.Caller {
	return identity.Caller{Account: account, Key: "key-1", Permissions: permissions, RequestID: "r-1"}
}

// call is a call with a key that may do everything.
func (d *desk) call(account, action, body string) (int, string) {
	d.t.Helper()
	w := d.send(signed(account, everything...), "POST", "/api/rest/"+action, body)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// public is a call without a key.
func (d *desk) public(action, body string) (int, string) {
	d.t.Helper()
	w := d.send(identity.Caller{RequestID: "r-1"}, "POST", "/api/rest-public/"+action, body)
	return w.Code, strings.TrimSpace(w.Body.String())
}

// data decodes the data of an answer that must be a success.
func data[T any](t testing.TB, code int, body string) T {
	t.Helper()
	var answer struct {
		OK   string `json:"ok"`
		Data T      `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || code != 200 || answer.OK != "ok" {
		t.Fatalf("got %d %s (%v), want a success", code, body, err)
	}
	return answer.Data
}

// refused checks an answer that must be a refusal with exactly this text.
func refused(t testing.TB, code int, body string, wantCode int, wantText string) {
	t.Helper()
	want, err := json.Marshal(map[string]string{"error": wantText})
	if err != nil {
		t.Fatal(err)
	}
	if code != wantCode || body != string(want) {
		t.Errorf("got %d %s\nwant %d %s", code, body, wantCode, want)
	}
}

// order places an order of account "sub1" on BTC-USD; more is appended to the
// body's members, such as `"price":"7500"`.
func (d *desk) order(account, s, orderType, more string) placedView {
	d.t.Helper()
	code, body := d.call(account, "do_my_new_order", d.orderBody(s, orderType, more))
	return data[placedView](d.t, code, body)
}

// orderBody is the request of order, for tests that send it themselves.
func (d *desk) orderBody(s, orderType, more string) string {
	return fmt.Sprintf(`{"accountId":"sub1","currency1":"BTC","currency2":"USD","side":%q,"orderType":%q,"timestamp":%d,%s}`,
		s, orderType, d.clock.UnixMilli(), more)
}

// funds returns total and hold of a balance.
func (d *desk) funds(account, sub, currency string) (total, hold string) {
	d.t.Helper()
	code, body := d.call(account, "get_my_account_status_v3", fmt.Sprintf(`{"accountIds":[%q]}`, sub))
	b := data[accountStatus](d.t, code, body).BalancesPerAccounts[sub][currency]
	return b.Balance, b.OnHold
}

// quiet takes the house out of a market, so that only the test's orders are in it.
func (d *desk) quiet(pair string) *market {
	m := d.byPair[pair]
	for _, o := range m.quotes {
		if !o.status.final() {
			d.finish(o, cancelled, "Canceled")
		}
	}
	m.quotes, m.stale = nil, false
	// What was minted is counted anew, so that the audit still means something.
	d.house.accounts[""].balances = map[string]*balance{} // it cannot come back
	d.vault.minted = map[string]decimal.Decimal{}
	for currency, sum := range d.sums() {
		d.vault.minted[currency] = sum
	}
	return m
}

// sums adds up all funds by currency, wherever they are.
func (d *desk) sums() map[string]decimal.Decimal {
	sums := map[string]decimal.Decimal{}
	for _, c := range append(clientsOf(d.Exchange), d.house) {
		for _, a := range holders(c) {
			for currency, b := range a.balances {
				grow(sums, currency, b.total)
			}
		}
	}
	for _, part := range []map[string]decimal.Decimal{d.vault.fees, d.vault.outside} {
		for currency, sum := range part {
			grow(sums, currency, sum)
		}
	}
	return sums
}

// clientsOf returns all clients but the house.
func clientsOf(x *Exchange) []*client {
	var all []*client
	for _, c := range x.clients {
		all = append(all, c)
	}
	return all
}

// holders returns everything of a client that can hold funds.
func holders(c *client) []*account {
	var all []*account
	for _, a := range c.accounts {
		all = append(all, a)
	}
	if c.wallet != nil {
		all = append(all, c.wallet)
	}
	return all
}

// audit checks what must hold after every request: no funds appear or vanish,
// nobody owes, holds are what open orders need, and no book is crossed.
func (d *desk) audit() error {
	sums := d.sums()
	for i := range coins {
		if name := coins[i].name; !sums[name].Equal(d.vault.minted[name]) {
			return fmt.Errorf("%s: minted %s, found %s", name, d.vault.minted[name], sums[name])
		}
	}
	for _, c := range append(clientsOf(d.Exchange), d.house) {
		if err := d.auditHolds(c); err != nil {
			return err
		}
	}
	for _, m := range d.markets {
		bid, ask := m.book.best(buy), m.book.best(sell)
		if bid != nil && ask != nil && bid.price.GreaterThanOrEqual(ask.price) {
			return fmt.Errorf("%s is crossed: bid %s, ask %s", m.pair.name(), bid.price, ask.price)
		}
	}
	return nil
}

// auditHolds checks one client: each hold is the sum of what its orders need.
func (d *desk) auditHolds(c *client) error {
	orders := c.orders
	for _, m := range d.markets {
		if c == d.house {
			orders = append(orders, m.quotes...)
		}
	}
	for _, a := range holders(c) {
		needs := map[string]decimal.Decimal{}
		for _, o := range orders {
			if o.account == a {
				grow(needs, o.holdCurrency(), o.need())
			}
		}
		for currency, b := range a.balances {
			if !b.hold.Equal(needs[currency]) || b.hold.IsNegative() || b.available().IsNegative() {
				return fmt.Errorf("%s/%s %s: total %s, hold %s, orders need %s",
					c.id, a.name, currency, b.total, b.hold, needs[currency])
			}
		}
	}
	return nil
}

// mustBalance is audit at the end of a test.
func (d *desk) mustBalance() {
	d.t.Helper()
	if err := d.audit(); err != nil {
		d.t.Error(err)
	}
}

// The audit is what the other tests lean on, so it must see each kind of slip.
func TestAuditNoticesEverySlip(t *testing.T) {
	for name, slip := range map[string]func(*desk){
		"funds appear": func(d *desk) {
			b := d.clients["acme"].accounts["sub1"].balance("USD")
			b.total = b.total.Add(unit(places))
		},
		"funds vanish": func(d *desk) { d.vault.fees["USD"] = d.vault.fees["USD"].Sub(unit(places)) },
		"hold stays":   func(d *desk) { d.clients["acme"].orders[0].status = cancelled },
		"hold is lost": func(d *desk) { d.clients["acme"].accounts["sub1"].balance("USD").hold = decimal.Zero },
		"crossed book": func(d *desk) { d.byPair["BTC-USD"].book.best(buy).price = decimal.New(1_000_000, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.order("acme", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500"`)
			d.mustBalance()
			slip(d)
			if d.audit() == nil {
				t.Error("the audit saw nothing")
			}
		})
	}
}

// Requests come at once; each must find and leave the exchange whole.
func TestManyRequestsAtOnceLeaveTheExchangeWhole(t *testing.T) {
	d := newDesk(t)
	done := make(chan struct{})
	const callers, each = 8, 40
	for i := range callers {
		go func() {
			account := fmt.Sprintf("client-%d", i%4)
			for j := range each {
				body := d.orderBody([]string{"BUY", "SELL"}[j%2], "Limit", fmt.Sprintf(`"amountCcy1":"0.01","price":"%d"`, 60000+(i-4)*10))
				if j%3 == 0 {
					body = d.orderBody("BUY", "Market", `"amountCcy1":"0.01"`)
				}
				d.call(account, "do_my_new_order", body)
				if j%5 == 0 {
					d.call(account, "do_cancel_all_orders", `{}`)
				}
			}
			done <- struct{}{}
		}()
	}
	for range callers {
		<-done
	}
	d.mustBalance()
}
