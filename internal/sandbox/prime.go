package sandbox

// The actions of this file exist on the Prime exchange only, and nobody has
// published their answers: the shapes are this project's (docs/protocol.md).

// conditionView is a pair's limits and what the client pays.
type conditionView struct {
	pairView
	Fee percent `json:"tradingFee"`
}

// tradingConditions: get_my_trading_conditions, the limits of pairs with the
// client's own fee.
func (x *Exchange) tradingConditions(c *call) (any, error) {
	markets, err := x.asked(c)
	if err != nil {
		return nil, err
	}
	views := make(map[string]conditionView, len(markets))
	for _, m := range markets {
		views[m.pair.name()] = conditionView{m.view(), percent{x.feeRate(c.client).String()}}
	}
	return views, nil
}

// rateView is an indicative price; no order is promised to execute at it.
type rateView struct {
	Bid       string `json:"bid"`
	Ask       string `json:"ask"`
	Rate      string `json:"rate"` // the middle
	Timestamp int64  `json:"timestamp"`
}

// currentRates: get_current_rates.
func (x *Exchange) currentRates(c *call) (any, error) {
	markets, err := x.asked(c)
	if err != nil {
		return nil, err
	}
	views := make(map[string]rateView, len(markets))
	for _, m := range markets {
		bid, ask := m.top(buy), m.top(sell)
		views[m.pair.name()] = rateView{
			bid.String(), ask.String(), middle(bid, ask, m.pair.tick).String(), x.at.UnixMilli(),
		}
	}
	return views, nil
}

// exchangeRateView repeats the question, so that an answer can be read alone.
type exchangeRateView struct {
	Side            string `json:"side"`
	AccountID       string `json:"accountId"`
	Currency        string `json:"currency"`
	CounterCurrency string `json:"counterCurrency"`
	Amount          string `json:"amount"`
	Rate            string `json:"rate"`
	CounterAmount   string `json:"counterAmount"`
	FeeAmount       string `json:"feeAmount"`
	FeeCurrency     string `json:"feeCurrency"`
	Timestamp       int64  `json:"timestamp"`
}

// exchangeRate: get_exchange_rate, what buying or selling amount of currency
// against counterCurrency at the market would come to now. Nothing is traded.
func (x *Exchange) exchangeRate(c *call) (any, error) {
	s, name := c.in.needOneOf("side", "BUY", "SELL"), c.in.need("accountId")
	currency, counter := c.in.need("currency"), c.in.need("counterCurrency")
	amount := c.in.needAmount("amount")
	if c.in.err != nil {
		return nil, c.in.err
	}
	m, err := x.market(currency + "-" + counter)
	if err != nil {
		return nil, err
	}
	if _, err := x.account(c.client, name); err != nil {
		return nil, err
	}
	from := sell // who buys takes from the sellers
	if s == "SELL" {
		from = buy
	}
	sum, served := m.book.cost(from, amount)
	// Half an answer would look like a price for the whole.
	if served.LessThan(amount) {
		return nil, failed("Not enough liquidity for %s %s. Ask for at most %s", money(amount), currency, money(served))
	}
	// Like order.feeOn, because a Market order of this amount pays exactly that.
	fee := sum.Mul(x.feeRate(c.client)).Shift(-2).RoundUp(places)
	return exchangeRateView{
		Side: s, AccountID: name, Currency: currency, CounterCurrency: counter,
		Amount: money(amount), Rate: sum.DivRound(amount, places).String(), CounterAmount: money(sum),
		FeeAmount: money(fee), FeeCurrency: counter, Timestamp: x.at.UnixMilli(),
	}, nil
}
