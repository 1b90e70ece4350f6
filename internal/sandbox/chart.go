package sandbox

import (
	"time"

	"github.com/shopspring/decimal"
)

// day is the period of a ticker.
const day = 24 * time.Hour

// tickerView has the members of the live exchange's get_ticker; ccxt reads last,
// bestBid, bestAsk, high, low, the two volumes and the two price changes.
type tickerView struct {
	BestBid                 string `json:"bestBid"`
	BestAsk                 string `json:"bestAsk"`
	BestBidChange           string `json:"bestBidChange"`
	BestBidChangePercentage string `json:"bestBidChangePercentage"`
	BestAskChange           string `json:"bestAskChange"`
	BestAskChangePercentage string `json:"bestAskChangePercentage"`
	Low                     string `json:"low"`
	High                    string `json:"high"`
	Volume30d               string `json:"volume30d"`
	LastTradeDateISO        string `json:"lastTradeDateISO"`
	Volume                  string `json:"volume"`
	QuoteVolume             string `json:"quoteVolume"`
	LastTradeVolume         string `json:"lastTradeVolume"`
	VolumeUSD               string `json:"volumeUSD"`
	Last                    string `json:"last"`
	LastTradePrice          string `json:"lastTradePrice"`
	PriceChange             string `json:"priceChange"`
	PriceChangePercentage   string `json:"priceChangePercentage"`
}

// ticker: get_ticker, for the named pairs or for all.
func (x *Exchange) ticker(c *call) (any, error) {
	markets, err := x.asked(c)
	if err != nil {
		return nil, err
	}
	views := make(map[string]tickerView, len(markets))
	for _, m := range markets {
		views[m.pair.name()] = x.tickerOf(m)
	}
	return views, nil
}

// tickerOf sums up the trades of a day that are still on the tape. The changes
// are against the modelled price of a day ago; last is the middle of the book.
func (x *Exchange) tickerOf(m *market) tickerView {
	bid, ask := m.top(buy), m.top(sell)
	oldBid, oldAsk := m.pair.bid(x.at.Add(-day), 0), m.pair.ask(x.at.Add(-day), 0)
	last, old := middle(bid, ask, m.pair.tick), middle(oldBid, oldAsk, m.pair.tick)
	// sum ends before its second time; the trade of this very moment counts.
	s := m.sum(x.at.Add(-day), x.at.Add(time.Nanosecond))
	latest := m.tape[len(m.tape)-1] // never empty: the house prints before anyone asks
	view := tickerView{
		BestBid: bid.String(), BestAsk: ask.String(), Last: last.String(),
		Low: s.low.String(), High: s.high.String(),
		Volume: money(s.volume), QuoteVolume: money(s.turnover),
		Volume30d:        money(m.sum(x.at.Add(-volumePeriod), x.at.Add(time.Nanosecond)).volume),
		VolumeUSD:        coinByName(m.pair.quote).inUSD(s.turnover, x.at).StringFixed(2),
		LastTradeDateISO: iso(latest.at), LastTradeVolume: money(latest.amount), LastTradePrice: latest.price.String(),
	}
	view.BestBidChange, view.BestBidChangePercentage = change(oldBid, bid)
	view.BestAskChange, view.BestAskChangePercentage = change(oldAsk, ask)
	view.PriceChange, view.PriceChangePercentage = change(old, last)
	return view
}

// top is the best price of a side. When orders have emptied it, what the house
// asked last stands in until it quotes again.
func (m *market) top(s side) decimal.Decimal {
	if best := m.book.best(s); best != nil {
		return best.price
	}
	return m.last
}

// middle is a price between two, on a tick of its pair.
func middle(bid, ask decimal.Decimal, tick int32) decimal.Decimal {
	return bid.Add(ask).Div(decimal.New(2, 0)).Round(tick)
}

// change is the difference of two prices, and the same in percent.
func change(before, after decimal.Decimal) (difference, percentage string) {
	d := after.Sub(before)
	return d.String(), d.Mul(decimal.New(100, 0)).DivRound(before, 2).StringFixed(2)
}

