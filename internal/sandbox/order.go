package sandbox

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/shopspring/decimal"
)

// status is where an order stands, as the exchange spells it.
type status string

const (
	open      status = "NEW"
	partial   status = "PARTIALLY_FILLED"
	filled    status = "FILLED"
	expired   status = "EXPIRED"
	rejected  status = "REJECTED"
	cancelled status = "CANCELLED"
)

// final reports whether the order can never change again. An unknown status
// is final: nothing may be held for it.
func (s status) final() bool { return s != open && s != partial }

// kind is the type of an order, as the exchange spells it.
type kind string

const (
	limit     kind = "Limit"
	atMarket  kind = "Market"
	stopLimit kind = "Stop Limit"
)

// ask is what a client asked for: the part of an order that never changes and
// that a repeated clientOrderId is compared by. The request's own timestamp is
// no part of it, so a client may sign a lost request again.
type ask struct {
	accountName string
	pairName    string
	side        side
	kind        kind
	tif         string // GTC, IOC or GTD
	amount1     string // this and the next three as sent; "" when absent
	amount2     string
	priceText   string
	stopText    string
	expiresAt   int64 // ms; 0 when absent
	comment     string
}

// order is an order of a client, or one of the house's quotes.
type order struct {
	ask
	id      int64 // 0 for the house
	client  *client
	account *account
	ref     string // clientOrderId
	pair    *pair

	size    decimal.Decimal // of currency 1; zero for a Market order by amountCcy2
	budget  decimal.Decimal // amountCcy2 of such an order
	price   decimal.Decimal // zero for Market
	trigger decimal.Decimal // stopPrice; zero unless Stop Limit
	rate    decimal.Decimal // fee in percent, fixed when the order is placed

	sent, created, updated, expires time.Time

	status          status
	done1, done2    decimal.Decimal // executed
	fee             decimal.Decimal // in currency 2, for both sides
	hold, firstHold decimal.Decimal
	reject          *rejection
	execution       string // the last executionType
	executionID     string
}

// rejection is why an order was not taken. It is an answer, not an error: the
// request itself was fine (HTTP 200, status REJECTED).
type rejection struct {
	Code   int    `json:"code"`
	Reason string `json:"reason"`
}

func reject(code int, format string, args ...any) *rejection {
	return &rejection{code, fmt.Sprintf(format, args...)}
}

// left is how much of currency 1 is still to be executed.
func (o *order) left() decimal.Decimal { return o.size.Sub(o.done1) }

// feeOn is the fee of an executed sum, rounded up. It is always taken on the
// whole sum so far, so many small fills cost no more than one large one.
func (o *order) feeOn(sum decimal.Decimal) decimal.Decimal {
	return sum.Mul(o.rate).Shift(-2).RoundUp(places)
}

// holdCurrency is the currency that an open order binds.
func (o *order) holdCurrency() string {
	if o.side == sell {
		return o.pair.base
	}
	return o.pair.quote
}

// need is what the order must hold now: what is left for a seller, what the
// rest costs at its limit with the fee for a buyer. A Market order executes
// under one lock and never holds.
func (o *order) need() decimal.Decimal {
	switch {
	case o.status.final() || o.kind == atMarket:
		return decimal.Zero
	case o.side == sell:
		return o.left()
	}
	rest := o.left().Mul(o.price)
	return rest.Add(o.feeOn(o.done2.Add(rest))).Sub(o.fee)
}

// wants is how much of currency 1 the order takes at a price.
func (o *order) wants(price decimal.Decimal) decimal.Decimal {
	switch {
	case o.size.IsPositive():
		return o.left()
	case o.side == sell:
		return lots(o.budget.Sub(o.done2), price, o.pair.lot)
	}
	// All sums have eight decimals, so a rounded-up fee still fits what is left.
	full := price.Mul(o.rate.Shift(-2).Add(decimal.New(1, 0)))
	return lots(o.budget.Sub(o.done2).Sub(o.fee), full, o.pair.lot)
}

// lots is what a sum buys at a price: whole lots, rounded down exactly. A
// rounded quotient could reach a lot that the sum does not pay for.
func lots(sum, price decimal.Decimal, lot int32) decimal.Decimal {
	amount, _ := sum.QuoRem(price, lot)
	return amount
}

