package identity_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"latchkey/identity"
)

// The exchange's side: wrap the handler, take the caller as an argument.
func ExampleRequire() {
	secret := []byte("a secret of the gateway and the exchange")
	exchange := identity.Require(secret, 1<<20, func(w http.ResponseWriter, _ *http.Request, caller identity.Caller) {
		fmt.Fprintf(w, "%s of account %s may trade: %v\n", caller.Key, caller.Account, caller.Has("trade"))
	})

	// The gateway's side, here only to have something to show.
	order := `{"side":"BUY"}`
	request := httptest.NewRequest("POST", "/rest/do_my_new_order", strings.NewReader(order))
	headers, err := identity.Sign(secret, time.Now(), identity.Caller{
		Account: "acme", Key: "bot-1", Permissions: []string{"read", "trade"}, RequestID: "r-1",
	}, request.Method, identity.Target(request), []byte(order))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, h := range headers {
		request.Header.Set(h.Name, h.Value)
	}

	answer := httptest.NewRecorder()
	exchange.ServeHTTP(answer, request)
	fmt.Print(answer.Code, " ", answer.Body)

	// Somebody reaches the exchange past the gateway.
	answer = httptest.NewRecorder()
	exchange.ServeHTTP(answer, httptest.NewRequest("POST", "/rest/do_my_new_order", strings.NewReader(order)))
	fmt.Print(answer.Code, " ", answer.Body)
	// Output:
	// 200 bot-1 of account acme may trade: true
	// 403 {"error":"Latchkey-Account is missing: only requests that come through the gateway are served","code":"identity"}
}
