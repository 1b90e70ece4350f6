package sandbox

import (
	"fmt"
	"slices"
	"time"

	"github.com/shopspring/decimal"
)

// tapeLength is how many trades of a pair are kept: the most that one public
// get_trade_history can ask for.
const tapeLength = 10_000

// market is one pair with its book and its trades.
type market struct {
	pair   *pair
	bounds bounds
	book   book
	stops  []*order // Stop Limit orders that wait, oldest first
	tape   []trade  // oldest first
	last   decimal.Decimal

	quotes  []*order  // the house's, in the book
	quoted  time.Time // when they were placed
	stale   bool      // somebody took from them
	printed time.Time // minute of the house's last trade with itself

	touched []touch // levels that changed and were not yet pushed
	seq     int64   // of the last order_book_increment
}

// trade is one execution; side is that of the order that came.
type trade struct {
	id     string
	at     time.Time
	side   side
	price  decimal.Decimal
	amount decimal.Decimal
}

// tradeView is a trade in get_trade_history and in the push.
type tradeView struct {
	TradeID string `json:"tradeId"`
	DateISO string `json:"dateISO"`
	Side    string `json:"side"`
	Price   string `json:"price"`
	Amount  string `json:"amount"`
}

func (t trade) view() tradeView {
	return tradeView{t.id, iso(t.at), t.side.String(), t.price.String(), money(t.amount)}
}

// record numbers a trade and adds it to the tape.
func (x *Exchange) record(m *market, t trade) {
	x.serial.trade++
	t.id = fmt.Sprintf("%d-%d", t.at.UnixMilli(), x.serial.trade)
	m.tape, m.last = append(trim(m.tape, tapeLength), t), t.price
	x.tellTrade(m, t)
}

// market returns the pair that a request names, or a 422 that names it back.
func (x *Exchange) market(name string) (*market, error) {
	m, ok := x.byPair[name]
	if !ok {
		return nil, wrong("Unsupported pair %s", shown(name))
	}
	return m, nil
}

// asked returns the markets that a call names in pairs, all when it names none.
func (x *Exchange) asked(c *call) ([]*market, error) {
	names := c.in.texts("pairs")
	if c.in.err != nil {
		return nil, c.in.err
	}
	if len(names) == 0 {
		return x.markets, nil
	}
	picked := make([]*market, 0, len(names))
	for _, name := range names {
		m, err := x.market(name)
		if err != nil {
			return nil, err
		}
		picked = append(picked, m)
	}
	return picked, nil
}

// bookView is a book with levels of price and amount, the best first.
type bookView struct {
	Timestamp int64       `json:"timestamp"`
	Currency1 string      `json:"currency1"`
	Currency2 string      `json:"currency2"`
	Bids      [][2]string `json:"bids"`
	Asks      [][2]string `json:"asks"`
}

// orderBook: get_order_book. Best levels first, depth of them when asked.
func (x *Exchange) orderBook(c *call) (any, error) {
	name, depth := c.in.need("pair"), c.in.whole("depth", 0)
	return x.snapshot(c, name, depth)
}

// demoBook: get_demo_order_book, which needs no pair.
func (x *Exchange) demoBook(c *call) (any, error) {
	name, depth := c.in.text("pair"), c.in.whole("depth", 0)
	if name == "" {
		name = x.markets[0].pair.name()
	}
	return x.snapshot(c, name, depth)
}

// snapshot copies a book; the engine goes on with its own.
func (x *Exchange) snapshot(c *call, name string, depth int64) (any, error) {
	if c.in.err != nil {
		return nil, c.in.err
	}
	m, err := x.market(name)
	if err != nil {
		return nil, err
	}
	return bookView{
		Timestamp: x.at.UnixMilli(), Currency1: m.pair.base, Currency2: m.pair.quote,
		Bids: m.book.view(buy, depth), Asks: m.book.view(sell, depth),
	}, nil
}

// view lists price and amount of a side's levels; all of them for depth 0.
func (b *book) view(s side, depth int64) [][2]string {
	levels := *b.levels(s)
	if depth > 0 && depth < int64(len(levels)) {
		levels = levels[:depth]
	}
	view := make([][2]string, len(levels))
	for i, l := range levels {
		view[i] = [2]string{l.price.String(), money(l.amount())}
	}
	return view
}

// tradeHistory: get_trade_history, the newest first. A key gets 100 unless it
// asks for more, up to 1000; without a key 1000, up to 10000.
func (x *Exchange) tradeHistory(c *call) (any, error) {
	usual, most := int64(100), int64(1000)
	if c.client == nil {
		usual, most = 1000, 10_000
	}
	name, s := c.in.need("pair"), c.in.oneOf("side", "BUY", "SELL")
	from, to := c.in.moment("fromDateISO"), c.in.moment("toDateISO")
	size := c.in.page("pageSize", usual, most)
	if c.in.err != nil {
		return nil, c.in.err
	}
	m, err := x.market(name)
	if err != nil {
		return nil, err
	}
	views := []tradeView{}
	// From the newest back, until the page is full or the range is left.
	for _, t := range slices.Backward(m.tape) {
		if int64(len(views)) == size || !from.IsZero() && t.at.Before(from) {
			break
		}
		if (to.IsZero() || !t.at.After(to)) && (s == "" || s == t.side.String()) {
			views = append(views, t.view())
		}
	}
	return struct {
		PageSize int64       `json:"pageSize"`
		Trades   []tradeView `json:"trades"`
	}{size, views}, nil
}
