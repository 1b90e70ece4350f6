package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey/identity"
)

// decode reads the data of a message that must be a success.
func decode[T any](t testing.TB, m received) (v T) {
	t.Helper()
	if err := json.Unmarshal(m.Data, &v); err != nil || m.OK != "ok" {
		t.Fatalf("%s: %v", m.raw, err)
	}
	return v
}

// apply is what a client does with a push: each level holds what it says.
func (b *bookChange) apply(t testing.TB, push bookChange) {
	t.Helper()
	if push.SeqID != b.SeqID+1 || push.Pair != b.Pair {
		t.Fatalf("after %s %d comes %s %d: something was lost or doubled", b.Pair, b.SeqID, push.Pair, push.SeqID)
	}
	b.SeqID = push.SeqID
	b.Bids, b.Asks = merge(b.Bids, push.Bids), merge(b.Asks, push.Asks)
}

// merge applies changes and forgets order: a test compares the sets.
func merge(levels, changes [][2]string) [][2]string {
	for _, change := range changes {
		levels = slices.DeleteFunc(levels, func(l [2]string) bool { return l[0] == change[0] })
		if change[1] != "0.00000000" {
			levels = append(levels, change)
		}
	}
	slices.SortFunc(levels, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	return levels
}

// The snapshot and the pushes after it are the book, whoever changes it and
// when; without a subscription nothing comes.
func TestABookSubscriptionIsTheBook(t *testing.T) {
	for _, door := range []string{"ws", "ws-public"} {
		t.Run(door, func(t *testing.T) {
			d := newDesk(t)
			b := d.dial(d.serve().URL, door, map[string]identity.Caller{"ws": signed("eve", "read"), "ws-public": nobody()}[door])
			book := decode[bookChange](t, b.ask("order_book_subscribe", "1", `{"pair":"BTC-USD"}`))
			if len(book.Bids) != quoteDepth || len(book.Asks) != quoteDepth || book.Pair != "BTC-USD" {
				t.Fatalf("snapshot %+v", book)
			}
			d.order("acme", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500"`)
			d.order("acme", "BUY", "Market", `"amountCcy1":"0.5"`)
			d.clock = d.clock.Add(quoteEvery)
			d.tick()
			for range 4 { // two orders, the quotes after the second, the tick
				m := b.next()
				if m.E != bookStream || m.OID != "" {
					t.Fatalf("got %s", m.raw)
				}
				book.apply(t, decode[bookChange](t, m))
				if book.SeqID == 3 {
					break
				}
			}
			_, body := d.public("get_order_book", `{"pair":"BTC-USD"}`)
			want := data[bookView](t, 200, body)
			if diff := cmp.Diff(merge(nil, append(want.Bids, want.Asks...)), merge(book.Bids, book.Asks)); diff != "" {
				t.Errorf("book after the pushes (-want +got):\n%s", diff)
			}
			expect(t, "unsubscribe", b.ask("order_book_unsubscribe", "2", `{"pair":"BTC-USD"}`).raw,
				`{"e":"order_book_unsubscribe","oid":"2","data":{"pair":"BTC-USD"},"ok":"ok"}`)
			d.clock = d.clock.Add(quoteEvery)
			d.tick()
			expect(t, "the next message", b.ask("get_server_time", "3", `{}`).E, "get_server_time")
		})
	}
}

// The answer, then what was, then what comes; each trade once.
func TestATradeSubscriptionIsTheTrades(t *testing.T) {
	d := newDesk(t)
	b := d.dial(d.serve().URL, "ws-public", nobody())
	expect(t, "answer", b.ask("trade_subscribe", "1", `{"pair":"BTC-USD"}`).raw, `{"e":"trade_subscribe","oid":"1","data":{"pair":"BTC-USD"},"ok":"ok"}`)
	m := b.next()
	expect(t, "then", m.E, "tradeHistorySnapshot")
	past := decode[tradeSnapshot](t, m)
	_, body := d.public("get_trade_history", `{"pair":"BTC-USD","pageSize":100}`)
	if diff := cmp.Diff(data[tradeSnapshot](t, 200, body).Trades, past.Trades); diff != "" || past.Pair != "BTC-USD" || len(past.Trades) == 0 {
		t.Errorf("snapshot (-want +got):\n%s", diff)
	}
	d.order("acme", "SELL", "Market", `"amountCcy1":"0.001"`)
	d.clock = d.clock.Add(time.Minute)
	d.tick()
	for i, want := range []string{"SELL 0.00100000", "BUY"} {
		m := b.next()
		push := decode[tradePush](t, m)
		if m.E != tradeStream || push.Pair != "BTC-USD" || i == 0 && push.Side+" "+push.Amount != want {
			t.Errorf("push %d: %s", i, m.raw)
		}
	}
	b.ask("trade_unsubscribe", "2", `{"pair":"BTC-USD"}`)
	d.clock = d.clock.Add(time.Minute)
	d.tick()
	expect(t, "the next message", b.ask("get_server_time", "3", `{}`).E, "get_server_time")
}

// Every session of an account hears of it, over whichever door things happened;
// no other account and no public session ever does.
func TestPushesOfAnAccountGoToItsSessionsOnly(t *testing.T) {
	d := newDesk(t)
	url := d.serve().URL
	ann, also := d.dial(url, "ws", signed("ann", everything...)), d.dial(url, "ws", signed("ann", "read"))
	others := map[string]*bot{
		"bob":               d.dial(url, "ws", signed("bob", everything...)),
		"nobody":            d.dial(url, "ws-public", nobody()),
		"ann, without Read": d.dial(url, "ws", signed("ann", "trade")),
	}
	d.order("ann", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500","clientOrderId":"rest"`)
	d.call("ann", "do_deposit_funds_from_wallet", `{"clientTxId":"t","accountId":"sub1","currency":"BTC","amount":"0.1"}`)
	ann.ask("do_cancel_my_order", "1", `{"clientOrderId":"ghost","cancelRequestId":"c","timestamp":1}`)
	var told []string
	for range 5 {
		m := also.next()
		if m.OK != "ok" || m.OID != "" {
			t.Errorf("pushed %s", m.raw)
		}
		told = append(told, m.E)
	}
	want := []string{"executionReport", "account_update", "account_update", "account_update", "orderCancelReject"}
	if !slices.Equal(told, want) {
		t.Errorf("told %v, want %v", told, want)
	}
	for name, b := range others {
		b.say(`{"e":"ping"}`)
		if m := b.next(); m.raw != `{"e":"pong"}` {
			t.Errorf("%s was told %s", name, m.raw)
		}
	}
}

// reported is what the tests read of an executionReport.
type reported struct{ ExecutionType, ExecutionID string }

// What a request did is pushed before it is answered, as it happened.
func TestAnAnswerComesAfterItsOwnPushes(t *testing.T) {
	d := newDesk(t)
	b := d.dial(d.serve().URL, "ws", signed("acme", everything...))
	b.say(fmt.Sprintf(`{"e":"do_my_new_order","oid":"1","data":%s}`, d.orderBody("BUY", "Market", `"amountCcy1":"0.01"`)))
	var told []string
	for {
		m := b.next()
		if m.OID != "" {
			expect(t, "answer", string(decode[placedView](t, m).Status), "FILLED")
			break
		}
		if m.E == "executionReport" {
			told = append(told, decode[reported](t, m).ExecutionType)
		}
	}
	expect(t, "before it", strings.Join(told, " "), "New Trade")
}

// Ten thousand pushes: a reader that keeps up gets each once, in the order in
// which the exchange numbered them.
func TestNoPushIsLostDoubledOrOutOfOrder(t *testing.T) {
	const pushes = 10_000
	d := newDesk(t)
	b := d.dial(d.serve().URL, "ws", signed("acme", everything...))
	book := decode[bookChange](t, b.ask("order_book_subscribe", "1", `{"pair":"BTC-USD"}`))
	ahead := make(chan struct{}, longestQueue/16) // an order makes eight messages
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for i := 0; ; i++ {
			select {
			case ahead <- struct{}{}:
			case <-stop:
				return
			}
			ref := fmt.Sprintf("o-%d", i)
			d.call("acme", "do_my_new_order", d.orderBody("BUY", "Limit", fmt.Sprintf(`"amountCcy1":"0.01","price":"7500","clientOrderId":%q`, ref)))
			d.call("acme", "do_cancel_my_order", fmt.Sprintf(`{"clientOrderId":%q,"cancelRequestId":"c","timestamp":1}`, ref))
		}
	}()
	defer func() {
		close(stop)
		<-stopped
	}()
	reports := 0
	for n := 0; n < pushes; n++ {
		switch m := b.next(); m.E {
		case bookStream:
			book.apply(t, decode[bookChange](t, m))
		case "executionReport":
			reports++
			if id := decode[reported](t, m).ExecutionID; id != fmt.Sprintf("%d_101_%d", d.clock.UnixMilli(), reports) {
				t.Fatalf("report %d is %s", reports, id)
			}
			if reports%2 == 0 {
				<-ahead
			}
		}
	}
	if reports < pushes/5 || book.SeqID < pushes/5 {
		t.Errorf("%d reports and %d changes of the book in %d pushes", reports, book.SeqID, pushes)
	}
}
