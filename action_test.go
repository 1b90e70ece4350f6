package latchkey_test

import (
	"slices"
	"strings"
	"testing"

	"latchkey"

	"github.com/google/go-cmp/cmp"
)

// order is a private action that changes state, and is right.
func order() latchkey.Action {
	return latchkey.Action{
		Name: "do_my_new_order", Permission: latchkey.Trade, Cost: 10, REST: true, WS: true, Mutating: true,
		Group: "Orders", Purpose: "Place an order",
	}
}

// ticker is a public action, and is right.
func ticker() latchkey.Action {
	return latchkey.Action{Name: "get_ticker", PublicCost: 1, PublicREST: true, Group: "Market", Purpose: "Prices"}
}

func TestRightActionsAreTaken(t *testing.T) {
	both := ticker()
	both.Name, both.REST, both.Permission, both.Cost = "get_book", true, latchkey.Read, 1
	socket := order()
	socket.Name, socket.REST = "do_cancel", false
	c, err := latchkey.NewCatalog([]latchkey.Action{ticker(), order(), both, socket})
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, a := range c.Actions() {
		names = append(names, a.Name)
	}
	if !slices.Equal(names, []string{"do_cancel", "do_my_new_order", "get_book", "get_ticker"}) {
		t.Errorf("the catalog is not sorted: %v", names)
	}
	if !order().Private() || order().Public() || ticker().Private() || !ticker().Public() || !both.Private() || !both.Public() {
		t.Error("private and public are mixed up")
	}
}

// The longest and dearest that is allowed is allowed.
func TestTheCatalogTakesWhatLiesAtItsBounds(t *testing.T) {
	private, public := order(), ticker()
	private.Name, private.Cost, private.Purpose = strings.Repeat("a", 64), 1000, strings.Repeat("p", 200)
	public.Name, public.PublicCost = "ab", 1000
	if _, err := latchkey.NewCatalog([]latchkey.Action{private, public}); err != nil {
		t.Error(err)
	}
}

// Every action that could pass unguarded, or could not be understood, keeps
// the whole catalog from being loaded.
func TestTheCatalogRefusesUnguardedActions(t *testing.T) {
	type change func(a *latchkey.Action)
	for name, c := range map[string]struct {
		from   func() latchkey.Action
		change change
		about  string
	}{
		"no name":                {order, func(a *latchkey.Action) { a.Name = "" }, "name"},
		"short name":             {order, func(a *latchkey.Action) { a.Name = "a" }, "name"},
		"long name":              {order, func(a *latchkey.Action) { a.Name = strings.Repeat("a", 65) }, "name"},
		"capital":                {order, func(a *latchkey.Action) { a.Name = "Do_order" }, "name"},
		"digit first":            {order, func(a *latchkey.Action) { a.Name = "1order" }, "name"},
		"path":                   {order, func(a *latchkey.Action) { a.Name = "a/../b" }, "name"},
		"encoded":                {order, func(a *latchkey.Action) { a.Name = "a%2fb" }, "name"},
		"line feed":              {order, func(a *latchkey.Action) { a.Name = "order\n" }, "name"},
		"no transport":           {order, func(a *latchkey.Action) { a.REST, a.WS = false, false }, "transport"},
		"no permission":          {order, func(a *latchkey.Action) { a.Permission = 0 }, "permission"},
		"two permissions":        {order, func(a *latchkey.Action) { a.Permission = latchkey.Read | latchkey.Trade }, "permission"},
		"unknown permission":     {order, func(a *latchkey.Action) { a.Permission = 32 }, "permission"},
		"highest unknown":        {order, func(a *latchkey.Action) { a.Permission = 128 }, "permission"},
		"no cost":                {order, func(a *latchkey.Action) { a.Cost = 0 }, "cost"},
		"negative cost":          {order, func(a *latchkey.Action) { a.Cost = -1 }, "cost"},
		"cost over any limit":    {order, func(a *latchkey.Action) { a.Cost = 1001 }, "cost"},
		"replayable":             {order, func(a *latchkey.Action) { a.Mutating = false }, "mutating"},
		"replayable withdrawal":  {order, func(a *latchkey.Action) { a.Permission, a.Mutating = latchkey.FundsExternal, false }, "mutating"},
		"no purpose":             {order, func(a *latchkey.Action) { a.Purpose = " " }, "purpose"},
		"long purpose":           {order, func(a *latchkey.Action) { a.Purpose = strings.Repeat("a", 201) }, "purpose"},
		"purpose of two lines":   {order, func(a *latchkey.Action) { a.Purpose = "one\ntwo" }, "purpose"},
		"public without cost":    {ticker, func(a *latchkey.Action) { a.PublicCost = 0 }, "cost"},
		"public cost too high":   {ticker, func(a *latchkey.Action) { a.PublicCost = 1001 }, "cost"},
		"public and mutating":    {ticker, func(a *latchkey.Action) { a.Mutating = true }, "mutating"},
		"public, also by key":    {ticker, func(a *latchkey.Action) { a.WS, a.Cost = true, 1 }, "permission"},
		"public socket, no cost": {ticker, func(a *latchkey.Action) { a.PublicREST, a.PublicWS, a.PublicCost = false, true, 0 }, "cost"},
		"nothing":                {order, func(a *latchkey.Action) { *a = latchkey.Action{} }, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			a := c.from()
			if err := a.Check(); err != nil {
				t.Fatalf("the action is wrong already: %v", err)
			}
			c.change(&a)
			if err := a.Check(); err == nil || !strings.Contains(err.Error(), c.about) {
				t.Errorf("%+v: error %v, want one about %s", a, err, c.about)
			}
			good := order()
			good.Name = "good"
			if table, err := latchkey.NewCatalog([]latchkey.Action{good, a}); err == nil || table != nil {
				t.Errorf("the catalog was loaded: %v, %v", table, err)
			}
		})
	}
}