// sums is what happened on the tape in some time.
type sums struct {
	low, high        decimal.Decimal
	volume, turnover decimal.Decimal // in currency 1 and currency 2
}

// sum adds up the trades from a time on and before another.
func (m *market) sum(from, to time.Time) sums {
	s := sums{low: m.last, high: m.last}
	for _, t := range m.tape {
		if t.at.Before(from) || !t.at.Before(to) {
			continue
		}
		s.low, s.high = decimal.Min(s.low, t.price), decimal.Max(s.high, t.price)
		s.volume, s.turnover = s.volume.Add(t.amount), s.turnover.Add(t.amount.Mul(t.price))
	}
	return s
}

// resolutions are the lengths of a candle.
var resolutions = map[string]time.Duration{
	"1m": time.Minute, "5m": 5 * time.Minute, "15m": 15 * time.Minute, "30m": 30 * time.Minute,
	"1h": time.Hour, "2h": 2 * time.Hour, "4h": 4 * time.Hour, "1d": day,
}

const (
	mostCandles = 1000
	samples     = 8 // looks at the model inside of a candle, for its high and low
)

// candleView has the times as a number and as text, as the exchange sends both.
type candleView struct {
	Timestamp    int64  `json:"timestamp"`
	Open         string `json:"open"`
	High         string `json:"high"`
	Low          string `json:"low"`
	Close        string `json:"close"`
	Volume       string `json:"volume"`
	Resolution   string `json:"resolution"`
	IsClosed     bool   `json:"isClosed"`
	TimestampISO string `json:"timestampISO"`
}

// candles: get_candles, the oldest first. With fromISO the first limit candles
// from there, else the last limit candles before toISO.
func (x *Exchange) candles(c *call) (any, error) {
	name, resolution := c.in.need("pair"), c.in.needOneOf("resolution", "1m", "5m", "15m", "30m", "1h", "2h", "4h", "1d")
	quoted := c.in.needOneOf("dataType", "bestBid", "bestAsk")
	from, to, limit := c.in.moment("fromISO"), c.in.moment("toISO"), c.in.page("limit", mostCandles, mostCandles)
	if c.in.err != nil {
		return nil, c.in.err
	}
	m, err := x.market(name)
	if err != nil {
		return nil, err
	}
	if from.IsZero() && to.IsZero() {
		return nil, wrong("FromISO or toISO should be specified")
	}
	// A candle that has not begun cannot be drawn, and none is asked for ahead.
	length := resolutions[resolution]
	if to.IsZero() || to.After(x.at) {
		to = x.at
	}
	start := from.Add(length - 1).Truncate(length)
	// The candle that is under way is the last one, with isClosed false.
	if from.IsZero() {
		start = to.Truncate(length).Add(-time.Duration(limit-1) * length)
	}
	views := []candleView{}
	for at := start; !at.After(to) && int64(len(views)) < limit; at = at.Add(length) {
		views = append(views, x.candle(m, at, length, resolution, quoted))
	}
	return views, nil
}

// candle draws the house's best bid or best ask by the price model, which knows
// any past; the volume is that of the trades on the tape.
func (x *Exchange) candle(m *market, start time.Time, length time.Duration, resolution, quoted string) candleView {
	price := m.pair.bid
	if quoted == "bestAsk" {
		price = m.pair.ask
	}
	end := start.Add(length)
	closed := !end.After(x.at)
	if !closed {
		end = x.at
	}
	// The candle under way closes, so far, at the price of now.
	first, last := price(start, 0), price(end, 0)
	low, high := decimal.Min(first, last), decimal.Max(first, last)
	for i := range samples {
		p := price(start.Add(end.Sub(start)*time.Duration(i)/samples), 0)
		low, high = decimal.Min(low, p), decimal.Max(high, p)
	}
	return candleView{
		Timestamp: start.UnixMilli(), Open: first.String(), High: high.String(), Low: low.String(), Close: last.String(),
		Volume: money(m.sum(start, start.Add(length)).volume), Resolution: resolution, IsClosed: closed, TimestampISO: iso(start),
	}
}
