package sandbox

import (
	"net/http/httptest"
	"strings"
	"testing"

	"latchkey/catalog"
	"latchkey/identity"
)

// An action that is added to the catalog must be added here too.
func TestEveryActionOfTheCatalogIsServed(t *testing.T) {
	prime, err := catalog.Prime()
	if err != nil {
		t.Fatal(err)
	}
	table := actions()
	for _, a := range prime.Actions() {
		if _, ok := table[a.Name]; !ok {
			t.Errorf("%s is in the catalog and has no handler", a.Name)
		}
	}
	for name := range table {
		if _, ok := prime.Lookup(name); !ok {
			t.Errorf("%s has a handler and is not in the catalog", name)
		}
	}
}

// The empty object must never be a Bad Request or an internal error: either the
// action answers, or it says which parameter is missing.
func TestEveryActionAnswersTheEmptyObject(t *testing.T) {
	d := newDesk(t)
	for _, a := range d.catalog.Actions() {
		if a.REST {
			if code, body := d.call("acme", a.Name, `{}`); code != 200 && (code != 422 || !strings.Contains(body, "should be") && !strings.Contains(body, "missing")) {
				t.Errorf("%s: %d %s", a.Name, code, body)
			}
		}
		if a.PublicREST {
			if code, body := d.public(a.Name, `{}`); code != 200 && (code != 422 || !strings.Contains(body, "missing")) {
				t.Errorf("public %s: %d %s", a.Name, code, body)
			}
		}
	}
	d.mustBalance()
}

// Somebody who reaches the exchange past the gateway can write any header.
func TestOnlyTheGatewayIsServed(t *testing.T) {
	d := newDesk(t)
	for name, path := range map[string]string{"with a key": "/api/rest/get_my_orders", "without": "/api/rest-public/get_ticker"} {
		r := httptest.NewRequest("POST", path, strings.NewReader(`{}`))
		r.Header.Set("Latchkey-Account", "acme")
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, r)
		if w.Code != 403 {
			t.Errorf("%s: %d %s, want 403", name, w.Code, w.Body)
		}
	}
	if len(d.clients) != 0 {
		t.Error("an unproved identity opened a client")
	}
}

// The two doors differ by who may come in, not only by what is served: a signed
// identity of one must not open the other.
func TestEachDoorTakesItsOwnCallersAndActions(t *testing.T) {
	d := newDesk(t)
	nobody, acme := identity.Caller{RequestID: "r"}, signed("acme", everything...)
	for _, c := range []struct {
		name   string
		caller identity.Caller
		method string
		path   string
		body   string
		want   int
	}{
		{"key on the private door", acme, "POST", "/api/rest/get_my_orders", `{}`, 200},
		{"nobody on the private door", nobody, "POST", "/api/rest/get_my_orders", `{}`, 400},
		{"key on the public door", acme, "POST", "/api/rest-public/get_ticker", `{}`, 400},
		{"nobody on the public door", nobody, "POST", "/api/rest-public/get_ticker", `{}`, 200},
		{"public action with a key", acme, "POST", "/api/rest/get_ticker", `{}`, 200},
		{"private action in public", nobody, "POST", "/api/rest-public/get_my_orders", `{}`, 400},
		{"WebSocket action", acme, "POST", "/api/rest/order_book_subscribe", `{}`, 400},
		{"unknown action", acme, "POST", "/api/rest/get_rich", `{}`, 400},
		{"GET in public", nobody, "GET", "/api/rest-public/get_order_book?pair=BTC-USD&depth=2", ``, 200},
		{"GET with a key", acme, "GET", "/api/rest/get_ticker", ``, 405},
		{"query with a key", acme, "POST", "/api/rest/get_ticker?pairs=BTC-USD", `{}`, 400},
		{"other path", acme, "POST", "/api/get_ticker", `{}`, 404},
		{"too long", acme, "POST", "/api/rest/get_ticker", `{"x":"` + strings.Repeat("x", longestBody) + `"}`, 413},
	} {
		t.Run(c.name, func(t *testing.T) {
			if w := d.send(c.caller, c.method, c.path, c.body); w.Code != c.want {
				t.Errorf("got %d %s, want %d", w.Code, w.Body, c.want)
			}
		})
	}
}

