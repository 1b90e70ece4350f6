package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// After a lost answer a client sends the transfer again, with the same
// clientTxId: the funds must not move twice. Without one, nothing says that the
// second request is not a second wish.
func TestAnInternalTransferMovesOnce(t *testing.T) {
	d := newDesk(t)
	body := `{"fromAccountId":"sub1","toAccountId":"sub2","currency":"BTC","amount":"0.5","clientTxId":"t1"}`
	code, first := d.call("acme", "do_my_internal_transfer", body)
	if id := data[transferView](t, code, first).TransactionID; id == 0 {
		t.Errorf("no transactionId: %s", first)
	}
	if _, again := d.call("acme", "do_my_internal_transfer", body); again != first {
		t.Errorf("again: %s, first: %s", again, first)
	}
	from, _ := d.funds("acme", "sub1", "BTC")
	to, _ := d.funds("acme", "sub2", "BTC")
	expect(t, "balances", from+" "+to, "9.50000000 10.50000000")
	d.call("acme", "do_my_internal_transfer", strings.Replace(body, `,"clientTxId":"t1"`, "", 1))
	d.call("acme", "do_my_internal_transfer", strings.Replace(body, `,"clientTxId":"t1"`, "", 1))
	from, _ = d.funds("acme", "sub1", "BTC")
	expect(t, "without a clientTxId each counts", from, "8.50000000")
	d.mustBalance()
}

// Funds that open orders hold are not free, and no amount can run backwards.
func TestTransfersThatMayNotBe(t *testing.T) {
	d := newDesk(t)
	d.order("acme", "SELL", "Limit", `"amountCcy1":"9","price":"90000"`) // binds 9 of 10 BTC
	for _, c := range []struct {
		from, to, currency, amount string
		text                       string
	}{
		{"", "b", "BTC", "1", "Mandatory parameter fromAccountId is missing"},
		{"a", "", "BTC", "1", "Mandatory parameter toAccountId is missing"},
		{"a", "a", "BTC", "1", "fromAccountId and toAccountId should be different"},
		{"a", "b", "ABC", "1", "Unsupported currency ABC"},
		{"a", "b", "BTC", "0", "Amount should be greater than zero"},
		{"a", "b", "BTC", "-1", "Amount should be greater than zero"},
		{"a", "b", "BTC", "0.000000001", "Amount should have at most 8 decimals"},
		{"a", "b", "BTC", "10.00000001", "Insufficient funds"},
		{"sub1", "b", "BTC", "1.00000001", "Insufficient funds"},
	} {
		code, body := d.call("acme", "do_my_internal_transfer",
			fmt.Sprintf(`{"fromAccountId":%q,"toAccountId":%q,"currency":%q,"amount":%q}`, c.from, c.to, c.currency, c.amount))
		refused(t, code, body, 422, c.text)
	}
	d.mustBalance()
}

// wallet returns a client's wallet balance.
func (d *desk) wallet(account, currency string) string {
	d.t.Helper()
	code, body := d.call(account, "get_my_wallet_balance", `{}`)
	return data[map[string]struct{ Balance string }](d.t, code, body)[currency].Balance
}

