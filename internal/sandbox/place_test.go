package sandbox

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// The decision of docs/protocol.md, for both types.
func TestAnAccountThatIsNamedFirstByAnOrderCanPayForIt(t *testing.T) {
	d := newDesk(t)
	for _, orderType := range []string{`"Limit","price":"7500"`, `"Market"`} {
		body := fmt.Sprintf(`{"accountId":"never-seen-%d","currency1":"BTC","currency2":"USD","side":"BUY","orderType":%s,"timestamp":%d,"amountCcy1":"0.01"}`,
			len(orderType), orderType, d.clock.UnixMilli())
		code, answer := d.call("acme", "do_my_new_order", body)
		if o := data[placedView](t, code, answer); o.Status == rejected {
			t.Errorf("%s: %s", orderType, answer)
		}
	}
	d.mustBalance()
}

// A request that cannot be understood is no order: 422, and nothing is kept.
func TestMalformedOrdersAreRefused(t *testing.T) {
	d := newDesk(t)
	base := func(s, orderType, more string) string { return d.orderBody(s, orderType, more) }
	for _, c := range []struct{ name, body, text string }{
		{"no account", strings.Replace(base("BUY", "Limit", `"x":1`), `"accountId":"sub1",`, "", 1), "Mandatory parameter accountId is missing"},
		{"main account", strings.Replace(base("BUY", "Limit", `"x":1`), `"sub1"`, `""`, 1), "API orders from Main account are not allowed"},
		{"no side", base("", "Limit", `"x":1`), "Mandatory parameter side is missing"},
		{"odd side", base("HOLD", "Limit", `"x":1`), "Mandatory parameter side should be one of BUY,SELL"},
		{"odd type", base("BUY", "Iceberg", `"x":1`), "Mandatory parameter orderType should be one of Limit,Market,Stop Limit"},
		{"FOK", base("BUY", "Limit", `"amountCcy1":"1","price":"1","timeInForce":"FOK"`), "Mandatory parameter timeInForce should be one of GTC,IOC,GTD"},
		{"no price", base("BUY", "Limit", `"amountCcy1":"1"`), "Mandatory parameter price is missing"},
		{"no amount", base("BUY", "Limit", `"price":"50000"`), "Mandatory parameter amountCcy1 or amountCcy2 is missing"},
		{"no timestamp", strings.Replace(base("BUY", "Limit", `"x":1`), `"timestamp"`, `"time"`, 1), "Mandatory parameter timestamp is missing"},
		{"timestamp as text", strings.Replace(base("BUY", "Limit", `"x":1`), `"timestamp":`, `"timestamp":"1","t":`, 1), "Timestamp parameter should be a whole number"},
		{"price as number", base("BUY", "Limit", `"amountCcy1":"1","price":50000`), `Price parameter should be a decimal number in a string, such as "0.01"`},
		{"Market with a price", base("BUY", "Market", `"amountCcy1":"1","price":"50000"`), "Price should not be specified for market order"},
		{"Market GTC", base("BUY", "Market", `"amountCcy1":"1","timeInForce":"GTC"`), "TimeInForce of a Market order should be IOC"},
		{"Market trigger", base("BUY", "Market", `"amountCcy1":"1","stopPrice":"50000"`), "Market Trigger orders are not allowed"},
		{"Market trigger as ccxt sends it", base("BUY", "Market", `"amountCcy1":"1","type":"Stop Limit","stopPrice":"1"`), "Market Trigger orders are not allowed"},
		{"stop without its price", base("BUY", "Limit", `"amountCcy1":"1","price":"1","type":"Stop Limit"`), "Mandatory parameter stopPrice is missing"},
		{"two types", base("BUY", "Limit", `"amountCcy1":"1","price":"1","type":"Market"`), "Parameters orderType and type should not contradict each other"},
		{"GTD for ever", base("BUY", "Limit", `"amountCcy1":"1","price":"1","timeInForce":"GTD"`), "Mandatory parameter expireTime is missing"},
		{"GTC with an end", base("BUY", "Limit", `"amountCcy1":"1","price":"1","expireTime":1900000000000`), "ExpireTime should be specified for GTD orders only"},
		{"long comment", base("BUY", "Limit", `"amountCcy1":"1","price":"1","comment":"`+strings.Repeat("x", 256)+`"`), "Comment is limited to 255 characters"},
		{"other pair", strings.Replace(base("BUY", "Limit", `"amountCcy1":"1","price":"1"`), "BTC", "XXX", 1), "Unsupported pair XXX-USD"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, body := d.call("acme", "do_my_new_order", c.body)
			refused(t, code, body, 422, c.text)
		})
	}
	if code, body := d.call("acme", "get_my_orders", `{"archived":true,"serverCreateTimestampFrom":1770000000000}`); len(data[[]listedView](t, code, body)) != 0 {
		t.Errorf("a refused order was kept: %s", body)
	}
}

