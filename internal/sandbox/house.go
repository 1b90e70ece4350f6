package sandbox

import (
	"time"

	"github.com/shopspring/decimal"
)

// The house is the exchange's own client. It quotes every pair on both sides
// and pays no fee, so that there is always somebody to trade with.
const (
	quoteDepth = 12              // levels on each side
	quoteStep  = 0.0005          // from the middle to the first level, and between levels
	quoteWorth = 10_000          // USD at the first level; half as much again at each next
	quoteEvery = time.Second     // the quotes follow the modelled price this often
	printEvery = time.Minute     // the house trades with itself this often
	printPast  = 60 * printEvery // and has done so for this long when the exchange opens
	printWorth = 500             // USD, times 1 to 7
	houseWorth = 1_000_000_000   // USD of each currency that the house begins with
)

// openHouse mints the house's funds. It is not in clients: no caller can be it.
func (x *Exchange) openHouse() {
	x.house = newClient("house")
	main := &account{client: x.house, balances: map[string]*balance{}}
	for i := range coins {
		amount := decimal.New(houseWorth, 0).DivRound(decimal.NewFromFloat(coins[i].usd), 0)
		main.balance(coins[i].name).total = amount
		grow(x.vault.minted, coins[i].name, amount)
	}
	x.house.accounts[""] = main
}

// bid and ask are the modelled price of a level at a time, rounded away from
// the middle so that they never meet.
func (p *pair) bid(at time.Time, level int) decimal.Decimal {
	return decimal.NewFromFloat(p.middle(at) * (1 - quoteStep*float64(level+1))).RoundDown(p.tick)
}

func (p *pair) ask(at time.Time, level int) decimal.Decimal {
	return decimal.NewFromFloat(p.middle(at) * (1 + quoteStep*float64(level+1))).RoundUp(p.tick)
}

// worth is the amount of currency 1 that is worth so many USD.
func (p *pair) worth(usd float64) decimal.Decimal {
	return decimal.NewFromFloat(usd / coinByName(p.base).usd).RoundUp(p.lot)
}

// quote replaces the house's quotes when a second has passed or when somebody
// took from them, prints the trades of the minutes since, and wakes stops.
func (x *Exchange) quote(m *market) {
	x.print(m)
	if age := x.at.Sub(m.quoted); !m.stale && age >= 0 && age < quoteEvery {
		return
	}
	for _, o := range m.quotes {
		if !o.status.final() {
			x.finish(o, cancelled, "Canceled")
		}
	}
	m.quotes = m.quotes[:0]
	for i := range quoteDepth {
		x.quoteLevel(m, buy, m.pair.bid(x.at, i), i)
		x.quoteLevel(m, sell, m.pair.ask(x.at, i), i)
	}
	m.quoted, m.stale = x.at, false
	x.trip(m)
}

// quoteLevel places one quote. It may execute at once against a client's order
// that the price has reached. A house that ran out of funds quotes less.
func (x *Exchange) quoteLevel(m *market, s side, price decimal.Decimal, i int) {
	o := &order{
		ask: ask{side: s, kind: limit, tif: "GTC"}, client: x.house, account: x.house.accounts[""],
		pair: m.pair, size: m.pair.worth(quoteWorth * (1 + float64(i)/2)), price: price, status: open,
	}
	if o.need().GreaterThan(o.account.balance(o.holdCurrency()).available()) {
		return
	}
	x.rehold(o)
	m.quotes = append(m.quotes, o)
	x.enter(m, o)
}

// print records the trades of the house with itself, one a minute, so that
// there is a last price and a history. Both sides are the house: no funds move.
func (x *Exchange) print(m *market) {
	next := m.printed.Add(printEvery)
	if oldest := x.at.Truncate(printEvery).Add(printEvery - printPast); next.Before(oldest) {
		next = oldest
	}
	for ; !next.After(x.at); next = next.Add(printEvery) {
		m.printed = next
		n := next.Unix() / 60
		t := trade{side: buy, at: next, price: m.pair.ask(next, 0), amount: m.pair.worth(printWorth * float64(1+n%7))}
		if n%2 == 0 {
			t.side, t.price = sell, m.pair.bid(next, 0)
		}
		x.record(m, t)
	}
}