// A clientTxId counts once over both directions; one that was refused is free.
func TestWalletMovesCountOnceAndKeepTheirMinimum(t *testing.T) {
	d := newDesk(t)
	body := `{"clientTxId":"t1","accountId":"sub1","currency":"BTC","amount":"2"}`
	if code, got := d.call("acme", "do_deposit_funds_from_wallet", body); code != 200 || got != `{"ok":"ok","data":{"accountId":"sub1","clientTxId":"t1","currency":"BTC","status":"approved"}}` {
		t.Errorf("got %d %s", code, got)
	}
	for _, action := range []string{"do_deposit_funds_from_wallet", "do_withdrawal_funds_to_wallet"} {
		code, got := d.call("acme", action, body)
		refused(t, code, got, 422, "ClientTxId was already used. This request moved no funds")
	}
	total, _ := d.funds("acme", "sub1", "BTC")
	expect(t, "account and wallet", total+" "+d.wallet("acme", "BTC"), "12.00000000 8.00000000")

	for _, c := range []struct {
		action, currency, amount string
		code                     int
		text                     string
	}{
		{"do_deposit_funds_from_wallet", "BTC", "0.00000002", 500, "Too low amount to deposit 0.00000002 BTC. Minimum amount 0.00100000 BTC"},
		{"do_withdrawal_funds_to_wallet", "BTC", "0.00000002", 500, "Too low amount to withdraw 0.00000002 BTC. Minimum amount 0.00100000 BTC"},
		{"do_deposit_funds_from_wallet", "XXX", "1", 422, "Unsupported currency XXX"},
		{"do_deposit_funds_from_wallet", "BTC", "8.00000001", 422, "Insufficient funds"},
		{"do_withdrawal_funds_to_wallet", "BTC", "12.00000001", 422, "Insufficient funds"},
	} {
		code, got := d.call("acme", c.action, fmt.Sprintf(`{"clientTxId":"t2","accountId":"sub1","currency":%q,"amount":%q}`, c.currency, c.amount))
		refused(t, code, got, c.code, c.text)
	}
	if code, got := d.call("acme", "do_withdrawal_funds_to_wallet", strings.Replace(body, "t1", "t2", 1)); code != 200 {
		t.Errorf("a refused clientTxId was used up: %s", got)
	}
	d.mustBalance()
}

// The only way out of the exchange: amount and fee leave the account, and the
// books still balance.
func TestAnExternalWithdrawalLeavesTheExchange(t *testing.T) {
	d := newDesk(t)
	body := `{"clientTxId":"t1","currency":"BTC","amount":"1.000000","instrument":"crypto","accountId":"OTC","blockchain":"bitcoin","parameters":{"address":"nowhere"}}`
	code, got := d.call("acme", "do_withdrawal_funds", body)
	if v := data[outsideView](t, code, got); v.Status != "approved" || v.CommissionAmount != "0.00030000" || v.Amount != "1.00000000" {
		t.Errorf("got %s", got)
	}
	total, _ := d.funds("acme", "OTC", "BTC")
	expect(t, "balance", total, "8.99970000")
	if !d.vault.outside["BTC"].Equal(dec("1")) {
		t.Errorf("%s BTC outside", d.vault.outside["BTC"])
	}
	for _, c := range []struct {
		old, new string
		code     int
		text     string
	}{
		{"t1", "t1", 422, "ClientTxId was already used. This request moved no funds"},
		{`"crypto"`, `"sepa"`, 422, "Mandatory parameter instrument should be one of crypto"},
		{`"bitcoin"`, `"tron"`, 500, "Blockchain is not supported."},
		{`{"address":"nowhere"}`, `{}`, 422, "Mandatory parameter parameters.address is missing"},
		{`{"address":"nowhere"}`, `"nowhere"`, 422, "Parameters parameter should be an object with the text address"},
		{"1.000000", "0.0009", 500, "Too low amount to withdraw 0.00090000 BTC. Minimum amount 0.00100000 BTC"},
		{"1.000000", "8.9997", 422, "Insufficient funds"}, // not enough for the fee on top
	} {
		changed := strings.Replace(body, c.old, c.new, 1)
		if c.old != "t1" {
			changed = strings.Replace(changed, "t1", "t2", 1)
		}
		code, got := d.call("acme", "do_withdrawal_funds", changed)
		refused(t, code, got, c.code, c.text)
	}
	d.mustBalance()
}

