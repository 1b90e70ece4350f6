package catalog_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"latchkey"
	"latchkey/catalog"

	"github.com/google/go-cmp/cmp"
)

// documented is the exchange's table in short: where | permission | cost |
// public cost | what else. R and W are REST and WebSocket with a key, r and w
// without one; m is mutating, d deprecated.
const documented = `
get_my_current_fee             RW    read            5  0
get_fee_strategy               RW    read            1  0
get_my_volume                  RW    read            5  0
do_create_account              RWm   read            1  0
get_my_account_status_v3       RW    read            5  0
get_my_account_status_v2       RWd   read            5  0
get_my_wallet_balance          RW    read            5  0
get_my_orders                  RW    read            5  0
do_my_new_order                RWm   trade           1  0
do_cancel_my_order             RWm   trade           1  0
do_cancel_all_orders           RWm   trade           5  0
get_order_book                 RWrw  read            1  1
get_candles                    RWrw  read            1  1
get_trade_history              RWrw  read            1  1
get_my_transaction_history     RW    read            5  0
get_my_funding_history         RW    read            5  0
do_my_internal_transfer        RWm   funds_internal  1  0
get_processing_info            RWrw  read           10 10
get_deposit_address            RW    read            5  0
do_deposit_funds_from_wallet   RWm   funds_wallet    1  0
do_withdrawal_funds_to_wallet  RWm   funds_wallet    1  0
order_book_subscribe           Ww    read            1  1
order_book_unsubscribe         Ww    read            1  1
trade_subscribe                Ww    read            1  1
trade_unsubscribe              Ww    read            1  1
get_ticker                     RWrw  read            1  1
get_server_time                RWrw  read            1  1
get_pairs_info                 RWrw  read            1  1
get_currencies_info            RWrw  read            1  1
get_demo_order_book            rw    -               0  1
get_my_trading_conditions      RW    read            1  0
get_current_rates              RW    read            1  0
get_exchange_rate              RW    read            1  0
do_withdrawal_funds            RWm   funds_external  1  0
get_my_fee                     RWd   read            1  0
`

func prime(t testing.TB) *latchkey.Catalog {
	t.Helper()
	c, err := catalog.Prime()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// row writes an action as it stands in the table.
func row(a latchkey.Action) []string {
	var where strings.Builder
	for _, f := range []struct {
		on     bool
		letter string
	}{{a.REST, "R"}, {a.WS, "W"}, {a.PublicREST, "r"}, {a.PublicWS, "w"}, {a.Mutating, "m"}, {a.OnBehalf, "o"}, {a.Deprecated, "d"}} {
		if f.on {
			where.WriteString(f.letter)
		}
	}
	permission := "-"
	if a.Permission != 0 {
		permission = strings.Join(a.Permission.Names(), "+")
	}
	return []string{where.String(), permission, itoa(a.Cost), itoa(a.PublicCost)}
}

func TestPrimeIsTheDocumentedTable(t *testing.T) {
	want, got := make(map[string][]string), make(map[string][]string)
	for line := range strings.Lines(strings.TrimSpace(documented)) {
		columns := strings.Fields(line)
		want[columns[0]] = columns[1:]
	}
	for _, a := range prime(t).Actions() {
		got[a.Name] = row(a)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(want) != 35 {
		t.Errorf("the table has %d rows", len(want))
	}
}

// The rule of the replay cache, stated apart from the table: what is not Read
// counts once, and so does making an account.
func TestPrimeCountsEveryChangeOnce(t *testing.T) {
	for _, a := range prime(t).Actions() {
		changes := a.Permission&^latchkey.Read != 0 || a.Name == "do_create_account"
		if a.Mutating != changes {
			t.Errorf("%s: mutating is %v", a.Name, a.Mutating)
		}
		if strings.HasPrefix(a.Name, "do_") != a.Mutating {
			t.Errorf("%s: the name says something else than mutating %v", a.Name, a.Mutating)
		}
	}
}

func TestPrimeGrantsNobodyToActForAnother(t *testing.T) {
	for _, a := range prime(t).Actions() {
		if a.OnBehalf {
			t.Errorf("%s lets the unsigned header X-ON-BEHALF-OF-USER-ID pass", a.Name)
		}
	}
}

func TestPrimeLeavesTheProtocolsMessagesOut(t *testing.T) {
	for _, name := range []string{"auth", "ping", "pong", "connected", "disconnected"} {
		if _, ok := prime(t).Lookup(name); ok {
			t.Errorf("%s is an action", name)
		}
	}
}

// The page "API methods" needs a heading for every action, and one permission
// less in the table would hide a flag that keys can carry.
func TestPrimeIsReadyToBeShown(t *testing.T) {
	groups, permissions := make(map[string]int), latchkey.Permissions(0)
	for _, a := range prime(t).Actions() {
		groups[a.Group]++
		permissions |= a.Permission
	}
	want := []string{"Accounts", "Fees", "Funds", "Market data", "Orders", "Reference"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(groups))); diff != "" {
		t.Error(diff)
	}
	if len(permissions.Names()) != 5 {
		t.Errorf("actions require only %v", permissions)
	}
}