// The gateway has checked it already; the exchange does not rely on that.
func TestThePermissionIsCheckedAgain(t *testing.T) {
	d := newDesk(t)
	for _, a := range d.catalog.Actions() {
		if !a.REST {
			continue
		}
		var others []string
		for _, p := range everything {
			if p != a.Permission.Names()[0] {
				others = append(others, p)
			}
		}
		w := d.send(signed("acme", others...), "POST", "/api/rest/"+a.Name, `{}`)
		want := "Permission " + a.Permission.String() + " is required for " + a.Name
		if w.Code != 403 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s without %v: %d %s", a.Name, a.Permission, w.Code, w.Body)
		}
	}
	if len(d.clients) != 0 {
		t.Error("a refused call opened a client")
	}
}

// Order ids are plain numbers that anybody can guess.
func TestClientsDoNotSeeEachOther(t *testing.T) {
	d := newDesk(t)
	o := d.order("ann", "BUY", "Limit", `"amountCcy1":"0.01","price":"7500","clientOrderId":"mine"`)
	for _, body := range []string{`{}`, `{"orderId":` + o.OrderID + `}`, `{"clientOrderId":"mine"}`} {
		code, answer := d.call("bob", "get_my_orders", body)
		if list := data[[]listedView](t, code, answer); len(list) != 0 {
			t.Errorf("%s: bob sees %v", body, list)
		}
	}
	d.call("bob", "do_cancel_my_order", `{"clientOrderId":"mine","cancelRequestId":"c","timestamp":1}`)
	d.call("bob", "do_cancel_my_order", `{"orderId":`+o.OrderID+`,"cancelRequestId":"c","timestamp":1}`)
	d.call("bob", "do_cancel_all_orders", `{}`)
	expect(t, "ann's order", d.now("ann", o), "NEW 0.00000000 for 0.00000000, fee 0.00000000")
}

// Clients search these texts, so they must not change by a letter.
func TestMalformedRequestsAreRefusedWithTheWordsOfTheWire(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct {
		action, body string
		code         int
		text         string
	}{
		{"get_my_orders", `[]`, 400, "Bad Request"},
		{"get_my_orders", `null`, 400, "Bad Request"},
		{"get_my_orders", `{`, 400, "Bad Request"},
		{"get_my_orders", `{"archived":"true"}`, 422, "Archived parameter should be boolean"},
		{"get_my_orders", `{"archived":true}`, 422, "Mandatory parameter serverCreateTimestampFrom is missing"},
		{"get_my_orders", `{"pageSize":1001}`, 422, "Page size is limited to 1000 items"},
		{"get_my_orders", `{"pageSize":"10"}`, 422, "PageSize parameter should be a whole number"},
		{"get_my_orders", `{"orderId":"26"}`, 422, "OrderId parameter should be a whole number"},
		{"get_my_orders", `{"orderId":1e3}`, 422, "OrderId parameter should be a whole number"},
		{"get_my_orders", `{"orderId":-1}`, 422, "OrderId parameter should be a whole number"},
		{"get_my_orders", `{"serverCreateTimestampFrom":1}`, 422, "Requested range is limited to 365 days"},
		{"get_my_orders", `{"side":"buy"}`, 422, "Mandatory parameter side should be one of BUY,SELL"},
		{"get_my_orders", `{"pair":"BTC-XYZ"}`, 422, "Unsupported pair BTC-XYZ"},
		{"get_my_account_status_v3", `{"accountIds":"sub1"}`, 422, "AccountIds should be array."},
		{"get_my_account_status_v3", `{"accountIds":[1]}`, 422, "accountIds array should consist of string type values"},
		{"get_my_account_status_v3", `{"accountIds":[null]}`, 422, "accountIds array should consist of string type values"},
		{"get_processing_info", `{"currencies":"BTC"}`, 422, "Currencies should be array."},
		{"get_processing_info", `{"currencies":["XXX","BTC","USD"]}`, 422, "Request contains unsupported currencies: XXX, USD."},
		{"do_create_account", `{"currency":"USD"}`, 422, "Mandatory parameter accountId is missing"},
		{"do_create_account", `{"accountId":"a b","currency":"USD"}`, 500, `Sub-account name should contain only lower and uppercase Latin letters, numbers, underscore ("_") or hyphen ("-")`},
		{"do_cancel_my_order", `{"cancelRequestId":"c","timestamp":1}`, 422, "ClientOrderId or orderId should be specified"},
		{"do_cancel_my_order", `{"orderId":1,"clientOrderId":"x","cancelRequestId":"c","timestamp":1}`, 422, "Only one of the fields ClientOrderId or orderId should be specified, not both"},
		{"get_order_book", `{}`, 422, "Mandatory parameter pair is missing"},
		{"get_order_book", `{"pair":7}`, 422, "Pair parameter should be string"},
		{"get_candles", `{"pair":"BTC-USD","resolution":"1m","dataType":"bestBid"}`, 422, "FromISO or toISO should be specified"},
		{"get_my_transaction_history", `{"type":"gift"}`, 422, "Operation type is not supported. Supported types: trade,commission,deposit,withdraw,internalTransfer"},
		{"get_my_transaction_history", `{"pageSize":101}`, 422, "Page size is limited to 100 items"},
		{"get_my_transaction_history", `{"dateFrom":"yesterday"}`, 422, `DateFrom parameter should be a time, such as 1700000000000 or "2023-11-14T22:13:20.000Z"`},
		{"get_deposit_address", `{"accountId":"","currency":"BTC","blockchain":"bitcoin"}`, 422, "Get deposit address for main account is not allowed"},
		{"get_deposit_address", `{"accountId":"sub1","currency":"XXX","blockchain":"bitcoin"}`, 422, "Unsupported currency XXX"},
		{"get_deposit_address", `{"accountId":"sub1","currency":"BTC","blockchain":"tron"}`, 500, "Blockchain is not supported."},
	} {
		code, body := d.call("acme", c.action, c.body)
		t.Log(c.action, c.body)
		refused(t, code, body, c.code, c.text)
	}
}

