package sandbox

import (
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// topic is what a session can listen to: the account of one client, or one
// stream of a pair.
type topic struct {
	client string // account_update, executionReport and orderCancelReject of this account
	stream string // order_book_increment or tradeUpdate
	pair   string // of the stream, such as "BTC-USD"
}

// The streams of a pair, by the name of their pushes.
const (
	bookStream  = "order_book_increment"
	tradeStream = "tradeUpdate"
)

// hear lets a session listen to a topic; twice is once.
func (x *Exchange) hear(t topic, s *session) {
	if x.audience[t] == nil {
		x.audience[t] = map[*session]struct{}{}
	}
	x.audience[t][s] = struct{}{}
	s.topics[t] = true
}

// unhear ends that, also for a session that did not listen.
func (x *Exchange) unhear(t topic, s *session) {
	delete(s.topics, t)
	if delete(x.audience[t], s); len(x.audience[t]) == 0 {
		delete(x.audience, t)
	}
}

// heard reports whether a push about the topic is worth making.
func (x *Exchange) heard(t topic) bool { return len(x.audience[t]) > 0 }

// tell pushes to everybody who listens. The exchange is locked meanwhile, which
// makes every session see the same order; so nothing here may wait for one. The
// data is shared between sessions and must be a copy that nobody changes.
func (x *Exchange) tell(t topic, name string, data any) {
	push := message{E: name, Data: data, OK: "ok"}
	for s := range x.audience[t] {
		s.put(push)
	}
}

// accountUpdate is the push for a balance that changed.
type accountUpdate struct {
	ClientID  string `json:"clientId"`
	AccountID string `json:"accountId"`
	Currency  string `json:"currency"`
	Balance   string `json:"balance"`
	OnHold    string `json:"onHoldBalance"`
	Timestamp int64  `json:"timestamp"`
	Action    string `json:"action"` // order, deposit, withdraw, internalTransfer
	ID        string `json:"id"`
}

// tellBalance announces a balance after it changed. The house has no listener.
func (x *Exchange) tellBalance(a *account, currency, action, id string) {
	t := topic{client: a.client.id}
	if a.client == x.house || !x.heard(t) {
		return
	}
	b := a.balance(currency)
	x.tell(t, "account_update", accountUpdate{
		ClientID: a.client.id, AccountID: a.name, Currency: currency,
		Balance: money(b.total), OnHold: money(b.hold), Timestamp: x.at.UnixMilli(), Action: action, ID: id,
	})
}

// tellOrder announces an order's new state; fill is nil but on a Trade.
func (x *Exchange) tellOrder(o *order, fill *fillView) {
	t := topic{client: o.client.id}
	if o.client == x.house || !x.heard(t) {
		return
	}
	view := executionReport{MessageType: "executionReport", placedView: o.placed(), fillView: fill}
	if o.execution == "Canceled" {
		view.OrigClOrdID = o.ref
	}
	x.tell(t, "executionReport", view)
}

// executionReport is the push for an order: what do_my_new_order answers and,
// on a Trade, what was last filled.
type executionReport struct {
	MessageType string `json:"messageType"`
	placedView
	*fillView
	OrigClOrdID string `json:"OrigClOrdID,omitempty"`
}

// fillView repeats the amount: lastQuantity and lastPrice are the older names.
type fillView struct {
	LastQuantity   string `json:"lastQuantity"`
	LastPrice      string `json:"lastPrice"`
	LastAmountCcy1 string `json:"lastAmountCcy1"`
	LastAmountCcy2 string `json:"lastAmountCcy2"`
}

// newFill describes one fill; amount is of currency 1 and never negative.
func newFill(amount, price decimal.Decimal) *fillView {
	return &fillView{money(amount), price.String(), money(amount), money(amount.Mul(price))}
}

// cancelReject is the push for a cancel request that found no order.
type cancelReject struct {
	OrderID            string `json:"orderId"` // "NONE"
	ClientOrderID      string `json:"clientOrderId,omitempty"`
	CancelRequestID    string `json:"cancelRequestId"`
	CancelRejectReason string `json:"cancelRejectReason"` // unknown_order
}

// bookChange is the push for levels that changed: their new amounts, and
// "0.00000000" for one that is gone. The answer to order_book_subscribe has the
// same members with the whole book.
type bookChange struct {
	Pair      string      `json:"pair"`
	SeqID     int64       `json:"seqId"` // one more with each push of the pair
	Timestamp int64       `json:"timestamp"`
	Bids      [][2]string `json:"bids"` // price and amount, the best first
	Asks      [][2]string `json:"asks"`
}

// touch remembers a level that changed until flush tells what it holds then.
func (x *Exchange) touch(m *market, s side, price decimal.Decimal) {
	if x.heard(topic{stream: bookStream, pair: m.pair.name()}) {
		m.touched = append(m.touched, touch{s, price})
	}
}

// touch is a level that changed.
type touch struct {
	side  side
	price decimal.Decimal
}

// flush announces all levels that a request or a tick touched, one push a pair.
// The house's new quotes would else be 48 pushes, with an empty book between.
func (x *Exchange) flush() {
	for _, m := range x.markets {
		if len(m.touched) == 0 {
			continue
		}
		m.seq++
		name := m.pair.name()
		x.tell(topic{stream: bookStream, pair: name}, bookStream, bookChange{
			Pair: name, SeqID: m.seq, Timestamp: x.at.UnixMilli(), Bids: m.changes(buy), Asks: m.changes(sell),
		})
		m.touched = m.touched[:0]
	}
}

// changes lists the touched levels of a side with what they hold now.
func (m *market) changes(s side) [][2]string {
	prices := []decimal.Decimal{}
	for _, t := range m.touched {
		if t.side == s {
			prices = append(prices, t.price)
		}
	}
	slices.SortFunc(prices, func(a, b decimal.Decimal) int {
		if s == buy {
			return b.Cmp(a)
		}
		return a.Cmp(b)
	})
	changes := [][2]string{}
	for _, price := range slices.CompactFunc(prices, decimal.Decimal.Equal) {
		changes = append(changes, [2]string{price.String(), money(m.book.at(s, price))})
	}
	return changes
}

// tradePush is a trade in tradeUpdate.
type tradePush struct {
	Pair string `json:"pair"`
	tradeView
}

// tellTrade announces a trade to everybody, the house's own trades too.
func (x *Exchange) tellTrade(m *market, trade trade) {
	if t := (topic{stream: tradeStream, pair: m.pair.name()}); x.heard(t) {
		x.tell(t, tradeStream, tradePush{t.pair, trade.view()})
	}
}

// iso writes a time as the exchange does, in UTC with milliseconds.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