// A request that is understood and may not be is an order, REJECTED with HTTP
// 200; it moves no funds and holds none.
func TestOrdersAgainstTheRulesAreRejectedWithACode(t *testing.T) {
	for _, c := range []struct {
		name, side, kind, more string
		code                   int
		reason                 string
	}{
		{"both amounts", "BUY", "Market", `"amountCcy1":"1","amountCcy2":"1"`, 405, "Either AmountCcy1 (OrderQty) or AmountCcy2 (CashOrderQty) should be specified for market order not both"},
		{"lot", "BUY", "Limit", `"amountCcy1":"0.0000001","price":"50000"`, 414, "AmountCcy1 should be a multiple of 0.000001 for BTC-USD"},
		{"tick", "BUY", "Limit", `"amountCcy1":"1","price":"50000.05"`, 414, "Price should be a multiple of 0.1 for BTC-USD"},
		{"low price", "BUY", "Limit", `"amountCcy1":"1","price":"59.9"`, 415, "Price should be at least 60 for BTC-USD"},
		{"negative price", "BUY", "Limit", `"amountCcy1":"1","price":"-1"`, 415, "Price should be at least 60 for BTC-USD"},
		{"negative stop", "BUY", "Limit", `"amountCcy1":"1","price":"60","stopPrice":"-1"`, 415, "StopPrice should be at least 60 for BTC-USD"},
		{"high price", "SELL", "Limit", `"amountCcy1":"1","price":"6000000.1"`, 415, "Price should be at most 6000000 for BTC-USD"},
		{"zero", "BUY", "Limit", `"amountCcy1":"0","price":"50000"`, 411, "AmountCcy1 should be at least 0.000017 BTC"},
		{"negative", "SELL", "Market", `"amountCcy1":"-1"`, 411, "AmountCcy1 should be at least 0.000017 BTC"},
		{"negative budget", "SELL", "Market", `"amountCcy2":"-1"`, 411, "Order should be worth at least 1 USD"},
		{"worth little", "BUY", "Limit", `"amountCcy1":"0.000017","price":"60"`, 411, "Order should be worth at least 1 USD"},
		{"less than a lot", "BUY", "Limit", `"amountCcy2":"1","price":"1000000.1"`, 411, "AmountCcy2 buys less than one lot of 0.000001 BTC"},
		{"buyer without funds", "BUY", "Limit", `"amountCcy1":"2","price":"50000"`, 403, "Insufficient funds"},
		{"seller without funds", "SELL", "Limit", `"amountCcy1":"10.000001","price":"70000"`, 403, "Insufficient funds"},
		{"market buyer without funds", "BUY", "Market", `"amountCcy1":"3"`, 403, "Insufficient funds"},
		{"market seller without funds", "SELL", "Market", `"amountCcy1":"11"`, 403, "Insufficient funds"},
		{"budget without funds", "BUY", "Market", `"amountCcy2":"100000.00000001"`, 403, "Insufficient funds"},
		{"far too much", "BUY", "Limit", `"amountCcy1":"1000000","price":"50000"`, 403, "Insufficient funds"},
		{"over already", "BUY", "Limit", `"amountCcy1":"1","price":"60","timeInForce":"GTD","expireTime":1772452830000`, 416, "ExpireTime should be in the future"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			o := d.order("acme", c.side, c.kind, c.more)
			text := fmt.Sprintf(`{"code":%d,"reason":%q}`, c.code, c.reason)
			if o.Status != rejected || o.RejectCode != c.code || o.RejectReason != c.reason || o.OrderRejectReason != text || o.ExecutionType != "Rejected" {
				t.Errorf("got %s %d %q %s", o.Status, o.RejectCode, o.RejectReason, o.OrderRejectReason)
			}
			d.mustBalance()
		})
	}
}

