package sandbox

import (
	"fmt"
	"slices"

	"github.com/shopspring/decimal"
)

// admit takes an order that passed every check: it holds what it needs, and
// trades, rests or waits for its stop price.
func (x *Exchange) admit(m *market, o *order) {
	o.status = open
	x.rehold(o)
	o.firstHold = o.hold
	x.report(o, "New", nil)
	if !o.expires.IsZero() {
		x.timed = append(x.timed, o)
	}
	if o.kind == stopLimit {
		m.stops = append(m.stops, o)
	} else {
		x.enter(m, o)
	}
	x.trip(m)
}

// trip wakes the stop orders that the last price has reached, the oldest
// first; each may move the price and so wake the next.
func (x *Exchange) trip(m *market) {
	for {
		i := slices.IndexFunc(m.stops, func(o *order) bool { return o.side.meets(m.last, o.trigger) })
		if i < 0 {
			return
		}
		o := m.stops[i]
		m.stops = slices.Delete(m.stops, i, i+1)
		x.enter(m, o)
	}
}

// enter lets an order trade with what rests on the other side, then rest or
// end. What an IOC or a Market order cannot execute at once is cancelled.
func (x *Exchange) enter(m *market, o *order) {
	x.match(m, o)
	switch {
	case o.status.final():
	case o.kind == atMarket || o.tif == "IOC":
		x.finish(o, cancelled, "Canceled")
	default:
		m.book.add(o)
		x.touch(m, o.side, o.price)
	}
}

// match executes an order against the best of the other side, at the price of
// the order that rests, until nothing is left that it accepts. Orders of one
// client may meet: the sandbox has no self-trade prevention, as ccxt expects.
func (x *Exchange) match(m *market, o *order) {
	for !o.status.final() {
		maker := m.book.best(o.side.other())
		if maker == nil || o.kind != atMarket && !o.side.meets(o.price, maker.price) {
			return
		}
		amount := decimal.Min(maker.left(), o.wants(maker.price))
		if !amount.IsPositive() {
			// A budget that buys no further lot is spent: that is all it asked for.
			if o.done1.IsPositive() {
				x.finish(o, filled, "OrderStatus")
			}
			return
		}
		x.fill(m, maker, o, amount)
	}
}

// fill executes one amount between a resting order and the one that came.
func (x *Exchange) fill(m *market, maker, taker *order, amount decimal.Decimal) {
	price := maker.price
	x.settle(maker, amount, price)
	x.settle(taker, amount, price)
	// Here and not in settle: the taker is in no book yet.
	if maker.status.final() {
		m.book.remove(maker)
	}
	// The house quotes anew at the next request, not in the middle of this one.
	m.stale = m.stale || maker.client == x.house
	x.touch(m, maker.side, price)
	x.record(m, trade{side: taker.side, at: x.at, price: price, amount: amount})
}

// settle books one fill for one of its two orders. Buyer and seller both pay
// their fee in currency 2, as the exchange's reports show it.
func (x *Exchange) settle(o *order, amount, price decimal.Decimal) {
	cost := amount.Mul(price)
	fee := o.feeOn(o.done2.Add(cost)).Sub(o.fee)
	// Only the difference to the fee that was already taken.
	o.done1, o.done2, o.fee = o.done1.Add(amount), o.done2.Add(cost), o.fee.Add(fee)
	o.status = partial
	if o.size.IsPositive() && o.left().IsZero() {
		o.status = filled
	}
	if o.side == buy {
		cost = cost.Neg()
	} else {
		amount = amount.Neg()
	}
	// The reports of the exchange show the fee apart from the trade itself.
	details := fmt.Sprintf("Trade orderId=%d", o.id)
	x.post(o.account, entry{kind: "trade", currency: o.pair.base, amount: amount, details: details})
	x.post(o.account, entry{kind: "trade", currency: o.pair.quote, amount: cost, details: details})
	x.charge(o.account, o.pair.quote, fee, details)
	x.rehold(o)
	x.turnover(o, cost.Abs())
	x.report(o, "Trade", newFill(amount.Abs(), price))
}

// charge moves a fee from an account to the exchange.
func (x *Exchange) charge(a *account, currency string, fee decimal.Decimal, details string) {
	if fee.IsPositive() {
		x.post(a, entry{kind: "commission", currency: currency, amount: fee.Neg(), details: details})
		grow(x.vault.fees, currency, fee)
	}
}

// turnover counts a fill toward the client's 30-day volume.
func (x *Exchange) turnover(o *order, sum decimal.Decimal) {
	if o.client != x.house {
		usd := coinByName(o.pair.quote).inUSD(sum, x.at)
		o.client.volume = append(trim(o.client.volume, kept), turnover{x.at, usd})
	}
}

// rehold makes the account hold exactly what the order needs now. It is the
// only place that changes a hold.
func (x *Exchange) rehold(o *order) {
	need := o.need()
	b := o.account.balance(o.holdCurrency())
	b.hold = b.hold.Add(need).Sub(o.hold)
	o.hold = need
}

// report stamps what happened to an order and announces it with the balances
// that it moved.
func (x *Exchange) report(o *order, execution string, fill *fillView) {
	if o.client == x.house {
		return
	}
	x.serial.execution++
	o.updated, o.execution = x.at, execution
	o.executionID = fmt.Sprintf("%d_101_%d", x.at.UnixMilli(), x.serial.execution)
	x.tellOrder(o, fill)
	if execution != "Rejected" {
		id := fmt.Sprint(o.id)
		x.tellBalance(o.account, o.pair.base, "order", id)
		x.tellBalance(o.account, o.pair.quote, "order", id)
	}
}

// finish ends an order that is not fully executed and frees what it holds.
func (x *Exchange) finish(o *order, as status, execution string) {
	m := x.byPair[o.pair.name()]
	o.status = as
	x.rehold(o)
	if m.book.remove(o) {
		x.touch(m, o.side, o.price)
	}
	m.stops = slices.DeleteFunc(m.stops, func(other *order) bool { return other == o })
	x.report(o, execution, nil)
}