// Funds that are sent to an address belong to one client and one account. None
// may look like a real address.
func TestDepositAddressesAreStableSeparateAndNotReal(t *testing.T) {
	d := newDesk(t)
	seen := map[string]string{}
	for _, account := range []string{"ann", "bob"} {
		for _, sub := range []string{"sub1", "sub2"} {
			body := fmt.Sprintf(`{"accountId":%q,"currency":"XRP","blockchain":"ripple"}`, sub)
			code, got := d.call(account, "get_deposit_address", body)
			v := data[addressView](t, code, got)
			if !strings.HasPrefix(v.Address, "sandbox-ripple-") || v.Destination != v.Address || v.Memo == "" {
				t.Errorf("got %s", got)
			}
			if who := seen[v.Address]; who != "" {
				t.Errorf("%s/%s has the address of %s", account, sub, who)
			}
			seen[v.Address] = account + "/" + sub
			if _, again := d.call(account, "get_deposit_address", body); again != got {
				t.Errorf("again %s, first %s", again, got)
			}
		}
	}
}

// Every change of a balance has its line, filters narrow it down, and a stranger
// sees nothing.
func TestHistoriesShowEveryMoveToItsClientOnly(t *testing.T) {
	d := newDesk(t)
	d.quiet("BTC-USD")
	d.call("acme", "do_deposit_funds_from_wallet", `{"clientTxId":"t1","accountId":"sub1","currency":"BTC","amount":"2"}`)
	d.clock = d.clock.Add(time.Minute)
	d.call("acme", "do_my_internal_transfer", `{"fromAccountId":"sub1","toAccountId":"sub2","currency":"BTC","amount":"1"}`)
	d.order("bob", "SELL", "Limit", `"amountCcy1":"1","price":"50000"`)
	d.order("acme", "BUY", "Market", `"amountCcy1":"1"`)

	lines := func(account, body string) string {
		code, got := d.call(account, "get_my_transaction_history", body)
		var all []string
		for _, e := range data[[]entryView](t, code, got) {
			all = append(all, fmt.Sprintf("%s:%s:%s%s", e.AccountID, e.Type, e.Amount, e.Currency))
		}
		return strings.Join(all, " ")
	}
	late := noon.Add(time.Minute)
	for _, c := range []struct{ body, want string }{
		{`{"sortOrder":"ASC"}`, "sub1:deposit:2.00000000BTC sub1:internalTransfer:-1.00000000BTC sub2:internalTransfer:1.00000000BTC " +
			"sub1:trade:1.00000000BTC sub1:trade:-50000.00000000USD sub1:commission:-125.00000000USD"},
		{`{"type":"commission"}`, "sub1:commission:-125.00000000USD"},
		{`{"accountId":"sub2"}`, "sub2:internalTransfer:1.00000000BTC"},
		{`{"accountId":""}`, ""},
		{`{"currency":"USD","pageSize":1}`, "sub1:commission:-125.00000000USD"},
		{`{"currency":"USD","pageSize":1,"pageNumber":2}`, "sub1:trade:-50000.00000000USD"},
		{`{"currency":"USD","pageSize":1,"pageNumber":3}`, ""},
		{fmt.Sprintf(`{"dateTo":%d}`, late.UnixMilli()-1), "sub1:deposit:2.00000000BTC"},
		{fmt.Sprintf(`{"type":"deposit","dateFrom":%q}`, iso(late)), ""},
	} {
		expect(t, c.body, lines("acme", c.body), c.want)
	}
	expect(t, "stranger", lines("cyd", `{}`), "")

	code, got := d.call("acme", "get_my_funding_history", `{"direction":"deposit"}`)
	list := data[[]fundingView](t, code, got)
	if len(list) != 1 || list[0].Amount != "2.00000000" || list[0].Status != "approved" || list[0].ClientID != "acme" || list[0].UpdatedAt != "2026-03-02T12:00:30.000Z" {
		t.Errorf("got %s", got)
	}
	if _, got := d.call("acme", "get_my_funding_history", `{"direction":"withdraw"}`); got != `{"ok":"ok","data":[]}` {
		t.Errorf("got %s", got)
	}
}