// orderView is what do_my_new_order, get_my_orders and executionReport share.
type orderView struct {
	OrderID       string  `json:"orderId"`
	ClientOrderID string  `json:"clientOrderId"`
	ClientID      string  `json:"clientId"`
	AccountID     *string `json:"accountId"` // null is the main account
	Status        status  `json:"status"`
	Currency1     string  `json:"currency1"`
	Currency2     string  `json:"currency2"`
	Side          string  `json:"side"`
	OrderType     kind    `json:"orderType"`
	TimeInForce   string  `json:"timeInForce"`
	Comment       *string `json:"comment"`
	ExecutedCcy1  string  `json:"executedAmountCcy1"`
	ExecutedCcy2  string  `json:"executedAmountCcy2"`
	RequestedCcy1 *string `json:"requestedAmountCcy1"`
	RequestedCcy2 *string `json:"requestedAmountCcy2"`
	FeeAmount     string  `json:"feeAmount"`
	FeeCurrency   string  `json:"feeCurrency"`
	Price         *string `json:"price"`
	StopPrice     *string `json:"stopPrice,omitempty"`
	AveragePrice  *string `json:"averagePrice"`
	ClientCreate  int64   `json:"clientCreateTimestamp"`
	ServerCreate  int64   `json:"serverCreateTimestamp"`
	LastUpdate    int64   `json:"lastUpdateTimestamp"`
	ExpireTime    *int64  `json:"expireTime"`
	EffectiveTime *int64  `json:"effectiveTime"` // always null: every order counts at once
}

// listedView is an order in get_my_orders.
type listedView struct {
	orderView
	StatusIsFinal bool    `json:"statusIsFinal"`
	RejectCode    *int    `json:"rejectCode"`
	RejectReason  *string `json:"rejectReason"`
	InitialCcy1   *string `json:"initialOnHoldAmountCcy1"`
	InitialCcy2   *string `json:"initialOnHoldAmountCcy2"`
}

// placedView is an order in do_my_new_order. The reject members are there only
// when it was rejected, because clients take their presence for a failure.
type placedView struct {
	orderView
	ExecutionType     string `json:"executionType"`
	ExecutionID       string `json:"executionId"`
	TransactTime      string `json:"transactTime"`
	OrderRejectReason string `json:"orderRejectReason,omitempty"`
	RejectCode        int    `json:"rejectCode,omitempty"`
	RejectReason      string `json:"rejectReason,omitempty"`
}

// view copies what both lists of an order share.
func (o *order) view() orderView {
	v := orderView{
		OrderID: strconv.FormatInt(o.id, 10), ClientOrderID: o.ref, ClientID: o.client.id,
		AccountID: optional(o.account.name), Status: o.status,
		Currency1: o.pair.base, Currency2: o.pair.quote, Side: o.side.String(),
		OrderType: o.kind, TimeInForce: o.tif, Comment: optional(o.comment),
		ExecutedCcy1: money(o.done1), ExecutedCcy2: money(o.done2),
		RequestedCcy1: fixed(o.amount1), RequestedCcy2: fixed(o.amount2),
		FeeAmount: money(o.fee), FeeCurrency: o.pair.quote,
		Price: optional(o.priceText), StopPrice: optional(o.stopText),
		ClientCreate: o.sent.UnixMilli(), ServerCreate: o.created.UnixMilli(), LastUpdate: o.updated.UnixMilli(),
	}
	if o.done1.IsPositive() {
		v.AveragePrice = optional(o.done2.DivRound(o.done1, places).String())
	}
	if !o.expires.IsZero() {
		ms := o.expires.UnixMilli()
		v.ExpireTime = &ms
	}
	return v
}

// listed copies an order for get_my_orders.
func (o *order) listed() listedView {
	v := listedView{orderView: o.view(), StatusIsFinal: o.status.final()}
	if o.reject != nil {
		v.RejectCode, v.RejectReason = &o.reject.Code, &o.reject.Reason
	}
	if o.firstHold.IsPositive() {
		held := optional(money(o.firstHold))
		if o.side == sell {
			v.InitialCcy1 = held
		} else {
			v.InitialCcy2 = held
		}
	}
	return v
}

// placed copies an order for do_my_new_order and for the push.
func (o *order) placed() placedView {
	v := placedView{
		orderView: o.view(), ExecutionType: o.execution, ExecutionID: o.executionID, TransactTime: iso(o.updated),
	}
	if o.reject != nil {
		text, err := json.Marshal(o.reject)
		if err != nil { // two plain members cannot fail to encode
			panic(err)
		}
		v.OrderRejectReason, v.RejectCode, v.RejectReason = string(text), o.reject.Code, o.reject.Reason
	}
	return v
}

// optional is null for an absent text.
func optional(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// fixed is an amount that a request stated, with eight decimals, or null.
func fixed(amount string) *string {
	if amount == "" {
		return nil
	}
	return optional(money(decimal.RequireFromString(amount)))
}
