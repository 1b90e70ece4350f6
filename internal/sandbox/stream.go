package sandbox

// stream reads what every subscription is about: a pair. Over REST there is
// nowhere to push to, whatever a catalog says.
func (x *Exchange) stream(c *call, name string) (topic, *market, error) {
	pair := c.in.need("pair")
	if c.in.err != nil {
		return topic{}, nil, c.in.err
	}
	if c.session == nil {
		return topic{}, nil, badRequest
	}
	m, err := x.market(pair)
	return topic{stream: name, pair: pair}, m, err
}

// subscribed answers a subscription that has nothing else to say.
type subscribed struct {
	Pair string `json:"pair"`
}

// bookSubscribe: order_book_subscribe. The answer is the book as it is now; the
// first push has the seqId that follows. A repeated call sends the book again.
func (x *Exchange) bookSubscribe(c *call) (any, error) {
	t, m, err := x.stream(c, bookStream)
	if err != nil {
		return nil, err
	}
	x.hear(t, c.session)
	return bookChange{
		Pair: t.pair, SeqID: m.seq, Timestamp: x.at.UnixMilli(),
		Bids: m.book.view(buy, 0), Asks: m.book.view(sell, 0),
	}, nil
}

// bookUnsubscribe: order_book_unsubscribe. No push follows its answer.
func (x *Exchange) bookUnsubscribe(c *call) (any, error) { return x.unsubscribe(c, bookStream) }

// tradeSubscribe: trade_subscribe. The answer names the pair; the newest trades
// follow as a push of their own, tradeHistorySnapshot, and then each new one.
func (x *Exchange) tradeSubscribe(c *call) (any, error) {
	t, m, err := x.stream(c, tradeStream)
	if err != nil {
		return nil, err
	}
	x.hear(t, c.session)
	c.follow = &message{E: "tradeHistorySnapshot", Data: m.recent(t.pair), OK: "ok"}
	return subscribed{t.pair}, nil
}

// tradeUnsubscribe: trade_unsubscribe.
func (x *Exchange) tradeUnsubscribe(c *call) (any, error) { return x.unsubscribe(c, tradeStream) }

// unsubscribe is as content with a stream that was never subscribed to.
func (x *Exchange) unsubscribe(c *call, name string) (any, error) {
	t, _, err := x.stream(c, name)
	if err != nil {
		return nil, err
	}
	x.unhear(t, c.session)
	return subscribed{t.pair}, nil
}

// recentTrades is how many trades tradeHistorySnapshot holds.
const recentTrades = 100

// tradeSnapshot is the data of tradeHistorySnapshot.
type tradeSnapshot struct {
	Pair   string      `json:"pair"`
	Trades []tradeView `json:"trades"` // the newest first, as in get_trade_history
}

func (m *market) recent(pair string) tradeSnapshot {
	view := tradeSnapshot{pair, []tradeView{}}
	for i := len(m.tape) - 1; i >= 0 && len(view.Trades) < recentTrades; i-- {
		view.Trades = append(view.Trades, m.tape[i].view())
	}
	return view
}
