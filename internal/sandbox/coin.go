package sandbox

import (
	"math"
	"time"

	"github.com/shopspring/decimal"
)

// places is the number of decimals in which every currency is kept. Pairs are
// chosen so that lot decimals plus price decimals never exceed it: the cost of
// a fill is then exact, and only a fee is ever rounded.
const places = 8

// coin is one currency, fiat or crypto, and what the price model knows of it.
type coin struct {
	name   string
	title  string
	fiat   bool
	usd    float64 // middle of the modelled price, in USD
	swing  float64 // how far the price moves from the middle, as a share of it
	demo   string  // what an account or a wallet is opened with
	least  string  // smallest transfer between wallet and account
	chains []chain // empty for fiat
}

// chain is one blockchain on which a coin can be paid in and out.
type chain struct {
	name          string
	kind          string // coin or token, as get_processing_info calls it
	minDeposit    string
	minWithdrawal string
	fee           string // of a withdrawal, in the coin itself
	confirmations int
	memo          bool // an address needs a memo beside it
}

// coins is the table of all currencies. Prices are round numbers on purpose:
// nobody shall take them for the market's.
var coins = []coin{
	{name: "USD", title: "US Dollar", fiat: true, usd: 1, demo: "100000", least: "1"},
	{name: "EUR", title: "Euro", fiat: true, usd: 1.1, swing: 0.002, demo: "100000", least: "1"},
	{name: "USDT", title: "Tether", usd: 1, swing: 0.0005, demo: "100000", least: "1", chains: []chain{
		{name: "tron", kind: "token", minDeposit: "1", minWithdrawal: "5", fee: "1", confirmations: 20},
		{name: "ERC20", kind: "token", minDeposit: "5", minWithdrawal: "20", fee: "5", confirmations: 25}}},
	{name: "USDC", title: "USD Coin", usd: 1, swing: 0.0004, demo: "100000", least: "1", chains: []chain{
		{name: "ERC20", kind: "token", minDeposit: "5", minWithdrawal: "20", fee: "5", confirmations: 25},
		{name: "solana", kind: "token", minDeposit: "1", minWithdrawal: "5", fee: "1", confirmations: 32}}},
	{name: "BTC", title: "Bitcoin", usd: 60000, swing: 0.01, demo: "10", least: "0.001", chains: []chain{
		{name: "bitcoin", kind: "coin", minDeposit: "0.0005", minWithdrawal: "0.001", fee: "0.0003", confirmations: 3}}},
	{name: "ETH", title: "Ethereum", usd: 3000, swing: 0.012, demo: "100", least: "0.01", chains: []chain{
		{name: "ethereum", kind: "coin", minDeposit: "0.005", minWithdrawal: "0.01", fee: "0.002", confirmations: 25},
		{name: "arbitrum", kind: "coin", minDeposit: "0.005", minWithdrawal: "0.01", fee: "0.0005", confirmations: 25}}},
	{name: "LTC", title: "Litecoin", usd: 80, swing: 0.012, demo: "1000", least: "0.05", chains: []chain{
		{name: "litecoin", kind: "coin", minDeposit: "0.02", minWithdrawal: "0.05", fee: "0.01", confirmations: 6}}},
	{name: "SOL", title: "Solana", usd: 150, swing: 0.015, demo: "1000", least: "0.02", chains: []chain{
		{name: "solana", kind: "coin", minDeposit: "0.01", minWithdrawal: "0.02", fee: "0.01", confirmations: 32}}},
	{name: "XRP", title: "Ripple", usd: 0.6, swing: 0.012, demo: "100000", least: "10", chains: []chain{
		{name: "ripple", kind: "coin", minDeposit: "5", minWithdrawal: "10", fee: "0.25", confirmations: 1, memo: true}}},
	{name: "ADA", title: "Cardano", usd: 0.4, swing: 0.012, demo: "100000", least: "5", chains: []chain{
		{name: "cardano", kind: "coin", minDeposit: "1", minWithdrawal: "5", fee: "1", confirmations: 15}}},
	{name: "DOGE", title: "Dogecoin", usd: 0.12, swing: 0.015, demo: "100000", least: "20", chains: []chain{
		{name: "dogecoin", kind: "coin", minDeposit: "10", minWithdrawal: "20", fee: "4", confirmations: 40}}},
}

// coinByName returns the currency, or nil when the exchange does not have it.
func coinByName(name string) *coin {
	for i := range coins {
		if coins[i].name == name {
			return &coins[i]
		}
	}
	return nil
}

// chainByName returns the coin's blockchain, or nil.
func (c *coin) chainByName(name string) *chain {
	for i := range c.chains {
		if c.chains[i].name == name {
			return &c.chains[i]
		}
	}
	return nil
}

// price is the modelled price in USD at a time: three waves of six hours,
// seventeen minutes and one minute around the middle. It is a pure function of
// the clock, so candles of any past need no memory and tests no luck. Floats
// make prices only; money is never computed with them.
func (c *coin) price(at time.Time) float64 {
	wave := func(period, share float64) float64 {
		seconds := float64(at.UnixMilli()) / 1000
		return share * math.Sin(2*math.Pi*seconds/period+c.usd)
	}
	return c.usd * (1 + c.swing*(wave(21600, 0.7)+wave(1020, 0.25)+wave(61, 0.05)))
}

// inUSD is the modelled worth of an amount, for reports and fee tiers.
func (c *coin) inUSD(amount decimal.Decimal, at time.Time) decimal.Decimal {
	return amount.Mul(decimal.NewFromFloat(c.price(at))).Round(2)
}

// money writes an amount as the exchange does: text with eight decimals.
func money(d decimal.Decimal) string { return d.StringFixed(places) }
