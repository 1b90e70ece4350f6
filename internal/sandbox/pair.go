package sandbox

import (
	"time"

	"github.com/shopspring/decimal"
)

// pair is what can be traded: an amount of base (currency1) at a price in
// quote (currency2).
type pair struct {
	base  string
	quote string
	lot   int32 // decimals of an amount of base
	tick  int32 // decimals of a price
}

// pairs is the table of all pairs. lot + tick <= places, see there.
var pairs = []pair{
	{"BTC", "USD", 6, 1}, {"BTC", "EUR", 6, 1}, {"BTC", "USDT", 6, 1}, {"BTC", "USDC", 6, 1},
	{"ETH", "USD", 6, 2}, {"ETH", "EUR", 6, 2}, {"ETH", "USDT", 6, 2}, {"ETH", "USDC", 6, 2},
	{"ETH", "BTC", 3, 5},
	{"LTC", "USD", 6, 2}, {"SOL", "USD", 6, 2},
	{"XRP", "USD", 4, 4}, {"ADA", "USD", 4, 4}, {"DOGE", "USD", 3, 5},
	{"USDT", "USD", 4, 4}, {"USDC", "USD", 4, 4}, {"USDC", "EUR", 4, 4}, {"EUR", "USD", 4, 4},
}

// name is the pair as requests spell it, such as "BTC-USD".
func (p *pair) name() string { return p.base + "-" + p.quote }

// middle is the modelled price at a time, not yet rounded to a tick.
func (p *pair) middle(at time.Time) float64 {
	return coinByName(p.base).price(at) / coinByName(p.quote).price(at)
}

// typical is the middle of the model, from which the limits are derived.
func (p *pair) typical() decimal.Decimal {
	return decimal.NewFromFloat(coinByName(p.base).usd / coinByName(p.quote).usd)
}

// bounds are the limits of an order of the pair, as get_pairs_info shows them.
type bounds struct {
	baseMin, baseMax, quoteMin, quoteMax, priceMin, priceMax decimal.Decimal
}

// The smallest order is worth about one dollar, the largest ten million; a
// price lies within a thousandth and the hundredfold of the typical one, so
// that an order can rest where no one will meet it.
func (p *pair) bounds() bounds {
	largest := decimal.New(10_000_000, 0)
	base := decimal.NewFromFloat(coinByName(p.base).usd)
	quote := decimal.NewFromFloat(coinByName(p.quote).usd)
	return bounds{
		baseMin:  decimal.New(1, 0).DivRound(base, p.lot+1).RoundUp(p.lot),
		baseMax:  largest.DivRound(base, 0),
		quoteMin: decimal.New(1, 0).DivRound(quote, places).RoundUp(5),
		quoteMax: largest.DivRound(quote, 0),
		priceMin: p.typical().Div(decimal.New(1000, 0)).RoundUp(p.tick),
		priceMax: p.typical().Mul(decimal.New(100, 0)).Round(p.tick),
	}
}

// unit is the smallest step with that many decimals: 2 gives 0.01.
func unit(decimals int32) decimal.Decimal { return decimal.New(1, -decimals) }
