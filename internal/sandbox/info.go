package sandbox

import (
	"strings"
)

// serverTime: get_server_time.
func (x *Exchange) serverTime(*call) (any, error) {
	return struct {
		Timestamp int64  `json:"timestamp"`
		ISODate   string `json:"ISODate"`
	}{x.at.UnixMilli(), iso(x.at)}, nil
}

// pairView is a pair's limits: money as text, numbers of decimals as numbers.
// ccxt takes amounts from baseLotSize and prices from pricePrecision.
type pairView struct {
	Base           string `json:"base"`
	Quote          string `json:"quote"`
	BaseMin        string `json:"baseMin"`
	BaseMax        string `json:"baseMax"`
	BaseLotSize    string `json:"baseLotSize"`
	QuoteMin       string `json:"quoteMin"`
	QuoteMax       string `json:"quoteMax"`
	QuoteLotSize   string `json:"quoteLotSize"`
	BasePrecision  int32  `json:"basePrecision"`
	QuotePrecision int32  `json:"quotePrecision"`
	PricePrecision int32  `json:"pricePrecision"`
	MinPrice       string `json:"minPrice"`
	MaxPrice       string `json:"maxPrice"`
}

// view writes the limits that a new order is checked by, from the same bounds.
func (m *market) view() pairView {
	p, b := m.pair, m.bounds
	return pairView{
		Base: p.base, Quote: p.quote,
		BaseMin: b.baseMin.String(), BaseMax: b.baseMax.String(), BaseLotSize: unit(p.lot).String(),
		QuoteMin: b.quoteMin.String(), QuoteMax: b.quoteMax.String(), QuoteLotSize: unit(places).String(),
		BasePrecision: p.lot, QuotePrecision: places, PricePrecision: p.tick,
		MinPrice: b.priceMin.String(), MaxPrice: b.priceMax.String(),
	}
}

// pairsInfo: get_pairs_info, all pairs unless some are named.
func (x *Exchange) pairsInfo(c *call) (any, error) {
	markets, err := x.asked(c)
	if err != nil {
		return nil, err
	}
	views := make([]pairView, len(markets))
	for i, m := range markets {
		views[i] = m.view()
	}
	return views, nil
}

// currencyView has precision as a number of decimals.
type currencyView struct {
	Currency         string `json:"currency"`
	Fiat             bool   `json:"fiat"`
	Precision        int32  `json:"precision"`
	WalletPrecision  *int32 `json:"walletPrecision"`
	WalletDeposit    bool   `json:"walletDeposit"`
	WalletWithdrawal bool   `json:"walletWithdrawal"`
}

// currenciesInfo: get_currencies_info. Every currency goes to the wallet and
// back with the same decimals.
func (x *Exchange) currenciesInfo(*call) (any, error) {
	// One set of decimals for all: the pairs, not the currencies, set the steps.
	decimals := int32(places)
	views := make([]currencyView, len(coins))
	for i := range coins {
		views[i] = currencyView{coins[i].name, coins[i].fiat, decimals, &decimals, true, true}
	}
	return views, nil
}

// chainView is one blockchain of a currency. withdrawalFeePercent is not in the
// documentation but in the live answer.
type chainView struct {
	Type                 string `json:"type"`
	Deposit              string `json:"deposit"`
	MinDeposit           string `json:"minDeposit"`
	Withdrawal           string `json:"withdrawal"`
	MinWithdrawal        string `json:"minWithdrawal"`
	WithdrawalFee        string `json:"withdrawalFee"`
	WithdrawalFeePercent string `json:"withdrawalFeePercent"`
	DepositConfirmations int    `json:"depositConfirmations"`
}

// processingView has the chains by their id; ccxt merges it with the currency.
type processingView struct {
	Name        string               `json:"name"`
	Blockchains map[string]chainView `json:"blockchains"`
}

// processingInfo: get_processing_info. Only currencies with a blockchain have
// any; naming another one is refused, fiat too.
func (x *Exchange) processingInfo(c *call) (any, error) {
	names := c.in.texts("currencies")
	if c.in.err != nil {
		return nil, c.in.err
	}
	var unsupported []string
	for _, name := range names {
		if coin := coinByName(name); coin == nil || len(coin.chains) == 0 {
			unsupported = append(unsupported, shown(name))
		}
	}
	if len(unsupported) > 0 {
		return nil, wrong("Request contains unsupported currencies: %s.", strings.Join(unsupported, ", "))
	}
	views := map[string]processingView{}
	for i := range coins {
		if len(coins[i].chains) > 0 && wanted(names, coins[i].name) {
			views[coins[i].name] = coins[i].processing()
		}
	}
	return views, nil
}

// processing is all of a coin's chains; in the sandbox none is ever switched off.
func (c *coin) processing() processingView {
	view := processingView{c.title, map[string]chainView{}}
	for _, chain := range c.chains {
		view.Blockchains[chain.name] = chainView{
			Type: chain.kind, Deposit: "enabled", MinDeposit: chain.minDeposit,
			Withdrawal: "enabled", MinWithdrawal: chain.minWithdrawal, WithdrawalFee: chain.fee,
			WithdrawalFeePercent: "0", DepositConfirmations: chain.confirmations,
		}
	}
	return view
}
