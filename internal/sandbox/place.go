package sandbox

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// Rules of a new order, as docs/protocol.md states them.
const (
	mostActive  = 20               // open orders of a client
	clockWindow = 30 * time.Second // between an order's timestamp and the server's
	longComment = 255
)

// newOrder: do_my_new_order. A malformed request is refused (422); an order
// that may not be is answered as REJECTED, which is a success on the wire.
func (x *Exchange) newOrder(c *call) (any, error) {
	asked, sent, ref, err := readAsk(c.in)
	if err != nil {
		return nil, err
	}
	m, err := x.market(asked.pairName)
	if err != nil {
		return nil, err
	}
	a, err := x.account(c.client, asked.accountName)
	if err != nil {
		return nil, err
	}
	// After a lost answer a client sends the order again: it must not buy twice.
	first, known := c.client.byRef[ref]
	if known && first.ask == asked {
		return first.placed(), nil // the same order again: its status, no second order
	}
	o := x.newOrderOf(m, a, asked, sent, ref)
	// A rejected order is kept as well: the client can look up why.
	if o.reject = x.screen(m, o, known); o.reject != nil {
		o.status = rejected
		x.enlist(o)
		x.report(o, "Rejected", nil)
		return o.placed(), nil
	}
	x.enlist(o)
	// Only a placed order takes its clientOrderId: a rejected one may be mended.
	c.client.byRef[o.ref] = o
	x.admit(m, o)
	return o.placed(), nil
}

// readAsk reads what is asked, the client's timestamp and its clientOrderId.
// ccxt names a stop order by "type" and leaves orderType at "Limit".
func readAsk(in *fields) (ask, time.Time, string, error) {
	a := ask{accountName: in.text("accountId")}
	if in.err == nil && a.accountName == "" {
		if in.has("accountId") {
			return ask{}, time.Time{}, "", wrong("API orders from Main account are not allowed")
		}
		in.err = missing("accountId")
	}
	a.pairName = in.need("currency1") + "-" + in.need("currency2")
	a.side = map[string]side{"BUY": buy, "SELL": sell}[in.needOneOf("side", "BUY", "SELL")]
	a.kind = kind(in.needOneOf("orderType", string(limit), string(atMarket), string(stopLimit)))
	// Everything is read before anything is judged: in.err is the first fault.
	also := in.oneOf("type", string(limit), string(atMarket), string(stopLimit))
	sent := in.whole("timestamp", 0)
	if in.err == nil && (sent == 0 || sent > latest) {
		in.err = missing("timestamp")
	}
	a.amount1, a.amount2 = in.amount("amountCcy1"), in.amount("amountCcy2")
	a.priceText, a.stopText = in.amount("price"), in.amount("stopPrice")
	a.tif = in.oneOf("timeInForce", "GTC", "IOC", "GTD")
	a.comment = in.text("comment")
	ref := in.text("clientOrderId")
	// Compared as milliseconds: a time.Time of the same moment may differ.
	if expires := in.moment("expireTime"); !expires.IsZero() {
		a.expiresAt = expires.UnixMilli()
	}
	if in.err == nil {
		in.err = a.complete(kind(also), ref)
	}
	return a, time.UnixMilli(sent), ref, in.err
}

// complete checks the members against each other and fills what a type implies.
func (a *ask) complete(also kind, ref string) error {
	// A stopPrice alone also makes a stop order: nobody sends one without meaning it.
	stop := also == stopLimit || a.stopText != ""
	if also != "" && also != stopLimit && also != a.kind {
		return wrong("Parameters orderType and type should not contradict each other")
	}
	switch {
	case a.kind == atMarket && stop:
		return wrong("Market Trigger orders are not allowed")
	case stop || a.kind == stopLimit:
		a.kind = stopLimit
		if a.stopText == "" {
			return missing("stopPrice")
		}
	}
	// Filled in before it is compared: to leave a default out changes nothing.
	if a.tif == "" {
		a.tif = "GTC"
		if a.kind == atMarket {
			a.tif = "IOC"
		}
	}
	switch {
	case a.kind == atMarket && a.tif != "IOC":
		return wrong("TimeInForce of a Market order should be IOC")
	case a.kind != atMarket && a.priceText == "":
		return missing("price")
	case a.kind == atMarket && a.priceText != "":
		return wrong("Price should not be specified for market order")
	case a.tif == "GTD" && a.expiresAt == 0:
		return missing("expireTime")
	case a.tif != "GTD" && a.expiresAt != 0:
		return wrong("ExpireTime should be specified for GTD orders only")
	case a.amount1 == "" && a.amount2 == "":
		return missing("amountCcy1 or amountCcy2")
	case len(a.comment) > longComment:
		return wrong("Comment is limited to %d characters", longComment)
	case len(ref) > longComment:
		return wrong("ClientOrderId is limited to %d characters", longComment)
	}
	return nil
}

// newOrderOf makes the order with its numbers. It is not yet anywhere.
func (x *Exchange) newOrderOf(m *market, a *account, asked ask, sent time.Time, ref string) *order {
	x.serial.order++
	o := &order{
		ask: asked, id: x.serial.order, client: a.client, account: a, ref: ref, pair: m.pair,
		size: number(asked.amount1), price: number(asked.priceText), trigger: number(asked.stopText),
		rate: x.feeRate(a.client), sent: sent, created: x.at, updated: x.at,
	}
	// The exchange names what the client did not, in the form of its own samples.
	if ref == "" {
		o.ref = fmt.Sprintf("%012X", o.id)
	}
	if asked.expiresAt != 0 {
		o.expires = time.UnixMilli(asked.expiresAt)
	}
	switch {
	// A price that is not positive is rejected later; dividing by it is not an option.
	case asked.amount1 != "" || !o.price.IsPositive() && o.kind != atMarket:
	case o.kind == atMarket:
		o.budget = number(asked.amount2)
	default: // a Limit order by amountCcy2 buys whole lots for it
		o.size = lots(number(asked.amount2), o.price, m.pair.lot)
	}
	return o
}

