package sandbox

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"
)

// Two decimals of one value may differ inside (1 and 1.0), so cmp must be told.
var decimalsEqual = cmp.Comparer(decimal.Decimal.Equal)

func dec(text string) decimal.Decimal { return decimal.RequireFromString(text) }

// resting is an order that only a book looks at.
func resting(id int64, s side, price, size string) *order {
	return &order{id: id, ask: ask{side: s, kind: limit}, pair: &pairs[0], price: dec(price), size: dec(size), status: open}
}

// served takes orders off a side one after the other, as matching would.
func served(b *book, s side) []int64 {
	var ids []int64
	for o := b.best(s); o != nil; o = b.best(s) {
		ids = append(ids, o.id)
		b.remove(o)
	}
	return ids
}

// Price first, then time; also where one price is spelled in two ways.
func TestBookServesTheBetterPriceThenTheOlderOrder(t *testing.T) {
	for _, c := range []struct {
		side side
		want []int64
	}{
		{buy, []int64{3, 6, 1, 4, 2, 5}},
		{sell, []int64{2, 5, 1, 4, 3, 6}},
	} {
		var b book
		for i, price := range []string{"100", "99.5", "101", "100.0", "99.50", "101"} {
			b.add(resting(int64(i+1), c.side, price, "1"))
		}
		if got := served(&b, c.side); !slices.Equal(got, c.want) {
			t.Errorf("%v: served %v, want %v", c.side, got, c.want)
		}
	}
}

// A cancel must never hit another order of the same price.
func TestBookRemovesOnlyTheOrderItself(t *testing.T) {
	var b book
	first, twin := resting(1, buy, "100", "1"), resting(2, buy, "100", "1")
	b.add(first)
	if b.remove(twin) {
		t.Error("an order that never rested was removed")
	}
	b.add(twin)
	if !b.remove(first) || b.remove(first) {
		t.Error("an order must be removed once")
	}
	if got := b.at(buy, dec("100")); !got.Equal(dec("1")) {
		t.Errorf("%s left at 100, want 1", got)
	}
	if !b.remove(twin) || len(b.bids) != 0 {
		t.Error("an empty level stayed in the book")
	}
}

// What a Market order is checked by must be what it then pays.
func TestBookCostAndSize(t *testing.T) {
	var b book
	b.add(resting(1, sell, "100", "1"))
	b.add(resting(2, sell, "110", "2"))
	for _, c := range []struct{ size, sum, served string }{
		{"0.5", "50", "0.5"}, {"1", "100", "1"}, {"2", "210", "2"}, {"9", "320", "3"},
	} {
		sum, got := b.cost(sell, dec(c.size))
		if diff := cmp.Diff([]decimal.Decimal{dec(c.sum), dec(c.served)}, []decimal.Decimal{sum, got}, decimalsEqual); diff != "" {
			t.Errorf("cost of %s: %s", c.size, diff)
		}
	}
	// Whole lots, rounded up: less would not bring the sum.
	for _, c := range []struct{ sum, want string }{
		{"50", "0.5"}, {"100", "1"}, {"155", "1.5"}, {"100.01", "1.000091"}, {"999", "3"},
	} {
		if got := b.size(sell, dec(c.sum), 6); !got.Equal(dec(c.want)) {
			t.Errorf("size for %s is %s, want %s", c.sum, got, c.want)
		}
	}
}

// The book against a list that is sorted anew for each look.
func TestBookAgreesWithASortedList(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b book
		var list []*order
		s := rapid.SampledFrom([]side{buy, sell}).Draw(t, "side")
		for id := range int64(rapid.IntRange(1, 60).Draw(t, "steps")) {
			if len(list) > 0 && rapid.IntRange(0, 3).Draw(t, "what") == 0 {
				i := rapid.IntRange(0, len(list)-1).Draw(t, "which")
				if !b.remove(list[i]) {
					t.Fatalf("order %d was not found", list[i].id)
				}
				list = slices.Delete(list, i, i+1)
				continue
			}
			o := resting(id, s, fmt.Sprintf("%d.5", rapid.IntRange(1, 8).Draw(t, "price")), "1")
			b.add(o)
			list = append(list, o)
		}
		slices.SortStableFunc(list, func(p, q *order) int {
			if s == buy {
				p, q = q, p
			}
			if c := p.price.Cmp(q.price); c != 0 {
				return c
			}
			return 0
		})
		want := make([]int64, 0, len(list))
		for _, o := range list {
			want = append(want, o.id)
		}
		if got := served(&b, s); !slices.Equal(got, want) {
			t.Fatalf("served %v, want %v", got, want)
		}
	})
}