// Either direction, to the millisecond.
func TestAnOrderTimestampIsGoodForThirtySeconds(t *testing.T) {
	for offset, want := range map[time.Duration]status{
		30 * time.Second: open, -30 * time.Second: open,
		30*time.Second + time.Millisecond: rejected, -30*time.Second - time.Millisecond: rejected,
	} {
		d := newDesk(t)
		body := d.orderBody("BUY", "Limit", `"amountCcy1":"0.1","price":"7500"`)
		d.clock = noon.Add(offset)
		code, answer := d.call("acme", "do_my_new_order", body)
		if o := data[placedView](t, code, answer); o.Status != want || want == rejected && o.RejectCode != 408 {
			t.Errorf("%v: %s %d", offset, o.Status, o.RejectCode)
		}
	}
}

// The limit is one client's, counts active orders only, and stops Market orders
// as well.
func TestTwentyOrdersMayBeActive(t *testing.T) {
	d := newDesk(t)
	var last placedView
	for i := range 20 {
		if last = d.order("acme", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500"`); last.Status != open {
			t.Fatalf("order %d: %s %s", i+1, last.Status, last.RejectReason)
		}
	}
	over := d.order("acme", "BUY", "Market", `"amountCcy1":"0.01"`)
	if over.Status != rejected || over.RejectCode != 437 || over.RejectReason != "Too many active orders" {
		t.Errorf("the 21st: %s %d %s", over.Status, over.RejectCode, over.RejectReason)
	}
	if other := d.order("bob", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500"`); other.Status != open {
		t.Error("another client's limit was used up")
	}
	d.call("acme", "do_cancel_my_order", fmt.Sprintf(`{"orderId":%s,"cancelRequestId":"c","timestamp":1}`, last.OrderID))
	if o := d.order("acme", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500"`); o.Status != open {
		t.Errorf("after a cancel: %s", o.RejectReason)
	}
}

// A client that lost the answer must be able to ask again without buying twice.
// Another order under the same id is a mistake and says so.
func TestTheSameClientOrderIDPlacesOneOrder(t *testing.T) {
	d := newDesk(t)
	more := `"amountCcy1":"0.01","price":"7500","clientOrderId":"c-1"`
	first := d.order("acme", "BUY", "Limit", more)
	d.clock = d.clock.Add(time.Second) // the client signs the lost request again
	if again := d.order("acme", "BUY", "Limit", more); again.OrderID != first.OrderID || again.Status != open {
		t.Errorf("again: %s %s, first %s", again.OrderID, again.Status, first.OrderID)
	}
	if _, hold := d.funds("acme", "sub1", "USD"); hold != "75.18750000" {
		t.Errorf("hold %s, want that of one order", hold)
	}
	for _, change := range []string{
		strings.Replace(more, "0.01", "0.02", 1), strings.Replace(more, "7500", "7501", 1), more + `,"comment":"x"`, more + `,"timeInForce":"IOC"`,
	} {
		if o := d.order("acme", "BUY", "Limit", change); o.Status != rejected || o.RejectCode != 409 || o.OrderID == first.OrderID {
			t.Errorf("%s: %s %d", change, o.Status, o.RejectCode)
		}
	}
	if again := d.order("acme", "BUY", "Limit", more); again.OrderID != first.OrderID {
		t.Error("a rejected order took the clientOrderId over")
	}
	if other := d.order("bob", "BUY", "Limit", more); other.OrderID == first.OrderID {
		t.Error("clientOrderId counts across clients")
	}
}

// Nothing was executed, so the client may mend the reason and try again.
func TestARejectedOrderDoesNotUseUpItsClientOrderID(t *testing.T) {
	d := newDesk(t)
	more := `"amountCcy1":"11","price":"70000","clientOrderId":"c-1"`
	if o := d.order("acme", "SELL", "Limit", more); o.Status != rejected {
		t.Fatal(o.Status)
	}
	d.call("acme", "do_deposit_funds_from_wallet", `{"clientTxId":"t1","accountId":"sub1","currency":"BTC","amount":"5"}`)
	if o := d.order("acme", "SELL", "Limit", more); o.Status != open {
		t.Errorf("with the funds: %s %s", o.Status, o.RejectReason)
	}
	d.mustBalance()
}