// Money is text. A number may have lost digits; an exponent may cost gigabytes.
func TestMoneyIsDecimalTextOnly(t *testing.T) {
	d := newDesk(t)
	for _, value := range []string{`1`, `0.1`, `true`, `["1"]`, `"1e5"`, `"1e999999999"`, `"0x10"`, `""x`, `" 1"`, `".5"`, `"1."`, `"+1"`, `"1,5"`, `"NaN"`, `"1234567890123456789"`, `"0.1234567890123456789"`} {
		code, body := d.call("acme", "do_my_internal_transfer", `{"fromAccountId":"a","toAccountId":"b","currency":"BTC","amount":`+value+`}`)
		if value == `""x` {
			refused(t, code, body, 400, "Bad Request")
			continue
		}
		refused(t, code, body, 422, `Amount parameter should be a decimal number in a string, such as "0.01"`)
	}
}

// Anything may be sent to any action: no panic, no internal error, funds stay.
func FuzzCall(f *testing.F) {
	var names []string
	for name := range actions() {
		names = append(names, name)
	}
	for i := range names {
		f.Add(i, `{"accountId":"sub1","currency":"BTC","pair":"BTC-USD","amount":"0.1","clientTxId":"1","timestamp":1772452830000}`)
		f.Add(i, `{"pageNumber":9223372036854775807,"pageSize":1,"fromISO":"0001-01-01T00:00:00Z","orderId":1}`)
	}
	f.Add(0, `{"accountId":"sub1","currency1":"BTC","currency2":"USD","side":"BUY","orderType":"Market","timestamp":1772452830000,"amountCcy2":"100"}`)
	f.Fuzz(func(t *testing.T, i int, body string) {
		d := newDesk(t)
		in, err := parse([]byte(body))
		if err != nil {
			return
		}
		name := names[uint(i)%uint(len(names))]
		a, _ := d.catalog.Lookup(name)
		caller := signed("acme", everything...)
		if !a.REST {
			caller = identity.Caller{RequestID: "r"}
		}
		if _, err := d.do(a, caller, in); err != nil {
			if _, ok := err.(*fault); !ok {
				t.Errorf("%s %s: %v", name, body, err)
			}
		}
		d.mustBalance()
	})
}
