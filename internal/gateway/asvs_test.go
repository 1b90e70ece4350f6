package gateway_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"latchkey/internal/gateway"
)

// An exchange that was broken into, or a wrong route before it, answers with a
// redirect. Following it would carry the signed identity to wherever it says
// (ASVS 15.3.2); the client is told, and nobody is asked a second time.
func TestARedirectOfTheExchangeIsNotFollowed(t *testing.T) {
	var asked, led atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { led.Add(1) }))
	t.Cleanup(elsewhere.Close)
	exchange := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(exchange.Close)
	u, err := url.Parse(exchange.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, to(u))
	if a := r.do(r.good().raw()); a.StatusCode == http.StatusOK {
		t.Errorf("the answer of elsewhere came: %d", a.StatusCode)
	}
	if asked.Load() != 1 || led.Load() != 0 {
		t.Errorf("the exchange was asked %d times, elsewhere %d; want 1 and 0", asked.Load(), led.Load())
	}
}

// An exchange whose certificate is nobody's may be an attacker between it and
// us: the operator finds that in the log (ASVS 16.3.4).
func TestABadCertificateOfTheExchangeIsLogged(t *testing.T) {
	exchange := httptest.NewUnstartedServer(http.NotFoundHandler())
	exchange.Config.ErrorLog = log.New(io.Discard, "", 0) // the handshake is meant to fail
	exchange.StartTLS()
	t.Cleanup(exchange.Close)
	u, err := url.Parse(exchange.URL)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, func(c *gateway.Config) { c.Upstream = u })
	r.is(r.do(r.good().raw()), 502, "upstream_unavailable", "not executed")
	if text := r.log.String(); !strings.Contains(text, "the exchange did not answer") || !strings.Contains(text, "certificate") {
		t.Errorf("the log does not say why: %s", text)
	}
}
