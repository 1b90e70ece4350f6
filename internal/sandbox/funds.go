package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/shopspring/decimal"
)

// entry is one line of a client's ledger: a balance changed by amount.
type entry struct {
	id       int64
	at       time.Time
	account  string
	kind     string // trade, commission, deposit, withdraw, internalTransfer
	currency string
	amount   decimal.Decimal // negative when it left the account
	details  string
}

// funding is one deposit or withdrawal.
type funding struct {
	id         int64
	at         time.Time
	account    string
	currency   string
	direction  string // deposit, withdraw
	amount     decimal.Decimal
	commission decimal.Decimal
}

// post changes a balance and writes the line that explains it. It is the only
// way a balance changes after an account was opened. An entry without an id
// gets the next one; the id is returned.
func (x *Exchange) post(a *account, e entry) int64 {
	b := a.balance(e.currency)
	b.total = b.total.Add(e.amount)
	if e.id == 0 {
		x.serial.entry++
		e.id = x.serial.entry
	}
	if c := a.client; c != x.house && a != c.wallet {
		e.at, e.account = x.at, a.name
		c.entries = append(trim(c.entries, kept), e)
	}
	return e.id
}

// move is what all transfers of funds have in common in a request.
type move struct {
	account  *account
	coin     *coin
	amount   decimal.Decimal
	clientTx string
}

// internalTransfer: do_my_internal_transfer. A repeated clientTxId answers the
// first transaction and moves nothing.
func (x *Exchange) internalTransfer(c *call) (any, error) {
	fromName, toName := c.in.need("fromAccountId"), c.in.need("toAccountId")
	currency, amount, ref := c.in.need("currency"), c.in.needAmount("amount"), c.in.text("clientTxId")
	if c.in.err != nil {
		return nil, c.in.err
	}
	if fromName == toName {
		return nil, wrong("fromAccountId and toAccountId should be different")
	}
	if _, err := known(currency); err != nil {
		return nil, err
	}
	// Before the funds are looked at: the first transfer may have used them up.
	if id, done := c.client.moves[ref]; done {
		return transferView{id}, nil
	}
	id, err := x.transfer(c.client, fromName, toName, currency, amount)
	if err != nil {
		return nil, err
	}
	if ref != "" {
		c.client.moves[ref] = id
	}
	return transferView{id}, nil
}

// transferView answers an internal transfer. The id is a number here and text
// in the history; so it is on the exchange.
type transferView struct {
	TransactionID int64 `json:"transactionId"`
}

// transfer moves funds between two accounts of one client. What open orders
// hold cannot be moved. Both lines of the ledger carry the same id.
func (x *Exchange) transfer(c *client, fromName, toName, currency string, amount decimal.Decimal) (int64, error) {
	from, err := x.account(c, fromName)
	if err != nil {
		return 0, err
	}
	to, err := x.account(c, toName)
	if err != nil {
		return 0, err
	}
	if amount.GreaterThan(from.balance(currency).available()) {
		return 0, wrong("Insufficient funds")
	}
	details := fmt.Sprintf("Internal transfer from %s to %s", fromName, toName)
	id := x.post(from, entry{kind: "internalTransfer", currency: currency, amount: amount.Neg(), details: details})
	x.post(to, entry{id: id, kind: "internalTransfer", currency: currency, amount: amount, details: details})
	x.tellBalance(from, currency, "internalTransfer", fmt.Sprint(id))
	x.tellBalance(to, currency, "internalTransfer", fmt.Sprint(id))
	return id, nil
}

// readMove reads a deposit or a withdrawal. A clientTxId counts once: the same
// one again is refused, and the text says that nothing was moved by it.
func (x *Exchange) readMove(c *call) (move, error) {
	ref, name := c.in.need("clientTxId"), c.in.need("accountId")
	currency, amount := c.in.need("currency"), c.in.needAmount("amount")
	if c.in.err != nil {
		return move{}, c.in.err
	}
	coin, err := known(currency)
	if err != nil {
		return move{}, err
	}
	if c.client.used[ref] {
		return move{}, wrong("ClientTxId was already used. This request moved no funds")
	}
	a, err := x.account(c.client, name)
	return move{a, coin, amount, ref}, err
}

// depositFromWallet: do_deposit_funds_from_wallet.
func (x *Exchange) depositFromWallet(c *call) (any, error) {
	m, err := x.readMove(c)
	if err != nil {
		return nil, err
	}
	return x.walletMove(m, "deposit", c.client.wallet)
}

// withdrawToWallet: do_withdrawal_funds_to_wallet.
func (x *Exchange) withdrawToWallet(c *call) (any, error) {
	m, err := x.readMove(c)
	if err != nil {
		return nil, err
	}
	return x.walletMove(m, "withdraw", m.account)
}

// moveView answers a deposit or a withdrawal.
type moveView struct {
	AccountID  string `json:"accountId"`
	ClientTxID string `json:"clientTxId"`
	Currency   string `json:"currency"`
	Status     string `json:"status"`
}

