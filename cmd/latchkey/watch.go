package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
)

type watchCmd struct {
	Pairs []string `arg:"" optional:"" name:"pair" help:"Pairs whose order book and trades are shown, such as BTC-USD. With a key, what happens in its account is shown in any case."`
	Count uint     `placeholder:"N" help:"End after N pushes."`
	JSON  bool     `name:"json" help:"Print the pushes as they came, one line of JSON each; so it is anyway when the output is no terminal."`
	reach
}

// errEnough ends a watch that was to end after a number of pushes.
var errEnough = errors.New("enough")

// Run subscribes and prints each push until Ctrl-C, or --count: exit code 0.
// The exit code is 1 when the session ended otherwise; nothing connects again,
// because what happened in between would be missing unnoticed.
func (c *watchCmd) Run(ctx context.Context, s streams) error {
	if c.Public && len(c.Pairs) == 0 {
		return usagef("nothing to watch: name a pair, such as BTC-USD")
	}
	line, err := c.open(ctx)
	if err == nil {
		defer line.close()
		err = c.watch(line, s)
	}
	if errors.Is(err, errEnough) || ctx.Err() != nil {
		return nil
	}
	return err
}

// watch subscribes, one after the other, and listens.
func (c *watchCmd) watch(line *session, s streams) error {
	show := c.printer(s.out)
	for _, pair := range c.Pairs {
		data, err := json.Marshal(map[string]string{"pair": pair})
		if err != nil {
			return err
		}
		for _, action := range []string{"order_book_subscribe", "trade_subscribe"} {
			answer, err := line.ask(action, data, show)
			if err == nil && answer.OK != "ok" {
				err = refuse(action+" of "+pair+" was refused", answer)
			}
			if err != nil {
				return err
			}
		}
	}
	what := slices.Clone(c.Pairs)
	if !c.Public {
		what = append(what, "the account of "+c.APIKey)
	}
	fmt.Fprintf(s.err, "watching %s; Ctrl-C ends it\n", strings.Join(what, ", "))
	go line.keepAlive()
	for {
		m, err := line.read()
		if err == nil {
			err = show(m)
		}
		if err != nil {
			return err
		}
	}
}

// printer makes the function that prints a push and counts it.
func (c *watchCmd) printer(w io.Writer) func(*message) error {
	asJSON, n := c.JSON || !terminal(w), uint(0)
	return func(m *message) error {
		text := []byte(human(m))
		if asJSON {
			var one bytes.Buffer
			if err := json.Compact(&one, m.raw); err != nil { // so that it is one line, whoever wrote it
				return err
			}
			text = one.Bytes()
		}
		if _, err := fmt.Fprintf(w, "%s\n", text); err != nil {
			return err // such as a pipe that nobody reads any more
		}
		if n++; n == c.Count {
			return errEnough
		}
		return nil
	}
}

// terminal reports whether a person reads.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// push is what a line for a person is made of: the members of all kinds of
// pushes, and each kind has some of them (docs/protocol.md).
type push struct {
	Pair       string
	Bids, Asks [][2]string
	Trades     []struct{ Side, Price, Amount string }

	Side, Price, Amount string

	AccountID, Currency, Balance, OnHoldBalance, Action string

	OrderID, Status, OrderType, Currency1, Currency2 string
	RequestedAmountCcy1, RequestedAmountCcy2         string
	LastPrice, LastQuantity, RejectReason            string
	CancelRequestID, CancelRejectReason              string
}

// human is the push in one line for a person. What has another shape than the
// sandbox's is shown as it came: the exchange may be any.
func human(m *message) string {
	var p push
	text := ""
	if json.Unmarshal(m.Data, &p) == nil {
		text = p.line(m.E)
	}
	if text == "" {
		text = m.E + " " + string(m.Data)
	}
	return printable(time.Now().Format("15:04:05 ") + text)
}

// line is empty for an event that it does not know.
func (p *push) line(event string) string {
	switch event {
	case "order_book_increment":
		return fmt.Sprintf("%-9s book    bids %s  asks %s", p.Pair, levels(p.Bids), levels(p.Asks))
	case "tradeUpdate":
		if p.Price != "" {
			return fmt.Sprintf("%-9s trade   %s %s at %s", p.Pair, p.Side, p.Amount, p.Price)
		}
		return p.trades()
	case "tradeHistorySnapshot":
		return p.trades()
	case "account_update":
		return fmt.Sprintf("account   %-7s %s %s, %s on hold, by %s", name(p.AccountID), p.Currency, p.Balance, p.OnHoldBalance, p.Action)
	case "executionReport":
		return p.order()
	case "orderCancelReject":
		return fmt.Sprintf("order     cancel request %s was rejected: %s", p.CancelRequestID, p.CancelRejectReason)
	}
	return ""
}

// trades are some at once: how many, and the newest.
func (p *push) trades() string {
	if len(p.Trades) == 0 {
		return fmt.Sprintf("%-9s trades  none yet", p.Pair)
	}
	t := p.Trades[0]
	return fmt.Sprintf("%-9s trades  %d, the newest: %s %s at %s", p.Pair, len(p.Trades), t.Side, t.Amount, t.Price)
}

// order is the state of an order.
func (p *push) order() string {
	amount := p.RequestedAmountCcy1 + " " + p.Currency1
	if p.RequestedAmountCcy1 == "" { // a market order may name the other amount
		amount = p.Currency1 + " for " + p.RequestedAmountCcy2 + " " + p.Currency2
	}
	text := fmt.Sprintf("order     %s: %s, %s %s %s", p.OrderID, p.Status, p.OrderType, p.Side, amount)
	if p.Price != "" {
		text += " at " + p.Price + " " + p.Currency2
	}
	if p.LastQuantity != "" {
		text += fmt.Sprintf(", executed %s at %s", p.LastQuantity, p.LastPrice)
	}
	if p.RejectReason != "" {
		text += ": " + p.RejectReason
	}
	return text
}

// name is how an account is called; the main one has no name on the wire.
func name(account string) string {
	if account == "" {
		return "main"
	}
	return account
}

// levels are the changes of one side of a book: those that now hold something,
// the first of them, and how many are gone.
func levels(changed [][2]string) string {
	held := slices.DeleteFunc(slices.Clone(changed), func(l [2]string) bool { return strings.Trim(l[1], "0.") == "" })
	text := fmt.Sprintf("%d gone", len(changed)-len(held))
	if len(held) > 0 {
		text = fmt.Sprintf("%d set (%s x %s), %s", len(held), held[0][0], held[0][1], text)
	}
	return text
}
