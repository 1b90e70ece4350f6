package sandbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// state is what the tests of an order look at.
func state(v placedView) string {
	return fmt.Sprintf("%s %s for %s, fee %s", v.Status, v.ExecutedCcy1, v.ExecutedCcy2, v.FeeAmount)
}

// now is the state of an order as its owner can read it.
func (d *desk) now(account string, v placedView) string {
	d.t.Helper()
	code, body := d.call(account, "get_my_orders", fmt.Sprintf(`{"orderId":%s}`, v.OrderID))
	list := data[[]listedView](d.t, code, body)
	if len(list) != 1 {
		d.t.Fatalf("%d orders of id %s", len(list), v.OrderID)
	}
	return state(placedView{orderView: list[0].orderView})
}

// expect compares two texts.
func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// The heart: better price first, older order first, a part where that is all,
// and the resting order's price for both.
func TestOrdersOfTwoClientsMeetAtTheRestingPriceInOrderOfTime(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	late := d.order("ann", "SELL", "Limit", `"amountCcy1":"1","price":"50001"`)
	first := d.order("ann", "SELL", "Limit", `"amountCcy1":"1","price":"50000"`)
	second := d.order("bob", "SELL", "Limit", `"amountCcy1":"1","price":"50000"`)
	taker := d.order("cyd", "BUY", "Limit", `"amountCcy1":"1.5","price":"50500"`)

	expect(t, "taker", state(taker), "FILLED 1.50000000 for 75000.00000000, fee 187.50000000")
	expect(t, "first", d.now("ann", first), "FILLED 1.00000000 for 50000.00000000, fee 125.00000000")
	expect(t, "second", d.now("bob", second), "PARTIALLY_FILLED 0.50000000 for 25000.00000000, fee 62.50000000")
	expect(t, "worse price", d.now("ann", late), "NEW 0.00000000 for 0.00000000, fee 0.00000000")
	total, hold := d.funds("cyd", "sub1", "USD")
	expect(t, "taker's USD", total+" "+hold, "24812.50000000 0.00000000")
	total, hold = d.funds("bob", "sub1", "BTC")
	expect(t, "second's BTC", total+" "+hold, "9.50000000 0.50000000")
	d.mustBalance()
}

// What is held is what the rest can cost at most, never more, and a cancel gives
// back all of it.
func TestARestingBuyerHoldsPriceAndFeeAndGetsTheRestBack(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	o := d.order("ann", "BUY", "Limit", `"amountCcy1":"1","price":"50000"`)
	_, hold := d.funds("ann", "sub1", "USD")
	expect(t, "hold of the whole", hold, "50125.00000000")
	d.order("bob", "SELL", "Limit", `"amountCcy1":"0.4","price":"40000"`)
	total, hold := d.funds("ann", "sub1", "USD")
	expect(t, "after a part", total+" "+hold, "79950.00000000 30075.00000000")
	d.call("ann", "do_cancel_my_order", fmt.Sprintf(`{"orderId":%s,"cancelRequestId":"c1","timestamp":1}`, o.OrderID))
	_, hold = d.funds("ann", "sub1", "USD")
	expect(t, "after the cancel", hold, "0.00000000")
	expect(t, "order", d.now("ann", o), "CANCELLED 0.40000000 for 20000.00000000, fee 50.00000000")
	d.mustBalance()
}

// These two never rest, also when nothing at all could be executed.
func TestWhatIOCAndMarketCannotExecuteIsCancelled(t *testing.T) {
	d := newDesk(t)
	m := d.quiet("BTC-USD")
	d.order("ann", "SELL", "Limit", `"amountCcy1":"0.1","price":"50000"`)
	d.order("ann", "SELL", "Limit", `"amountCcy1":"0.1","price":"51000"`)

	ioc := d.order("bob", "BUY", "Limit", `"amountCcy1":"1","price":"50500","timeInForce":"IOC"`)
	expect(t, "IOC", state(ioc), "CANCELLED 0.10000000 for 5000.00000000, fee 12.50000000")
	market := d.order("bob", "BUY", "Market", `"amountCcy1":"1"`)
	expect(t, "Market", state(market), "CANCELLED 0.10000000 for 5100.00000000, fee 12.75000000")
	empty := d.order("bob", "BUY", "Market", `"amountCcy1":"1"`)
	expect(t, "empty book", state(empty), "CANCELLED 0.00000000 for 0.00000000, fee 0.00000000")
	if len(m.book.bids) != 0 {
		t.Error("a part that was cancelled rests in the book")
	}
	d.mustBalance()
}

