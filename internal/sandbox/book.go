package sandbox

import (
	"slices"
	"sort"

	"github.com/shopspring/decimal"
)

// side says which way an order goes. The zero value is neither.
type side uint8

const (
	buy side = iota + 1
	sell
)

// other is the side that an order of this side trades with.
func (s side) other() side { return buy + sell - s }

func (s side) String() string {
	switch s {
	case buy:
		return "BUY"
	case sell:
		return "SELL"
	}
	return ""
}

// meets reports whether an order of this side limited to limit may trade at
// price: a buyer pays at most, a seller takes at least its limit.
func (s side) meets(limit, price decimal.Decimal) bool {
	if s == buy {
		return price.LessThanOrEqual(limit)
	}
	return price.GreaterThanOrEqual(limit)
}

// level is all orders that rest at one price, the oldest first.
type level struct {
	price decimal.Decimal
	queue []*order
}

// amount is what rests at the level, in currency 1.
func (l level) amount() decimal.Decimal {
	sum := decimal.Zero
	for _, o := range l.queue {
		sum = sum.Add(o.left())
	}
	return sum
}

// book is the resting orders of one pair. Price-time priority: the better
// price first, at one price the order that came first. Each side is a sorted
// slice of levels with the best in front; a sandbox's books are short, and a
// slice that can be read aloud beats a tree here.
type book struct {
	bids, asks []level
}

// levels returns a side by reference, so that add and remove can change it.
func (b *book) levels(s side) *[]level {
	if s == buy {
		return &b.bids
	}
	return &b.asks
}

// find returns where the level of that price is, or where it belongs.
func (b *book) find(s side, price decimal.Decimal) (int, bool) {
	levels := *b.levels(s)
	i := sort.Search(len(levels), func(i int) bool {
		// The first level that is not better than price.
		return s.other().meets(levels[i].price, price)
	})
	return i, i < len(levels) && levels[i].price.Equal(price)
}

// add lets an order rest, behind all others of its price.
func (b *book) add(o *order) {
	levels := b.levels(o.side)
	i, found := b.find(o.side, o.price)
	if !found {
		*levels = slices.Insert(*levels, i, level{price: o.price})
	}
	(*levels)[i].queue = append((*levels)[i].queue, o)
}

// remove takes an order out and reports whether it was there.
func (b *book) remove(o *order) bool {
	levels := b.levels(o.side)
	i, found := b.find(o.side, o.price)
	if !found {
		return false
	}
	// By identity: another order of the same price and size is not this one.
	at := slices.Index((*levels)[i].queue, o)
	if at < 0 {
		return false
	}
	(*levels)[i].queue = slices.Delete((*levels)[i].queue, at, at+1)
	// An empty level would be the best of its side and serve nobody.
	if len((*levels)[i].queue) == 0 {
		*levels = slices.Delete(*levels, i, i+1)
	}
	return true
}

// best returns the order that is served next on a side, or nil.
func (b *book) best(s side) *order {
	levels := *b.levels(s)
	if len(levels) == 0 {
		return nil
	}
	return levels[0].queue[0]
}

// at returns what rests on a side at one price; zero when nothing does.
func (b *book) at(s side, price decimal.Decimal) decimal.Decimal {
	i, found := b.find(s, price)
	if !found {
		return decimal.Zero
	}
	return (*b.levels(s))[i].amount()
}

// cost is what taking size of currency 1 from a side would come to now: the
// sum in currency 2, and how much of size the side can serve at all.
func (b *book) cost(s side, size decimal.Decimal) (sum, served decimal.Decimal) {
	for _, l := range *b.levels(s) {
		take := decimal.Min(l.amount(), size.Sub(served))
		// A Market order of this size would take just these parts, in this order.
		sum, served = sum.Add(take.Mul(l.price)), served.Add(take)
		if served.Equal(size) {
			break
		}
	}
	return sum, served
}

// size is how much of currency 1 must be given to a side to receive sum of
// currency 2, in whole lots rounded up; what the side has when it has less.
func (b *book) size(s side, sum decimal.Decimal, lot int32) decimal.Decimal {
	total := decimal.Zero
	for _, l := range *b.levels(s) {
		amount := l.amount()
		if worth := amount.Mul(l.price); worth.LessThan(sum) {
			total, sum = total.Add(amount), sum.Sub(worth)
			continue
		}
		last, rest := sum.QuoRem(l.price, lot)
		if rest.IsPositive() {
			last = last.Add(unit(lot))
		}
		return total.Add(last)
	}
	return total
}