// number is an amount that fields.amount has let through; zero when absent.
func number(text string) decimal.Decimal {
	if text == "" {
		return decimal.Zero
	}
	return decimal.RequireFromString(text)
}

// screen is every rule for an order, in order; nil means it may be placed.
// Funds come before the upper limits: who cannot pay learns that first.
func (x *Exchange) screen(m *market, o *order, refTaken bool) *rejection {
	if refTaken {
		return reject(409, "ClientOrderId was already used for an order with other parameters")
	}
	if skew := x.at.Sub(o.sent); skew > clockWindow || skew < -clockWindow {
		return reject(408, "Order timestamp is not within %d ms of server time", clockWindow.Milliseconds())
	}
	if o.amount1 != "" && o.amount2 != "" {
		return reject(405, "Either AmountCcy1 (OrderQty) or AmountCcy2 (CashOrderQty) should be specified for %s order not both", lower(o.kind))
	}
	if r := m.fine(o); r != nil {
		return r
	}
	if !o.expires.IsZero() && !o.expires.After(x.at) {
		return reject(416, "ExpireTime should be in the future")
	}
	// The limit is the client's, not the account's: a sub-account is free to make.
	if o.client.active() >= mostActive {
		return reject(437, "Too many active orders")
	}
	if m.due(o).GreaterThan(o.account.balance(o.holdCurrency()).available()) {
		return reject(403, "Insufficient funds")
	}
	return m.large(o)
}

// lower is a type inside of a sentence.
func lower(k kind) string {
	return map[kind]string{limit: "limit", atMarket: "market", stopLimit: "stop limit"}[k]
}

// fine checks steps and lower limits.
func (m *market) fine(o *order) *rejection {
	b, name := m.bounds, m.pair.name()
	for _, step := range []struct {
		name     string
		value    decimal.Decimal
		decimals int32
	}{
		// A negative value passes here and fails at the lower limit below.
		{"AmountCcy1", o.size, m.pair.lot}, {"AmountCcy2", number(o.amount2), places},
		{"Price", o.price, m.pair.tick}, {"StopPrice", o.trigger, m.pair.tick},
	} {
		if !step.value.Equal(step.value.Truncate(step.decimals)) {
			return reject(414, "%s should be a multiple of %s for %s", step.name, unit(step.decimals), name)
		}
	}
	if o.kind != atMarket && o.price.LessThan(b.priceMin) {
		return reject(415, "Price should be at least %s for %s", b.priceMin, name)
	}
	if o.kind == stopLimit && o.trigger.LessThan(b.priceMin) {
		return reject(415, "StopPrice should be at least %s for %s", b.priceMin, name)
	}
	if o.amount2 == "" && o.size.LessThan(b.baseMin) {
		return reject(411, "AmountCcy1 should be at least %s %s", b.baseMin, m.pair.base)
	}
	if o.amount2 != "" && number(o.amount2).LessThan(b.quoteMin) || o.kind != atMarket && o.size.Mul(o.price).LessThan(b.quoteMin) && o.amount2 == "" {
		return reject(411, "Order should be worth at least %s %s", b.quoteMin, m.pair.quote)
	}
	if o.budget.IsZero() && !o.size.IsPositive() {
		return reject(411, "AmountCcy2 buys less than one lot of %s %s", unit(m.pair.lot), m.pair.base)
	}
	return nil
}

// large checks upper limits.
func (m *market) large(o *order) *rejection {
	b := m.bounds
	switch {
	case o.price.GreaterThan(b.priceMax) || o.trigger.GreaterThan(b.priceMax):
		return reject(415, "Price should be at most %s for %s", b.priceMax, m.pair.name())
	case o.size.GreaterThan(b.baseMax):
		return reject(413, "AmountCcy1 should be at most %s %s", b.baseMax, m.pair.base)
	case o.budget.GreaterThan(b.quoteMax):
		return reject(413, "AmountCcy2 should be at most %s %s", b.quoteMax, m.pair.quote)
	}
	return nil
}

// due is what an order needs to be placed: its hold, or for a Market order
// what it will take from the account when it executes against the book now.
func (m *market) due(o *order) decimal.Decimal {
	switch {
	case o.kind != atMarket:
		o.status = open // need is zero for an order that is not open
		return o.need()
	case o.side == buy && o.budget.IsPositive():
		return o.budget
	case o.side == buy:
		sum, _ := m.book.cost(sell, o.size)
		return sum.Add(o.feeOn(sum))
	case o.budget.IsPositive():
		return m.book.size(buy, o.budget, m.pair.lot)
	}
	return o.size
}

// active counts the client's open orders.
func (c *client) active() int {
	c.open = slices.DeleteFunc(c.open, func(o *order) bool { return o.status.final() })
	return len(c.open)
}

// enlist adds an order to its client's and forgets the oldest ended ones.
func (x *Exchange) enlist(o *order) {
	c := o.client
	c.orders, c.byID[o.id] = append(c.orders, o), o
	if !o.status.final() {
		c.open = append(c.open, o)
	}
	// Only now and then, so that placing an order stays cheap.
	if len(c.orders) <= 2*kept {
		return
	}
	surplus, rest := len(c.orders)-kept, c.orders[:0:0]
	for _, old := range c.orders {
		if surplus > 0 && old.status.final() {
			surplus--
			delete(c.byID, old.id)
			if c.byRef[old.ref] == old {
				delete(c.byRef, old.ref)
			}
			continue
		}
		rest = append(rest, old)
	}
	c.orders = rest
}
