package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
)

// aGateway is a session's other end that says what the test wants.
func aGateway(t *testing.T, talk func(*websocket.Conn)) *reach {
	t.Helper()
	upgrader := websocket.Upgrader{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		if conn.WriteMessage(websocket.TextMessage, []byte(`{"e":"connected"}`)) == nil {
			talk(conn)
		}
	}))
	t.Cleanup(server.Close)
	return &reach{Gateway: server.URL, Public: true}
}

// The gateway ends sessions that are silent for 60 s, and waiting for that is no
// test: the same watch with a shorter time.
func TestWhoOnlyWatchesPings(t *testing.T) {
	if 2*pingEvery >= time.Minute {
		t.Errorf("pings come every %s: one that is lost ends the session", pingEvery)
	}
	r := aGateway(t, func(conn *websocket.Conn) {
		for pings := 0; pings < 3; {
			_, text, err := conn.ReadMessage()
			if err != nil {
				return
			}
			var m message
			if json.Unmarshal(text, &m) != nil {
				return
			}
			answer := `{"e":"pong"}`
			if m.E == "ping" {
				pings++
			} else {
				answer = `{"e":"` + m.E + `","oid":"` + m.OID + `","data":{},"ok":"ok"}`
			}
			if conn.WriteMessage(websocket.TextMessage, []byte(answer)) != nil {
				return
			}
		}
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"e":"tradeUpdate","data":{},"ok":"ok"}`))
	})
	line, err := r.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer line.close()
	line.every = time.Millisecond
	c := watchCmd{Pairs: []string{"BTC-USD"}, Count: 1, reach: *r}
	var out, said bytes.Buffer
	if err := c.watch(line, streams{out: &out, err: &said}); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	if want := `{"e":"tradeUpdate","data":{},"ok":"ok"}` + "\n"; out.String() != want {
		t.Errorf("it printed %q, want the push alone: %q", out.String(), want)
	}
}

func TestAnEndWithoutAReasonIsSaidToo(t *testing.T) {
	line, err := aGateway(t, func(*websocket.Conn) {}).open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer line.close()
	if m, err := line.read(); err == nil || !strings.Contains(err.Error(), "the connection broke off, and no reason was given") {
		t.Errorf("read returns %v, %v", m, err)
	}
}

func TestAPushIsOneLineForAPerson(t *testing.T) {
	for text, want := range map[string]string{
		`{"e":"order_book_increment","data":{"pair":"BTC-USD","seqId":7,"bids":[["6","0.00000000"],["5","0.50000000"]],"asks":[]}}`:                                                                                                                        "BTC-USD   book    bids 1 set (5 x 0.50000000), 1 gone  asks 0 gone",
		`{"e":"tradeUpdate","data":{"pair":"BTC-USD","tradeId":"1-2","side":"BUY","price":"5.5","amount":"0.10000000"}}`:                                                                                                                                   "BTC-USD   trade   BUY 0.10000000 at 5.5",
		`{"e":"tradeHistorySnapshot","data":{"pair":"ADA-USD","trades":[{"side":"SELL","price":"2","amount":"1"},{"side":"BUY","price":"3","amount":"4"}]}}`:                                                                                               "ADA-USD   trades  2, the newest: SELL 1 at 2",
		`{"e":"tradeHistorySnapshot","data":{"pair":"ADA-USD","trades":[]}}`:                                                                                                                                                                               "ADA-USD   trades  none yet",
		`{"e":"account_update","data":{"accountId":"","currency":"USD","balance":"9.00000000","onHoldBalance":"1.00000000","action":"deposit"}}`:                                                                                                           "account   main    USD 9.00000000, 1.00000000 on hold, by deposit",
		`{"e":"executionReport","data":{"orderId":"3","status":"NEW","orderType":"Limit","side":"BUY","requestedAmountCcy1":"0.01","requestedAmountCcy2":null,"currency1":"BTC","currency2":"USD","price":"7500"}}`:                                        "order     3: NEW, Limit BUY 0.01 BTC at 7500 USD",
		`{"e":"executionReport","data":{"orderId":"4","status":"FILLED","orderType":"Market","side":"BUY","requestedAmountCcy1":null,"requestedAmountCcy2":"10","currency1":"BTC","currency2":"USD","price":null,"lastQuantity":"0.1","lastPrice":"100"}}`: "order     4: FILLED, Market BUY BTC for 10 USD, executed 0.1 at 100",
		`{"e":"executionReport","data":{"orderId":"5","status":"REJECTED","orderType":"Limit","side":"SELL","requestedAmountCcy1":"1","currency1":"BTC","currency2":"USD","price":"1","rejectReason":"Insufficient funds"}}`:                               "order     5: REJECTED, Limit SELL 1 BTC at 1 USD: Insufficient funds",
		`{"e":"orderCancelReject","data":{"orderId":"NONE","cancelRequestId":"c1","cancelRejectReason":"unknown_order"}}`:                                                                                                                                  "order     cancel request c1 was rejected: unknown_order",
		// another exchange, and one that means harm to the terminal
		`{"e":"marginCall","data":{"level":2}}`:                                                            `marginCall {"level":2}`,
		`{"e":"tradeUpdate","data":{"pair":17}}`:                                                           `tradeUpdate {"pair":17}`,
		`{"e":"tradeUpdate","data":{"pair":"A\u001b[2J","side":"BUY\r\n","price":"1","amount":"2\u202e"}}`: "A[2J     trade   BUY 2 at 1",
	} {
		m := message{raw: []byte(text)}
		if err := json.Unmarshal(m.raw, &m); err != nil {
			t.Fatal(err)
		}
		if _, got, _ := strings.Cut(human(&m), " "); got != want {
			t.Errorf("%s\nis shown as %q, want\n%q", text, got, want)
		}
	}
}