// The fee comes out of a buyer's budget; a seller's proceeds are the budget.
func TestMarketOrdersByAmountCcy2SpendTheBudgetAndNoMore(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	d.order("ann", "SELL", "Limit", `"amountCcy1":"5","price":"50000"`)
	d.order("ann", "BUY", "Limit", `"amountCcy1":"1","price":"40000"`)

	// 1000 = amount x 50000 x 1.0025, in whole lots of 0.000001
	buyer := d.order("bob", "BUY", "Market", `"amountCcy2":"1000"`)
	expect(t, "buyer", state(buyer), "FILLED 0.01995000 for 997.50000000, fee 2.49375000")
	seller := d.order("bob", "SELL", "Market", `"amountCcy2":"1000"`)
	expect(t, "seller", state(seller), "FILLED 0.02500000 for 1000.00000000, fee 2.50000000")
	d.mustBalance()
}

// A budget that is a hair short of a lot must not be rounded up to it.
func TestABudgetIsNeverOverspent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &pair{"BTC", "USD", 6, 1}
		o := &order{ask: ask{side: buy, kind: atMarket}, pair: p, rate: dec("0.25")}
		amount := decimal.New(rapid.Int64Range(1, 1_000_000).Draw(t, "lots"), -6)
		price := decimal.New(rapid.Int64Range(600, 60_000_000).Draw(t, "ticks"), -1)
		cost := amount.Mul(price)
		exact := cost.Add(o.feeOn(cost))
		o.budget = exact
		if got := o.wants(price); !got.Equal(amount) {
			t.Fatalf("%s at %s buys %s, want %s", exact, price, got, amount)
		}
		o.budget = exact.Sub(unit(places))
		if got := o.wants(price); !got.Equal(amount.Sub(unit(6))) {
			t.Fatalf("%s at %s buys %s, one lot too much", o.budget, price, got)
		}
	})
}

// The cost alone is in the account to the cent: that is not enough.
func TestAMarketBuyerNeedsTheFeeToo(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	d.order("ann", "SELL", "Limit", `"amountCcy1":"2","price":"50000"`)
	if o := d.order("bob", "BUY", "Market", `"amountCcy1":"2"`); o.RejectCode != 403 {
		t.Errorf("100000 USD bought 2 BTC at 50000 and the fee: %s", state(o))
	}
	d.mustBalance()
}

// The budget becomes whole lots at the limit price; the fee comes on top.
func TestALimitOrderMayNameAmountCcy2(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	o := d.order("ann", "BUY", "Limit", `"amountCcy2":"1000","price":"30000"`)
	_, hold := d.funds("ann", "sub1", "USD")
	expect(t, "hold", hold, "1002.48997500") // 0.033333 at 30000 and 0.25 %
	if o.RequestedCcy1 != nil || o.RequestedCcy2 == nil || *o.RequestedCcy2 != "1000.00000000" {
		t.Errorf("requested %v and %v", o.RequestedCcy1, o.RequestedCcy2)
	}
	d.mustBalance()
}

