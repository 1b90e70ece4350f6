package sandbox

import (
	"regexp"
	"time"

	"github.com/shopspring/decimal"
)

// kept is how many ended orders, entries and fundings a client can look back on.
const kept = 10_000

// mostAccounts bounds the sub-accounts of a client. The real exchange allows
// five; here naming one is enough to open it, so only runaway bots are stopped.
const mostAccounts = 100

// client is a customer of the exchange: a Latchkey account.
type client struct {
	id       string
	accounts map[string]*account // "" is the main account
	wallet   *account            // beside the exchange, not one of its accounts

	orders   []*order // oldest first
	open     []*order // those that may still execute, and some that just ended
	byID     map[int64]*order
	byRef    map[string]*order // clientOrderId to the first order that was placed with it
	entries  []entry           // oldest first
	fundings []funding         // oldest first
	moves    map[string]int64  // clientTxId of internal transfers to their transaction
	used     map[string]bool   // clientTxId of deposits and withdrawals
	volume   []turnover        // oldest first
}

// turnover is one fill's worth in USD, for the 30-day volume.
type turnover struct {
	at  time.Time
	usd decimal.Decimal
}

// balance of one currency. hold is the part of total that open orders bind.
type balance struct {
	total, hold decimal.Decimal
}

func (b *balance) available() decimal.Decimal { return b.total.Sub(b.hold) }

// account holds the funds of a client's sub-account, main account or wallet.
type account struct {
	client   *client
	name     string
	balances map[string]*balance
}

// balance never returns nil: a currency that was never touched has zeros.
func (a *account) balance(currency string) *balance {
	b, ok := a.balances[currency]
	if !ok {
		b = &balance{}
		a.balances[currency] = b
	}
	return b
}

// newClient makes a client without any account: the house and the callers are
// funded differently.
func newClient(id string) *client {
	return &client{
		id: id, accounts: map[string]*account{}, byID: map[int64]*order{}, byRef: map[string]*order{},
		moves: map[string]int64{}, used: map[string]bool{},
	}
}

// client returns the client of that id and opens it on first sight.
func (x *Exchange) client(id string) *client {
	if c, ok := x.clients[id]; ok {
		return c
	}
	c := newClient(id)
	c.accounts[""] = x.fund(&account{client: c})
	c.wallet = x.fund(&account{client: c, name: "wallet"})
	x.clients[id] = c
	return c
}

// fund mints the demo funds of a new account or wallet.
func (x *Exchange) fund(a *account) *account {
	a.balances = map[string]*balance{}
	for i := range coins {
		amount := decimal.RequireFromString(coins[i].demo)
		a.balance(coins[i].name).total = amount
		grow(x.vault.minted, coins[i].name, amount)
	}
	return a
}

var accountName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,255}$`)

// account returns the client's account. One that is named for the first time
// exists from then on with demo funds, whatever action names it, so that an
// order from it is accepted (docs/protocol.md). "" is the main account.
func (x *Exchange) account(c *client, name string) (*account, error) {
	if a, ok := c.accounts[name]; ok {
		return a, nil
	}
	if !accountName.MatchString(name) {
		return nil, failed(`Sub-account name should contain only lower and uppercase Latin letters, numbers, underscore ("_") or hyphen ("-")`)
	}
	if len(c.accounts) >= mostAccounts {
		return nil, wrong("Too many sub-accounts. Use one of the %d that exist", mostAccounts)
	}
	a := x.fund(&account{client: c, name: name})
	c.accounts[name] = a
	return a, nil
}

// accounts returns the named accounts, opening new ones; all that exist when
// none is named.
func (x *Exchange) accounts(c *client, names []string) (map[string]*account, error) {
	if len(names) == 0 {
		return c.accounts, nil
	}
	picked := make(map[string]*account, len(names))
	for _, name := range names {
		a, err := x.account(c, name)
		if err != nil {
			return nil, err
		}
		picked[name] = a
	}
	return picked, nil
}

// createAccount: do_create_account. An existing name gets the same answer.
func (x *Exchange) createAccount(c *call) (any, error) {
	name, currency := c.in.need("accountId"), c.in.need("currency")
	if c.in.err != nil {
		return nil, c.in.err
	}
	if _, err := known(currency); err != nil {
		return nil, err
	}
	if _, err := x.account(c.client, name); err != nil {
		return nil, err
	}
	return struct {
		AccountID string `json:"accountId"`
	}{name}, nil
}

// balanceView is one balance. v2 adds what is free and the credit line, v3
// what the balance is worth; both say what is on hold.
type balanceView struct {
	Balance   string `json:"balance"`
	OnHold    string `json:"balanceOnHold"`
	Available string `json:"balanceAvailable,omitempty"`
	Credit    string `json:"creditLine,omitempty"`
	Converted string `json:"balanceInConvertedCurrency,omitempty"`
}

// accountStatus answers both versions; "" is the key of the main account.
type accountStatus struct {
	ConvertedCurrency   string                            `json:"convertedCurrency"`
	BalancesPerAccounts map[string]map[string]balanceView `json:"balancesPerAccounts"`
}

// statusV3: get_my_account_status_v3. USD is the one currency to convert to.
func (x *Exchange) statusV3(c *call) (any, error) {
	return x.status(c, func(coin *coin, b *balance) balanceView {
		return balanceView{
			Balance: money(b.total), OnHold: money(b.hold),
			Converted: coin.inUSD(b.total, x.at).StringFixed(2),
		}
	})
}

// statusV2: get_my_account_status_v2, which is deprecated but still in use. No
// client of the sandbox has credit.
func (x *Exchange) statusV2(c *call) (any, error) {
	return x.status(c, func(_ *coin, b *balance) balanceView {
		return balanceView{
			Balance: money(b.total), OnHold: money(b.hold),
			Available: money(b.available()), Credit: money(decimal.Zero),
		}
	})
}

// status answers get_my_account_status_v2 and _v3: all accounts and currencies
// unless the request names some.
func (x *Exchange) status(c *call, view func(*coin, *balance) balanceView) (any, error) {
	names, currencies := c.in.texts("accountIds"), c.in.texts("currencies")
	if c.in.err != nil {
		return nil, c.in.err
	}
	accounts, err := x.accounts(c.client, names)
	if err != nil {
		return nil, err
	}
	status := accountStatus{"USD", map[string]map[string]balanceView{}}
	for name, a := range accounts {
		views := map[string]balanceView{}
		for i := range coins {
			if wanted(currencies, coins[i].name) {
				views[coins[i].name] = view(&coins[i], a.balance(coins[i].name))
			}
		}
		status.BalancesPerAccounts[name] = views
	}
	return status, nil
}

// walletBalance: get_my_wallet_balance. The wallet has no orders, so nothing
// of it is ever on hold.
func (x *Exchange) walletBalance(c *call) (any, error) {
	type view struct {
		Balance string `json:"balance"`
	}
	views := make(map[string]view, len(coins))
	for i := range coins {
		views[coins[i].name] = view{money(c.client.wallet.balance(coins[i].name).total)}
	}
	return views, nil
}
