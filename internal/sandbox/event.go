package sandbox

import (
	"time"

	"github.com/shopspring/decimal"
)

// Event is one thing that happened in the engine, in the words of the pushes
// that a WebSocket connection gets (docs/protocol.md): account_update,
// executionReport, orderCancelReject, order_book_increment, tradeUpdate.
type Event struct {
	Name   string // the push's "e"
	Client string // the Latchkey account it belongs to; "" is for everybody
	Pair   string // the pair of a market event, such as "BTC-USD"
	Data   any    // the push's "data"; a copy, ready for encoding/json
}

// Listen sets the one function that is told each event, in order. It is called
// while the exchange is locked, so it must not block and must not call back.
func (x *Exchange) Listen(hook func(Event)) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.hook = hook
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
	if x.hook == nil || a.client == x.house {
		return
	}
	b := a.balance(currency)
	x.hook(Event{Name: "account_update", Client: a.client.id, Data: accountUpdate{
		ClientID: a.client.id, AccountID: a.name, Currency: currency,
		Balance: money(b.total), OnHold: money(b.hold), Timestamp: x.at.UnixMilli(), Action: action, ID: id,
	}})
}

// tellOrder announces an order's new state; fill is nil but on a Trade.
func (x *Exchange) tellOrder(o *order, fill *fillView) {
	if x.hook == nil || o.client == x.house {
		return
	}
	view := executionReport{MessageType: "executionReport", placedView: o.placed(), fillView: fill}
	if o.execution == "Canceled" {
		view.OrigClOrdID = o.ref
	}
	x.hook(Event{Name: "executionReport", Client: o.client.id, Pair: o.pair.name(), Data: view})
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

// bookIncrement is the push for a level that changed: its new amount, and
// "0.00000000" when it is gone.
type bookIncrement struct {
	Pair      string      `json:"pair"`
	Timestamp int64       `json:"timestamp"`
	Bids      [][2]string `json:"bids"`
	Asks      [][2]string `json:"asks"`
}

// tellLevel announces what a level holds after a change, not the change itself:
// a listener that missed one push is right again after the next.
func (x *Exchange) tellLevel(m *market, s side, price decimal.Decimal) {
	if x.hook == nil {
		return
	}
	push := bookIncrement{Pair: m.pair.name(), Timestamp: x.at.UnixMilli(), Bids: [][2]string{}, Asks: [][2]string{}}
	change := [][2]string{{price.String(), money(m.book.at(s, price))}}
	if s == buy {
		push.Bids = change
	} else {
		push.Asks = change
	}
	x.hook(Event{Name: "order_book_increment", Pair: push.Pair, Data: push})
}

// tellTrade announces a trade to everybody, the house's own trades too.
func (x *Exchange) tellTrade(m *market, t trade) {
	if x.hook != nil {
		x.hook(Event{Name: "tradeUpdate", Pair: m.pair.name(), Data: t.view()})
	}
}

// iso writes a time as the exchange does, in UTC with milliseconds.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