// Not at the price before it, at once with the trade that reaches it.
func TestAStopOrderWaitsForItsPrice(t *testing.T) {
	d := newDesk(t)
	m := d.quiet("BTC-USD")
	m.last = dec("50000")
	stop := d.order("ann", "BUY", "Limit", `"type":"Stop Limit","amountCcy1":"0.1","price":"52000","stopPrice":"51000"`)
	if stop.OrderType != stopLimit || stop.Status != open || *stop.StopPrice != "51000" {
		t.Errorf("placed as %+v", stop)
	}
	_, hold := d.funds("ann", "sub1", "USD")
	expect(t, "hold while waiting", hold, "5213.00000000")

	d.order("bob", "SELL", "Limit", `"amountCcy1":"0.1","price":"50999.9"`)
	d.order("cyd", "BUY", "Limit", `"amountCcy1":"0.05","price":"50999.9"`)
	expect(t, "below the stop", d.now("ann", stop), "NEW 0.00000000 for 0.00000000, fee 0.00000000")
	d.order("cyd", "BUY", "Limit", `"amountCcy1":"0.05","price":"50999.9"`) // clears the way
	d.order("bob", "SELL", "Limit", `"amountCcy1":"0.2","price":"51000"`)
	d.order("cyd", "BUY", "Limit", `"amountCcy1":"0.05","price":"51000"`)
	expect(t, "at the stop", d.now("ann", stop), "FILLED 0.10000000 for 5100.00000000, fee 12.75000000")
	d.mustBalance()
}

// It is in no book, and must be found all the same.
func TestAStopOrderCanBeCancelledWhileItWaits(t *testing.T) {
	d := newDesk(t)
	m := d.quiet("BTC-USD")
	m.last = dec("50000")
	d.order("ann", "SELL", "Stop Limit", `"amountCcy1":"0.1","price":"39000","stopPrice":"40000"`)
	d.call("ann", "do_cancel_all_orders", `{}`)
	if _, hold := d.funds("ann", "sub1", "BTC"); hold != "0.00000000" || len(m.stops) != 0 {
		t.Errorf("hold %s, %d stops wait", hold, len(m.stops))
	}
	d.mustBalance()
}

// At its expireTime the order is over; a millisecond earlier it is not.
func TestAGTDOrderEndsWhenItsTimeIsOverAndNotBefore(t *testing.T) {
	d := newDesk(t)
	o := d.order("ann", "BUY", "Limit", fmt.Sprintf(`"amountCcy1":"0.1","price":"7500","timeInForce":"GTD","expireTime":%d`, noon.Add(time.Minute).UnixMilli()))
	d.clock = noon.Add(time.Minute - time.Millisecond)
	expect(t, "a millisecond before", d.now("ann", o), "NEW 0.00000000 for 0.00000000, fee 0.00000000")
	d.clock = noon.Add(time.Minute)
	expect(t, "in time", d.now("ann", o), "EXPIRED 0.00000000 for 0.00000000, fee 0.00000000")
	if _, hold := d.funds("ann", "sub1", "USD"); hold != "0.00000000" {
		t.Errorf("hold %s after the end", hold)
	}
	d.mustBalance()
}

// One client's orders may meet: both sides pay the fee, nothing else changes.
func TestAClientMayTradeWithItself(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	d.order("ann", "SELL", "Limit", `"amountCcy1":"1","price":"50000"`)
	d.order("ann", "BUY", "Market", `"amountCcy1":"1"`)
	usd, _ := d.funds("ann", "sub1", "USD")
	btc, _ := d.funds("ann", "sub1", "BTC")
	expect(t, "funds", usd+" "+btc, "99750.00000000 10.00000000")
	d.mustBalance()
}

// Who takes from the house must find it there again, and at today's price.
func TestTheHouseQuotesAnewAfterAFillAndFollowsThePrice(t *testing.T) {
	d := newDesk(t)
	m := d.byPair["BTC-USD"]
	before := m.book.best(sell)
	amount := before.size
	d.order("ann", "BUY", "Market", `"amountCcy1":"0.5"`)
	d.public("get_server_time", `{}`)
	if best := m.book.best(sell); best == before || !best.left().Equal(amount) || !best.price.Equal(m.pair.ask(noon, 0)) {
		t.Errorf("after a fill the house asks %s for %s", best.price, best.left())
	}
	d.clock = noon.Add(time.Hour)
	d.public("get_server_time", `{}`)
	if best := m.book.best(buy); !best.price.Equal(m.pair.bid(d.clock, 0)) {
		t.Errorf("an hour later the house bids %s, the model %s", best.price, m.pair.bid(d.clock, 0))
	}
	d.mustBalance()
}

