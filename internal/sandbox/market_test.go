package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"latchkey/identity"
)

// A fresh sandbox must look alive: ccxt divides by prices and reads first trades.
func TestMarketDataExistsFromTheFirstRequest(t *testing.T) {
	d := newDesk(t)
	code, body := d.public("get_ticker", `{}`)
	tickers := data[map[string]tickerView](t, code, body)
	if len(tickers) != len(pairs) {
		t.Errorf("%d tickers for %d pairs", len(tickers), len(pairs))
	}
	for name, v := range tickers {
		if !dec(v.BestBid).LessThan(dec(v.BestAsk)) || !dec(v.Low).LessThanOrEqual(dec(v.High)) || !dec(v.Volume).IsPositive() || v.LastTradeDateISO != "2026-03-02T12:00:00.000Z" {
			t.Errorf("%s: %+v", name, v)
		}
		code, body := d.public("get_order_book", fmt.Sprintf(`{"pair":%q,"depth":5}`, name))
		book := data[bookView](t, code, body)
		if len(book.Bids) != 5 || len(book.Asks) != 5 || book.Bids[0][0] != v.BestBid || book.Asks[0][0] != v.BestAsk {
			t.Errorf("%s: %s", name, body)
		}
		code, body = d.public("get_trade_history", fmt.Sprintf(`{"pair":%q}`, name))
		if trades := data[struct{ Trades []tradeView }](t, code, body).Trades; len(trades) != 60 || trades[0].Price != v.LastTradePrice {
			t.Errorf("%s: %d trades", name, len(trades))
		}
	}
}

// Every amount that a request may name must be exact in eight decimals.
func TestPairsKeepCostsExact(t *testing.T) {
	d := newDesk(t)
	for _, m := range d.markets {
		if m.pair.lot+m.pair.tick > places {
			t.Errorf("%s: %d lot and %d price decimals", m.pair.name(), m.pair.lot, m.pair.tick)
		}
		b := m.bounds
		if !b.baseMin.IsPositive() || !b.quoteMin.IsPositive() || !b.priceMin.IsPositive() || !b.baseMin.LessThan(b.baseMax) || !b.priceMin.LessThan(b.priceMax) {
			t.Errorf("%s: %+v", m.pair.name(), b)
		}
	}
}

// The newest first, and each door with its own page limits.
func TestTradesAreListedNewestFirstWithinTheirBounds(t *testing.T) {
	d := newDesk(t)
	d.order("acme", "BUY", "Limit", `"amountCcy1":"0.01","price":"90000"`)
	type trades struct {
		PageSize int64
		Trades   []tradeView
	}
	ask := func(body string) trades {
		code, answer := d.public("get_trade_history", body)
		return data[trades](t, code, answer)
	}
	got := ask(`{"pair":"BTC-USD"}`)
	if got.PageSize != 1000 || len(got.Trades) != 61 || got.Trades[0].Side != "BUY" || got.Trades[0].Amount != "0.01000000" {
		t.Errorf("%d of %d, first %+v", len(got.Trades), got.PageSize, got.Trades[0])
	}
	if got := ask(`{"pair":"BTC-USD","pageSize":2,"side":"SELL"}`); len(got.Trades) != 2 || got.Trades[0].Side != "SELL" {
		t.Errorf("sells: %+v", got)
	}
	if got := ask(`{"pair":"BTC-USD","fromDateISO":"2026-03-02T11:58:00.000Z","toDateISO":"2026-03-02T11:59:30.000Z"}`); len(got.Trades) != 2 || got.Trades[0].DateISO != "2026-03-02T11:59:00.000Z" {
		t.Errorf("range: %+v", got)
	}
	code, body := d.call("acme", "get_trade_history", `{"pair":"BTC-USD"}`)
	if got := data[trades](t, code, body); got.PageSize != 100 {
		t.Errorf("with a key the page is %d", got.PageSize)
	}
	code, body = d.call("acme", "get_trade_history", `{"pair":"BTC-USD","pageSize":1001}`)
	refused(t, code, body, 422, "Page size is limited to 1000 items")
	code, body = d.public("get_trade_history", `{"pair":"BTC-USD","pageSize":10001}`)
	refused(t, code, body, 422, "Page size is limited to 10000 items")
}

