package courier

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"os"

	"latchkey"
)

// answerMost bounds what is read of a provider's answer.
const answerMost = 64 << 10

// loopback reports whether what is sent to a host name or address never leaves
// this machine. Other names are not looked up: whoever answers for them could
// say 127.0.0.1 now and something else later.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// secureURL reads a URL that messages are posted to. Plain http is for
// loopback only: codes and credentials go over that line.
func secureURL(what, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: not a URL; write it like https://sms.example.com/send", what)
	// A user in the URL would show up in logs of proxies and in errors.
	case u.Host == "" || u.User != nil:
		return nil, fmt.Errorf("%s: write the URL with a host and without a user, like https://sms.example.com/send", what)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return nil, fmt.Errorf("%s: only https is accepted (http for this machine alone)", what)
	}
	return u, nil
}

// trust returns the TLS settings: TLS 1.2 or newer, the system's authorities
// or, with a file, those in it alone.
func trust(caFile string) (*tls.Config, error) {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if caFile == "" {
		return cfg, nil
	}
	pem, err := os.ReadFile(caFile) // #nosec G304 -- the operator's own configuration names it
	if err != nil {
		return nil, fmt.Errorf("CA file: %w", err)
	}
	cfg.RootCAs = x509.NewCertPool()
	if !cfg.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("CA file %s: holds no certificate in PEM form", caFile)
	}
	return cfg, nil
}

// newClient makes the client of one SMS provider. A redirect is not followed:
// it would carry phone number and code to a place that nobody configured.
// Connections are not kept: a few messages a minute gain nothing from it.
func newClient(caFile string) (*http.Client, error) {
	tlsConfig, err := trust(caFile)
	if err != nil {
		return nil, err
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: tlsConfig,
			DisableKeepAlives: true, MaxResponseHeaderBytes: answerMost,
		},
	}, nil
}

// exchange sends a request and reads a bounded answer. The URL is taken out of
// errors: it can hold a token or an account id.
func exchange(client *http.Client, req *http.Request) (status int, body []byte, err error) {
	res, err := client.Do(req)
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		err = wrapped.Err
	}
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	// An endless answer costs 64 KiB, then the connection.
	// A cut answer is no failure: the status says whether it was taken.
	body, _ = io.ReadAll(io.LimitReader(res.Body, answerMost))
	return res.StatusCode, body, nil
}

// wrongChannel refuses a message that was handed to the wrong sender.
func wrongChannel(want latchkey.FactorKind, m latchkey.Message) error {
	if m.Channel == want {
		return nil
	}
	return fmt.Errorf("a message for %q was handed to the sender for %q: %w", m.Channel, want, ErrPermanent)
}