// A resting order is met by the house as it follows the price.
func TestAPriceThatReachesARestingOrderFillsIt(t *testing.T) {
	d := newDesk(t)
	m := d.byPair["BTC-USD"]
	price := m.pair.ask(noon, 0).Sub(unit(1)) // just below what the house asks
	o := d.order("ann", "BUY", "Limit", fmt.Sprintf(`"amountCcy1":"0.1","price":"%s"`, price))
	for range 360 {
		d.clock = d.clock.Add(time.Minute)
		d.public("get_server_time", `{}`)
	}
	expect(t, "after six hours", d.now("ann", o)[:6], "FILLED")
	d.mustBalance()
}

// Whatever clients do, funds are conserved, holds fit and no book is crossed.
func TestFundsAreConserved(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDesk(t)
		for range rapid.IntRange(1, 25).Draw(rt, "steps") {
			d.clock = d.clock.Add(time.Duration(rapid.IntRange(0, 90).Draw(rt, "seconds")) * time.Second)
			account := rapid.SampledFrom([]string{"ann", "bob"}).Draw(rt, "account")
			action, body := d.anyRequest(rt)
			if code, answer := d.call(account, action, body); code != 200 && code != 422 && code != 500 {
				rt.Fatalf("%s %s: %d %s", action, body, code, answer)
			}
			if err := d.audit(); err != nil {
				rt.Fatalf("after %s %s: %v", action, body, err)
			}
		}
	})
}

// anyRequest draws something that moves funds.
func (d *desk) anyRequest(t *rapid.T) (action, body string) {
	amount := rapid.SampledFrom([]string{"0.000017", "0.0123", "0.3", "1.000001", "2", "9", "50"}).Draw(t, "amount")
	switch rapid.IntRange(0, 9).Draw(t, "action") {
	case 0:
		return "do_cancel_all_orders", `{}`
	case 1:
		return "do_my_internal_transfer", fmt.Sprintf(`{"fromAccountId":"sub1","toAccountId":"sub2","currency":"BTC","amount":%q}`, amount)
	case 2:
		name := rapid.SampledFrom([]string{"do_deposit_funds_from_wallet", "do_withdrawal_funds_to_wallet"}).Draw(t, "way")
		return name, fmt.Sprintf(`{"clientTxId":"t%d","accountId":"sub1","currency":"BTC","amount":%q}`, d.serial.entry, amount)
	case 3:
		return "do_withdrawal_funds", fmt.Sprintf(`{"clientTxId":"t%d","accountId":"sub1","currency":"BTC","amount":%q,
			"instrument":"crypto","blockchain":"bitcoin","parameters":{"address":"x"}}`, d.serial.entry, amount)
	}
	// Around the house's price, so that about half of the orders execute.
	s := rapid.SampledFrom([]string{"BUY", "SELL"}).Draw(t, "side")
	more := fmt.Sprintf(`"amountCcy1":%q`, amount)
	if rapid.IntRange(0, 3).Draw(t, "by") == 0 {
		more = fmt.Sprintf(`"amountCcy2":"%d.37"`, rapid.IntRange(1, 120_000).Draw(t, "sum"))
	}
	if rapid.IntRange(0, 2).Draw(t, "type") == 0 {
		return "do_my_new_order", d.orderBody(s, "Market", more)
	}
	price := 60000 + rapid.IntRange(-1500, 1500).Draw(t, "price")
	more += fmt.Sprintf(`,"price":"%d.5"`, price)
	more += rapid.SampledFrom([]string{"", `,"timeInForce":"IOC"`, `,"stopPrice":"60000"`, `,"stopPrice":"60300"`,
		fmt.Sprintf(`,"timeInForce":"GTD","expireTime":%d`, d.clock.Add(time.Minute).UnixMilli())}).Draw(t, "kind")
	return "do_my_new_order", d.orderBody(s, "Limit", more)
}