// A chart without gaps: one candle closes where the next one opens.
func TestCandlesJoinAndHoldTheirPrices(t *testing.T) {
	d := newDesk(t)
	for resolution, length := range resolutions {
		for _, quoted := range []string{"bestBid", "bestAsk"} {
			code, body := d.public("get_candles", fmt.Sprintf(`{"pair":"BTC-USD","resolution":%q,"dataType":%q,"toISO":%q,"limit":5}`, resolution, quoted, iso(d.clock)))
			list := data[[]candleView](t, code, body)
			if len(list) != 5 || list[4].IsClosed || !list[3].IsClosed || list[4].Timestamp > d.clock.UnixMilli() {
				t.Fatalf("%s: %s", resolution, body)
			}
			for i, c := range list {
				if !dec(c.Low).LessThanOrEqual(dec(c.Open)) || !dec(c.High).GreaterThanOrEqual(dec(c.Close)) || c.Timestamp%length.Milliseconds() != 0 {
					t.Errorf("%s: %+v", resolution, c)
				}
				if i > 0 && (list[i-1].Close != c.Open || list[i-1].Timestamp+length.Milliseconds() != c.Timestamp) {
					t.Errorf("%s: candles %d and %d do not join", resolution, i-1, i)
				}
			}
		}
	}
	code, body := d.public("get_candles", fmt.Sprintf(`{"pair":"BTC-USD","resolution":"1m","dataType":"bestBid","fromISO":%q}`, iso(noon.Add(-150*time.Second))))
	if list := data[[]candleView](t, code, body); len(list) != 3 || list[0].TimestampISO != "2026-03-02T11:58:00.000Z" || list[1].Volume == "0.00000000" {
		t.Errorf("from: %s", body)
	}
}

// Early clients asked public actions by GET, where all values are text.
func TestAPublicGETReadsItsQuery(t *testing.T) {
	d := newDesk(t)
	get := func(target string) string {
		return d.send(identity.Caller{RequestID: "r"}, "GET", "/api/rest-public/"+target, "").Body.String()
	}
	if body := get("get_order_book?pair=BTC-USD&depth=1"); strings.Count(body, "[[") != 2 || strings.Contains(body, "],[") {
		t.Errorf("depth: %s", body)
	}
	for _, query := range []string{"pairs=BTC-USD,ETH-USD", "pairs=BTC-USD&pairs=ETH-USD"} {
		if body := get("get_ticker?" + query); strings.Count(body, "bestBid\"") != 2 {
			t.Errorf("%s: %s", query, body)
		}
	}
	if body := get("get_trade_history?pair=BTC-USD&pageSize=3&toDateISO=1772452800000"); strings.Count(body, "tradeId") != 3 {
		t.Errorf("numbers: %s", body)
	}
}

// Only the last 30 days count, and only from a tier's own volume on.
func TestFeesFollowTheVolume(t *testing.T) {
	d := newDesk(t)
	fee := func() string {
		code, body := d.call("acme", "get_my_current_fee", `{"pairs":["BTC-USD"]}`)
		return data[struct{ TradingFee map[string]percent }](t, code, body).TradingFee["BTC-USD"].Percent
	}
	d.order("acme", "SELL", "Market", `"amountCcy1":"1"`)
	expect(t, "fee at first", fee(), "0.25")
	code, body := d.call("acme", "get_my_volume", `{}`)
	if volume := data[struct{ Volume string }](t, code, body).Volume; !dec(volume).GreaterThan(dec("50000")) {
		t.Errorf("volume %s after selling a bitcoin", volume)
	}
	d.clients["acme"].volume = append(d.clients["acme"].volume, turnover{d.clock, dec("1000000")})
	expect(t, "fee from a million on", fee(), "0.2")
	d.clock = d.clock.Add(volumePeriod + time.Second)
	expect(t, "fee a month later", fee(), "0.25")
}

// A rate that no order gets would be a lie.
func TestAnExchangeRateIsWhatAMarketOrderPays(t *testing.T) {
	d := newDesk(t)
	code, body := d.call("acme", "get_exchange_rate", `{"side":"BUY","accountId":"sub1","currency":"BTC","counterCurrency":"USD","amount":"0.5"}`)
	quoted := data[exchangeRateView](t, code, body)
	paid := d.order("acme", "BUY", "Market", `"amountCcy1":"0.5"`)
	expect(t, "rate", quoted.Rate+" "+quoted.CounterAmount+" "+quoted.FeeAmount, *paid.AveragePrice+" "+paid.ExecutedCcy2+" "+paid.FeeAmount)
}