// walletMove carries out a deposit or withdrawal between account and wallet.
// The minimum comes first, in the words and with the 500 of the real exchange.
func (x *Exchange) walletMove(m move, direction string, payer *account) (any, error) {
	if least := decimal.RequireFromString(m.coin.least); m.amount.LessThan(least) {
		return nil, failed("Too low amount to %s %s %s. Minimum amount %s %s",
			direction, money(m.amount), m.coin.name, money(least), m.coin.name)
	}
	if m.amount.GreaterThan(payer.balance(m.coin.name).available()) {
		return nil, wrong("Insufficient funds")
	}
	signed := m.amount
	if direction == "withdraw" {
		signed = signed.Neg()
	}
	// The wallet loses what the account gains, and the reverse.
	x.post(m.account.client.wallet, entry{kind: direction, currency: m.coin.name, amount: signed.Neg()})
	x.funded(m, direction, signed, decimal.Zero)
	return moveView{m.account.name, m.clientTx, m.coin.name, "approved"}, nil
}

// funded books a deposit or withdrawal in the account and its histories.
func (x *Exchange) funded(m move, direction string, signed, commission decimal.Decimal) int64 {
	c := m.account.client
	c.used[m.clientTx] = true
	// The live exchange's details name the client and the request.
	details := fmt.Sprintf("%s clientId=%s clientTxId=%s", title(direction), c.id, m.clientTx)
	id := x.post(m.account, entry{kind: direction, currency: m.coin.name, amount: signed, details: details})
	x.charge(m.account, m.coin.name, commission, details)
	c.fundings = append(trim(c.fundings, kept), funding{
		id: id, at: x.at, account: m.account.name, currency: m.coin.name,
		direction: direction, amount: m.amount, commission: commission,
	})
	x.tellBalance(m.account, m.coin.name, direction, fmt.Sprint(id))
	return id
}

// withdrawOutside: do_withdrawal_funds, to an address of a blockchain. The fee
// comes on top of the amount. Nothing is sent anywhere: the funds end in the
// vault, so that the books still balance.
func (x *Exchange) withdrawOutside(c *call) (any, error) {
	instrument, network := c.in.needOneOf("instrument", "crypto"), c.in.need("blockchain")
	var parameters struct {
		Address string `json:"address"`
	}
	c.in.get("parameters", &parameters, "Parameters parameter should be an object with the text address")
	m, err := x.readMove(c)
	if err != nil {
		return nil, err
	}
	chain := m.coin.chainByName(network)
	if chain == nil {
		return nil, failed("Blockchain is not supported.")
	}
	if parameters.Address == "" {
		return nil, missing("parameters.address")
	}
	least, fee := decimal.RequireFromString(chain.minWithdrawal), decimal.RequireFromString(chain.fee)
	if m.amount.LessThan(least) {
		return nil, failed("Too low amount to withdraw %s %s. Minimum amount %s %s", money(m.amount), m.coin.name, money(least), m.coin.name)
	}
	// Amount and fee must both be there, or the fee would make a debt.
	if m.amount.Add(fee).GreaterThan(m.account.balance(m.coin.name).available()) {
		return nil, wrong("Insufficient funds")
	}
	grow(x.vault.outside, m.coin.name, m.amount)
	id := x.funded(m, "withdraw", m.amount.Neg(), fee)
	return outsideView{
		moveView{m.account.name, m.clientTx, m.coin.name, "approved"},
		fmt.Sprint(id), money(m.amount), money(fee), instrument, network,
	}, nil
}

// outsideView answers an external withdrawal.
type outsideView struct {
	moveView
	TxID             string `json:"txId"`
	Amount           string `json:"amount"`
	CommissionAmount string `json:"commissionAmount"`
	Instrument       string `json:"instrument"`
	Blockchain       string `json:"blockchain"`
}

// addressView answers get_deposit_address. A chain with memos is told both by
// destination and memo, as the exchange does, and by address, which ccxt reads.
type addressView struct {
	AccountID   string `json:"accountId"`
	Address     string `json:"address"`
	Destination string `json:"destination,omitempty"`
	Memo        string `json:"memo,omitempty"`
	Currency    string `json:"currency"`
	Blockchain  string `json:"blockchain"`
}

// depositAddress: get_deposit_address. The address is the same each time and
// says what it is, so that nobody sends real coins to it.
func (x *Exchange) depositAddress(c *call) (any, error) {
	name := c.in.text("accountId")
	if c.in.err == nil && name == "" && c.in.has("accountId") {
		return nil, wrong("Get deposit address for main account is not allowed")
	}
	name, currency, network := c.in.need("accountId"), c.in.need("currency"), c.in.need("blockchain")
	if c.in.err != nil {
		return nil, c.in.err
	}
	coin, err := known(currency)
	if err != nil {
		return nil, err
	}
	chain := coin.chainByName(network)
	if chain == nil {
		return nil, failed("Blockchain is not supported.")
	}
	if _, err := x.account(c.client, name); err != nil {
		return nil, err
	}
	// Quoted, so that no two combinations of names make the same text.
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %q %q", c.client.id, name, currency, network))
	view := addressView{
		AccountID: name, Address: "sandbox-" + network + "-" + hex.EncodeToString(sum[:12]),
		Currency: currency, Blockchain: network,
	}
	if chain.memo {
		view.Destination, view.Memo = view.Address, fmt.Sprint(uint32(sum[12])<<16|uint32(sum[13])<<8|uint32(sum[14]))
	}
	return view, nil
}
