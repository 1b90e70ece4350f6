package sandbox

import (
	"net/http"

	"latchkey"
	"latchkey/identity"
)

// call is one request that is being carried out, under the lock.
type call struct {
	client  *client // nil for a public call
	in      *fields
	session *session // nil over REST
	follow  *message // a push that comes right after the answer
}

// action carries out a request. Its answer is the wire's "data" and shares
// nothing with the engine; its error is a *fault, or a fault of the program.
type action func(*Exchange, *call) (any, error)

// actions is the table of everything that the exchange can do, over REST and
// over WebSocket. The catalog says which of them exist, over which door, and with which permission;
// a test compares the two.
func actions() map[string]action {
	return map[string]action{
		// Accounts and fees
		"do_create_account":        (*Exchange).createAccount,
		"get_my_account_status_v2": (*Exchange).statusV2,
		"get_my_account_status_v3": (*Exchange).statusV3,
		"get_my_wallet_balance":    (*Exchange).walletBalance,
		"get_my_current_fee":       (*Exchange).currentFee,
		"get_my_fee":               (*Exchange).currentFee,
		"get_fee_strategy":         (*Exchange).feeStrategy,
		"get_my_volume":            (*Exchange).volume,
		// Orders
		"get_my_orders":        (*Exchange).orders,
		"do_my_new_order":      (*Exchange).newOrder,
		"do_cancel_my_order":   (*Exchange).cancelOrder,
		"do_cancel_all_orders": (*Exchange).cancelAll,
		// Market data, most of it with and without a key
		"get_order_book":         (*Exchange).orderBook,
		"get_demo_order_book":    (*Exchange).demoBook,
		"order_book_subscribe":   (*Exchange).bookSubscribe,
		"order_book_unsubscribe": (*Exchange).bookUnsubscribe,
		"trade_subscribe":        (*Exchange).tradeSubscribe,
		"trade_unsubscribe":      (*Exchange).tradeUnsubscribe,
		"get_candles":            (*Exchange).candles,
		"get_trade_history":      (*Exchange).tradeHistory,
		"get_ticker":             (*Exchange).ticker,
		"get_server_time":        (*Exchange).serverTime,
		"get_pairs_info":         (*Exchange).pairsInfo,
		"get_currencies_info":    (*Exchange).currenciesInfo,
		"get_processing_info":    (*Exchange).processingInfo,
		// Funds
		"get_my_transaction_history":    (*Exchange).transactionHistory,
		"get_my_funding_history":        (*Exchange).fundingHistory,
		"do_my_internal_transfer":       (*Exchange).internalTransfer,
		"do_deposit_funds_from_wallet":  (*Exchange).depositFromWallet,
		"do_withdrawal_funds_to_wallet": (*Exchange).withdrawToWallet,
		"do_withdrawal_funds":           (*Exchange).withdrawOutside,
		"get_deposit_address":           (*Exchange).depositAddress,
		// Prime only
		"get_my_trading_conditions": (*Exchange).tradingConditions,
		"get_current_rates":         (*Exchange).currentRates,
		"get_exchange_rate":         (*Exchange).exchangeRate,
	}
}

// do carries out one action for a caller over REST.
func (x *Exchange) do(a *latchkey.Action, caller identity.Caller, in *fields) (any, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.carry(a, caller, &call{in: in})
}

// carry carries an action out under the lock, wholly or not at all. The gateway
// has checked the permission; it is checked again here, because an exchange
// should not depend on who stands in front of it.
func (x *Exchange) carry(a *latchkey.Action, caller identity.Caller, c *call) (any, error) {
	if !caller.Public() && !holds(caller, a.Permission) {
		return nil, &fault{http.StatusForbidden, "Permission " + a.Permission.String() + " is required for " + a.Name}
	}
	// A catalog of another exchange may name what this one cannot do.
	act, ok := x.actions[a.Name]
	if !ok {
		return nil, badRequest
	}
	x.advance(x.now())
	defer x.flush()
	if !caller.Public() {
		c.client = x.client(caller.Account)
	}
	return act(x, c)
}

// holds reports whether the caller has every flag of a permission, and that
// there is one: nothing passes for the lack of a rule.
func holds(caller identity.Caller, permission latchkey.Permissions) bool {
	names := permission.Names()
	for _, name := range names {
		if !caller.Has(name) {
			return false
		}
	}
	return len(names) > 0
}