func TestOneActionStandsOnceInTheCatalog(t *testing.T) {
	cheap := order()
	cheap.Cost, cheap.Permission = 1, latchkey.FundsInternal
	if c, err := latchkey.NewCatalog([]latchkey.Action{order(), ticker(), cheap}); err == nil || c != nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("%v, %v", c, err)
	}
}

func TestOnlyTheExactNameIsFound(t *testing.T) {
	c, err := latchkey.NewCatalog([]latchkey.Action{order(), ticker()})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []latchkey.Action{order(), ticker()} {
		got, ok := c.Lookup(want.Name)
		also, okBytes := c.LookupBytes([]byte(want.Name))
		if !ok || !okBytes || !cmp.Equal(*got, want) || got != also {
			t.Errorf("%s: %+v, %v; %+v, %v", want.Name, got, ok, also, okBytes)
		}
	}
	for _, name := range []string{"", "get_tick", "get_tickers", "GET_TICKER", " get_ticker", "get_ticker\x00", "get_ticker/", "get_tіcker"} {
		a, ok := c.Lookup(name)
		b, okBytes := c.LookupBytes([]byte(name))
		if ok || okBytes || a != nil || b != nil {
			t.Errorf("%q is found", name)
		}
	}
}

func TestTheCatalogCannotBeChangedThroughWhatItTookOrGave(t *testing.T) {
	actions := []latchkey.Action{order()}
	c, err := latchkey.NewCatalog(actions)
	if err != nil {
		t.Fatal(err)
	}
	actions[0].Permission = latchkey.Read
	c.Actions()[0].Permission = latchkey.Read
	if a, _ := c.Lookup("do_my_new_order"); a.Permission != latchkey.Trade {
		t.Error("an order needs Read only now")
	}
}

func TestLookupBytesMakesNoGarbage(t *testing.T) {
	c, err := latchkey.NewCatalog([]latchkey.Action{order()})
	if err != nil {
		t.Fatal(err)
	}
	name := []byte("do_my_new_order")
	if n := testing.AllocsPerRun(100, func() { c.LookupBytes(name) }); n != 0 {
		t.Errorf("%v allocations a look-up", n)
	}
}
