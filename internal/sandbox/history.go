package sandbox

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// kinds are the types of a ledger entry that a request can filter by.
var kinds = []string{"trade", "commission", "deposit", "withdraw", "internalTransfer"}

// entryView is a line of the ledger: negative when funds left the account.
type entryView struct {
	TransactionID string `json:"transactionId"`
	Timestamp     string `json:"timestamp"`
	AccountID     string `json:"accountId"`
	Type          string `json:"type"`
	Amount        string `json:"amount"`
	Details       string `json:"details"`
	Currency      string `json:"currency"`
}

// span is what the two histories are both asked by.
type span struct {
	account    string
	anyAccount bool
	currency   string
	from, to   time.Time
	oldFirst   bool
	size, page int64 // page from 1
}

// readSpan reads the filters that both histories take. accountId "" is the main
// account, so only its absence means all.
func (x *Exchange) readSpan(c *call) (span, error) {
	s := span{
		account: c.in.text("accountId"), anyAccount: !c.in.has("accountId"), currency: c.in.text("currency"),
		from: c.in.moment("dateFrom"), to: c.in.moment("dateTo"),
		oldFirst: c.in.oneOf("sortOrder", "ASC", "DESC") == "ASC",
		size:     c.in.page("pageSize", 100, 100), page: c.in.whole("pageNumber", 1),
	}
	if c.in.err != nil {
		return s, c.in.err
	}
	// Pages count from 1 here and from 0 in get_my_orders; so it is on the wire.
	if s.page == 0 {
		return s, wrong("PageNumber parameter should be greater than zero")
	}
	if s.currency != "" {
		if _, err := known(s.currency); err != nil {
			return s, err
		}
	}
	// Also a filter names an account, and so opens it.
	_, err := x.account(c.client, s.account)
	return s, err
}

// lets decides about one line of either history.
func (s *span) lets(account, currency string, at time.Time) bool {
	return (s.anyAccount || s.account == account) && (s.currency == "" || s.currency == currency) && within(at, s.from, s.to)
}

// transactionHistory: get_my_transaction_history, the newest first.
func (x *Exchange) transactionHistory(c *call) (any, error) {
	kind := c.in.text("type")
	s, err := x.readSpan(c)
	if err != nil {
		return nil, err
	}
	// The list of types is in the text, so oneOf's words do not fit.
	if kind != "" && !slices.Contains(kinds, kind) {
		return nil, wrong("Operation type is not supported. Supported types: %s", strings.Join(kinds, ","))
	}
	views := []entryView{}
	for _, e := range c.client.entries {
		if s.lets(e.account, e.currency, e.at) && (kind == "" || kind == e.kind) {
			views = append(views, entryView{
				strconv.FormatInt(e.id, 10), iso(e.at), e.account, e.kind, money(e.amount), e.details, e.currency,
			})
		}
	}
	return pageOf(views, s), nil
}

// fundingView is a deposit or withdrawal. In the sandbox each is approved at
// once, so updatedAt is also when it was made.
type fundingView struct {
	TxID             string `json:"txId"`
	ClientID         string `json:"clientId"`
	AccountID        string `json:"accountId"`
	Currency         string `json:"currency"`
	Direction        string `json:"direction"`
	Amount           string `json:"amount"`
	CommissionAmount string `json:"commissionAmount"`
	Status           string `json:"status"`
	UpdatedAt        string `json:"updatedAt"`
}

// fundingHistory: get_my_funding_history, the newest first.
func (x *Exchange) fundingHistory(c *call) (any, error) {
	id, direction := c.in.text("txId"), c.in.oneOf("direction", "deposit", "withdraw")
	s, err := x.readSpan(c)
	if err != nil {
		return nil, err
	}
	views := []fundingView{}
	for _, f := range c.client.fundings {
		tx := strconv.FormatInt(f.id, 10)
		if s.lets(f.account, f.currency, f.at) && (id == "" || id == tx) && (direction == "" || direction == f.direction) {
			views = append(views, fundingView{
				tx, c.client.id, f.account, f.currency, f.direction,
				money(f.amount), money(f.commission), "approved", iso(f.at),
			})
		}
	}
	return pageOf(views, s), nil
}

// pageOf is the page of a list, kept oldest first, that was asked for.
func pageOf[T any](views []T, s span) []T {
	if !s.oldFirst {
		slices.Reverse(views)
	}
	page := window(views, s.page-1, s.size)
	if page == nil {
		return []T{} // an empty page is [] on the wire, not null
	}
	return page
}
