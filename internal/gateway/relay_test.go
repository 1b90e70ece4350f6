package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"

	"latchkey/identity"
)

// The tests of this file show four attacks twice: against the gateway, and, as
// their twins, against a relay as somebody writes it in an afternoon with the
// standard library, in front of the same exchange.

// relay starts one and returns its address.
func (r *rig) relay(change func(*httputil.ReverseProxy)) string {
	r.t.Helper()
	exchange, err := url.Parse(r.exchange.URL)
	if err != nil {
		r.t.Fatal(err)
	}
	p := &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(exchange) }}
	if change != nil {
		change(p)
	}
	s := httptest.NewServer(p)
	r.t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// through sends a request to an address and returns what the exchange got of it.
func (r *rig) through(address, raw string) received {
	r.t.Helper()
	c := dial(r.t, address)
	c.send(raw)
	_ = c.receive()
	got := r.exchange.take()
	if len(got) != 1 {
		r.t.Fatalf("the exchange got %d requests", len(got))
	}
	return got[0]
}

// ours signs a statement about who calls, as the gateway does.
func (r *rig) ours(h http.Header, target, body string) {
	c := identity.Caller{Account: "acc_one", Key: keyID, Permissions: []string{"read"}, RequestID: "1"}
	headers, err := identity.Sign([]byte(shared), r.clock(), c, "POST", target, []byte(body))
	if err != nil {
		r.t.Error(err)
	}
	for _, header := range headers {
		h.Set(header.Name, header.Value)
	}
}

const asksTicker = "POST /api/rest-public/get_ticker?a=1;b=2&c=%zz HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"

// Fault 9. A client signs, or the gateway judges, a query that the proxy then
// drops because it cannot be parsed: the exchange executes something else.
func TestAQueryThatCannotBeParsedIsNotDropped(t *testing.T) {
	r := newRig(t)
	r.is(r.do(asksTicker), 400, "bad_request", "")
	c := r.good()
	c.path += "?a=1"
	r.is(r.do(c.raw()), 400, "bad_request", "")
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
}

// The twin of fault 9: the relay asks the exchange without the query.
func TestAPlainRelayDropsTheQuery(t *testing.T) {
	r := newRig(t)
	if got := r.through(r.relay(nil), asksTicker); got.target != "/api/rest-public/get_ticker" {
		t.Errorf("the exchange was asked for %q", got.target)
	}
}

// Fault 10. A client names our identity header in Connection, so that a proxy
// takes it for one of the connection and strips it: an exchange that believes
// whoever comes without a name lets the client in.
func TestConnectionStripsNoIdentity(t *testing.T) {
	r := newRig(t)
	c := r.good()
	c.header = []string{"Connection: " + identity.KeyHeader + ", " + identity.SignatureHeader}
	if got := r.through(r.address, c.raw()); got.err != nil || got.caller.Key != keyID {
		t.Errorf("the exchange takes the caller for %+v, %v", got.caller, got.err)
	}
}

// The twin of fault 10: a relay that signs by a Director forwards no identity,
// and the exchange refuses because one is missing.
func TestAPlainRelayStripsTheIdentity(t *testing.T) {
	r := newRig(t)
	exchange, err := url.Parse(r.exchange.URL)
	if err != nil {
		t.Fatal(err)
	}
	address := r.relay(func(p *httputil.ReverseProxy) {
		p.Rewrite = nil
		//lint:ignore SA1019 it is what is shown
		p.Director = func(q *http.Request) {
			q.URL.Scheme, q.URL.Host = exchange.Scheme, exchange.Host
			r.ours(q.Header, "get_my_orders", "{}")
		}
	})
	ask := "POST /get_my_orders HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n"
	if got := r.through(address, ask+"\r\n{}"); got.err != nil || got.caller.Key != keyID {
		t.Fatalf("without the attack: %+v, %v", got.caller, got.err)
	}
	got := r.through(address, ask+"Connection: "+identity.KeyHeader+"\r\n\r\n{}")
	if got.header.Get(identity.KeyHeader) != "" || got.err == nil {
		t.Errorf("the exchange takes the caller for %+v, %v", got.caller, got.err)
	}
}

// Fault 11. A client sends Latchkey_Key: a proxy does not know it for ours, and
// an exchange that folds the underscore reads it as ours.
func TestNoLookAlikeOfOurHeadersPasses(t *testing.T) {
	r := newRig(t)
	c := r.good()
	c.header = []string{"Latchkey_Key: evil", "LATCHKEY_ACCOUNT: evil", "latchkey_permissions: evil", "Latchkey_Request-Id: evil"}
	got := r.through(r.address, c.raw())
	if folded := folded(got.header); len(folded[identity.KeyHeader]) != 1 || folded[identity.KeyHeader][0] != keyID || got.err != nil {
		t.Errorf("who folds reads %v, %v", folded[identity.KeyHeader], got.err)
	}
}

// The twin of fault 11: the relay deletes our name and sets it anew, and the
// look-alike passes; identity.Verify, the second guard, refuses it.
func TestAPlainRelayPassesALookAlike(t *testing.T) {
	r := newRig(t)
	exchange, err := url.Parse(r.exchange.URL)
	if err != nil {
		t.Fatal(err)
	}
	address := r.relay(func(p *httputil.ReverseProxy) {
		p.Rewrite = func(pr *httputil.ProxyRequest) {
			pr.SetURL(exchange)
			r.ours(pr.Out.Header, "get_my_orders", "{}")
		}
	})
	got := r.through(address, "POST /get_my_orders HTTP/1.1\r\nHost: g\r\nLatchkey_Key: evil\r\nContent-Length: 2\r\n\r\n{}")
	if len(folded(got.header)[identity.KeyHeader]) != 2 || got.err == nil {
		t.Errorf("who folds reads %v, %v", folded(got.header)[identity.KeyHeader], got.err)
	}
}

// folded are the headers as an exchange reads them that takes "_" for "-".
func folded(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		name = http.CanonicalHeaderKey(strings.ReplaceAll(name, "_", "-"))
		out[name] = append(out[name], values...)
	}
	return out
}

const asksAdmin = "POST /api/rest-public/%2e%2e/admin HTTP/1.1\r\nHost: g\r\nContent-Length: 2\r\n\r\n{}"

// Fault 13. A client asks for /api/rest-public/%2e%2e/admin: the proxy sees a
// public path, the exchange decodes it and sees another.
func TestNoPathLeadsPastTheCatalog(t *testing.T) {
	r := newRig(t)
	r.is(r.do(asksAdmin), 400, "bad_request", "nothing at this path")
	if got := r.exchange.take(); len(got) > 0 {
		t.Errorf("the exchange got %+v", got)
	}
}

// The twin of fault 13: a relay that guards a prefix forwards it as it is.
func TestAPlainRelayForwardsAnEscapedPath(t *testing.T) {
	r := newRig(t)
	if got := r.through(r.relay(nil), asksAdmin); got.target != "/api/rest-public/%2e%2e/admin" {
		t.Errorf("the exchange was asked for %q", got.target)
	}
}
