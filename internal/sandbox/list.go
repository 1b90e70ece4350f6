package sandbox

import (
	"slices"
	"time"
)

// longestRange is how far one get_my_orders may look.
const longestRange = 365 * 24 * time.Hour

// cancelOrder: do_cancel_my_order. An order that is not there, or has ended,
// is no error on the wire: the answer is ok and a push says unknown_order.
func (x *Exchange) cancelOrder(c *call) (any, error) {
	id, ref := c.in.whole("orderId", 0), c.in.text("clientOrderId")
	request, sent := c.in.need("cancelRequestId"), c.in.whole("timestamp", 0)
	switch {
	case c.in.err != nil:
		return nil, c.in.err
	case id == 0 && ref == "":
		return nil, wrong("ClientOrderId or orderId should be specified")
	case id != 0 && ref != "":
		return nil, wrong("Only one of the fields ClientOrderId or orderId should be specified, not both")
	case sent == 0:
		return nil, missing("timestamp")
	}
	// Both indexes are the client's own: no id of another client is ever found.
	o := c.client.byID[id]
	if ref != "" {
		o = c.client.byRef[ref]
	}
	// An order that has ended is as unknown to a cancel as one that never was.
	if o != nil && !o.status.final() {
		x.finish(o, cancelled, "Canceled")
	} else {
		x.tell(topic{client: c.client.id}, "orderCancelReject", cancelReject{"NONE", ref, request, "unknown_order"})
	}
	return struct{}{}, nil
}

// cancelAll: do_cancel_all_orders, of the named accounts or of all.
func (x *Exchange) cancelAll(c *call) (any, error) {
	names := c.in.texts("accountIds")
	if c.in.err != nil {
		return nil, c.in.err
	}
	if _, err := x.accounts(c.client, names); err != nil {
		return nil, err
	}
	refs := []string{}
	// finish does not touch c.client.open, so ranging over it is safe.
	for _, o := range c.client.open {
		if !o.status.final() && wanted(names, o.account.name) {
			x.finish(o, cancelled, "Canceled")
			refs = append(refs, o.ref)
		}
	}
	return struct {
		ClientOrderIDs []string `json:"clientOrderIds"`
	}{refs}, nil
}

// filter is what get_my_orders was asked for.
type filter struct {
	ref      string
	id       int64
	archived bool
	pair     string
	side     string
	accounts []string
	from, to time.Time
	oldFirst bool
	size     int64
	page     int64 // from 0
}

// orders: get_my_orders.
func (x *Exchange) orders(c *call) (any, error) {
	f, err := readFilter(c.in, x.at)
	if err != nil {
		return nil, err
	}
	if _, err := x.accounts(c.client, f.accounts); err != nil {
		return nil, err
	}
	if f.pair != "" {
		if _, err := x.market(f.pair); err != nil {
			return nil, err
		}
	}
	// Kept oldest first; a stable order makes pages neither skip nor repeat.
	matching := []*order{}
	for _, o := range c.client.orders {
		if f.lets(o) {
			matching = append(matching, o)
		}
	}
	if !f.oldFirst {
		slices.Reverse(matching)
	}
	views := []listedView{}
	for _, o := range window(matching, f.page, f.size) {
		views = append(views, o.listed())
	}
	return views, nil
}

// readFilter reads and checks the filter. An id needs no range: it finds one
// order, wherever it is.
func readFilter(in *fields, now time.Time) (filter, error) {
	f := filter{
		ref: in.text("clientOrderId"), id: in.whole("orderId", 0), archived: in.flag("archived"),
		pair: in.text("pair"), side: in.oneOf("side", "BUY", "SELL"), accounts: in.texts("accountIds"),
		from: in.moment("serverCreateTimestampFrom"), to: in.moment("serverCreateTimestampTo"),
		oldFirst: in.oneOf("sortOrder", "ASC", "DESC") == "ASC",
		size:     in.page("pageSize", 1000, 1000), page: in.whole("pageNumber", 0),
	}
	if in.err != nil || f.ref != "" || f.id != 0 {
		return f, in.err
	}
	// Without an end the range reaches to now.
	until := f.to
	if until.IsZero() {
		until = now
	}
	switch {
	case f.archived && f.from.IsZero():
		return f, missing("serverCreateTimestampFrom")
	case !f.from.IsZero() && until.Sub(f.from) > longestRange:
		return f, wrong("Requested range is limited to 365 days")
	}
	return f, nil
}

// lets decides about one order. clientOrderId beats orderId, and either finds
// the order whether it is open or ended; they beat every other filter.
func (f *filter) lets(o *order) bool {
	switch {
	case f.ref != "":
		return o.ref == f.ref
	case f.id != 0:
		return o.id == f.id
	}
	// archived asks for the ended orders only; without it only for the open ones.
	return o.status.final() == f.archived &&
		(f.pair == "" || f.pair == o.pairName) &&
		(f.side == "" || f.side == o.side.String()) &&
		wanted(f.accounts, o.account.name) &&
		within(o.created, f.from, f.to)
}

// within reports whether at lies between two times; a zero one does not bound.
func within(at, from, to time.Time) bool {
	return (from.IsZero() || !at.Before(from)) && (to.IsZero() || !at.After(to))
}

// window is one page of a list; page counts from 0.
func window[T any](list []T, page, size int64) []T {
	n := int64(len(list))
	if page > n/size { // also keeps page*size from overflowing
		return nil
	}
	return list[page*size : min(n, (page+1)*size)]
}
