package sandbox

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// listing returns the clientOrderIds that get_my_orders answers.
func (d *desk) listing(account, body string) string {
	d.t.Helper()
	code, answer := d.call(account, "get_my_orders", body)
	refs := []string{}
	for _, o := range data[[]listedView](d.t, code, answer) {
		if o.StatusIsFinal != o.Status.final() {
			d.t.Errorf("%s: statusIsFinal %v", o.Status, o.StatusIsFinal)
		}
		refs = append(refs, o.ClientOrderID)
	}
	return strings.Join(refs, " ")
}

// Each filter alone, the paging, and which filter beats which.
func TestOrdersAreListedAsAskedFor(t *testing.T) {
	d := newDesk(t)
	place := func(sub, pair, s, ref, price string) {
		base, quote, _ := strings.Cut(pair, "-")
		d.call("acme", "do_my_new_order", fmt.Sprintf(
			`{"accountId":%q,"currency1":%q,"currency2":%q,"side":%q,"orderType":"Limit","timestamp":%d,"amountCcy1":"0.1","price":%q,"clientOrderId":%q}`,
			sub, base, quote, s, d.clock.UnixMilli(), price, ref))
		d.clock = d.clock.Add(time.Second)
	}
	place("sub1", "BTC-USD", "BUY", "a", "7500")
	place("sub2", "BTC-USD", "BUY", "b", "7500")
	place("sub1", "ETH-USD", "SELL", "c", "90000")
	place("sub1", "BTC-USD", "BUY", "gone", "7500")
	place("sub1", "BTC-USD", "BUY", "done", "90000")
	d.call("acme", "do_cancel_my_order", `{"clientOrderId":"gone","cancelRequestId":"c","timestamp":1}`)

	at := func(seconds int) int64 { return noon.Add(time.Duration(seconds) * time.Second).UnixMilli() }
	for _, c := range []struct{ name, body, want string }{
		{"open, newest first", `{}`, "c b a"},
		{"open, oldest first", `{"sortOrder":"ASC"}`, "a b c"},
		{"null is absent", `{"pair":null,"archived":null}`, "c b a"},
		{"archived", fmt.Sprintf(`{"archived":true,"serverCreateTimestampFrom":%d}`, at(0)), "done gone"},
		{"pair", `{"pair":"BTC-USD"}`, "b a"},
		{"side", `{"side":"SELL"}`, "c"},
		{"accounts", `{"accountIds":["sub2"]}`, "b"},
		{"from", fmt.Sprintf(`{"serverCreateTimestampFrom":%d}`, at(1)), "c b"},
		{"to", fmt.Sprintf(`{"serverCreateTimestampTo":%d}`, at(1)), "b a"},
		{"first page", `{"pageSize":2}`, "c b"},
		{"second page", `{"pageSize":2,"pageNumber":1}`, "a"},
		{"page beyond", `{"pageSize":2,"pageNumber":2}`, ""},
		{"page far beyond", `{"pageSize":1000,"pageNumber":9223372036854775807}`, ""},
		{"by id, also ended", `{"orderId":4,"pair":"ETH-USD"}`, "gone"},
		{"clientOrderId beats orderId", `{"clientOrderId":"a","orderId":4,"side":"SELL"}`, "a"},
		{"unknown id", `{"orderId":999}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) { expect(t, "listed", d.listing("acme", c.body), c.want) })
	}

	code, body := d.call("acme", "do_cancel_all_orders", `{"accountIds":["sub1"]}`)
	got := data[struct{ ClientOrderIDs []string }](t, code, body).ClientOrderIDs
	if slices.Sort(got); strings.Join(got, " ") != "a c" {
		t.Errorf("cancelled %v, want those of sub1", got)
	}
	expect(t, "still open", d.listing("acme", `{}`), "b")
}

// The wire has no error for it: only the push says that nothing was cancelled.
func TestACancelOfNothingIsOkAndTold(t *testing.T) {
	d := newDesk(t)
	s := d.overhear(topic{client: "acme"})
	code, body := d.call("acme", "do_cancel_my_order", `{"clientOrderId":"ghost","cancelRequestId":"c-1","timestamp":1}`)
	if body != `{"ok":"ok","data":{}}` || code != 200 {
		t.Errorf("got %d %s", code, body)
	}
	told := s.waiting
	want := cancelReject{"NONE", "ghost", "c-1", "unknown_order"}
	if len(told) != 1 || told[0].E != "orderCancelReject" || told[0].OK != "ok" || told[0].Data != want {
		t.Errorf("told %+v", told)
	}
}

// The order of the pushes is the order in which things happened and none is
// missing. A book is told last, once, as it is after the request.
func TestEventsTellTheLifeOfAnOrder(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	s := d.overhear(topic{client: "ann"}, topic{client: "bob"}, topic{stream: bookStream, pair: "BTC-USD"}, topic{stream: tradeStream, pair: "BTC-USD"})
	o := d.order("ann", "BUY", "Limit", `"amountCcy1":"1","price":"50000"`)
	d.order("bob", "SELL", "Limit", `"amountCcy1":"0.4","price":"50000","timeInForce":"IOC"`)
	d.call("ann", "do_cancel_my_order", fmt.Sprintf(`{"orderId":%s,"cancelRequestId":"c","timestamp":1}`, o.OrderID))
	var told []string
	for _, m := range s.waiting {
		switch push := m.Data.(type) {
		case executionReport:
			told = append(told, fmt.Sprintf("%s %s %s %s", push.ClientID, m.E, push.ExecutionType, push.Status))
		case accountUpdate:
			if push.Currency == "USD" {
				told = append(told, fmt.Sprintf("%s %s %s %s %s", push.ClientID, m.E, push.Action, push.Balance, push.OnHold))
			}
		case tradePush:
			told = append(told, fmt.Sprintf("%s %s %s %s", m.E, push.Pair, push.Price, push.Amount))
		case bookChange:
			told = append(told, fmt.Sprintf("%s %d %v %v", m.E, push.SeqID, push.Bids, push.Asks))
		}
	}
	want := []string{
		"ann executionReport New NEW", "ann account_update order 100000.00000000 50125.00000000",
		"order_book_increment 1 [[50000 1.00000000]] []",
		"bob executionReport New NEW", "bob account_update order 100000.00000000 0.00000000",
		"ann executionReport Trade PARTIALLY_FILLED", "ann account_update order 79950.00000000 30075.00000000",
		"bob executionReport Trade FILLED", "bob account_update order 119950.00000000 0.00000000",
		"tradeUpdate BTC-USD 50000 0.40000000", "order_book_increment 2 [[50000 0.60000000]] []",
		"ann executionReport Canceled CANCELLED", "ann account_update order 79950.00000000 0.00000000",
		"order_book_increment 3 [[50000 0.00000000]] []",
	}
	if !slices.Equal(told, want) {
		t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(want, "\n"))
	}
}

// A bot that trades for months must not fill the memory, and what is trimmed
// must never be an order that still binds funds.
func TestMemoryIsBounded(t *testing.T) {
	d := newDesk(t)
	keep := d.order("acme", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500","clientOrderId":"keep"`)
	c := d.clients["acme"]
	for range 2*kept + 1 {
		o := &order{id: d.serial.order + 1, client: c, account: c.accounts["sub1"], status: cancelled}
		d.serial.order++
		d.enlist(o)
	}
	if len(c.orders) > 2*kept || len(c.byID) != len(c.orders) {
		t.Errorf("%d orders in the list, %d in the index", len(c.orders), len(c.byID))
	}
	expect(t, "an open order among them", d.now("acme", keep), "NEW 0.00000000 for 0.00000000, fee 0.00000000")
	if list := trim(make([]int, 2*kept+1), kept); len(list) != kept {
		t.Errorf("trim left %d", len(list))
	}
}
