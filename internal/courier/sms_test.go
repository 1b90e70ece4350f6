package courier

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
)

const hookSecret = latchkey.Secret("0123456789abcdef0123456789abcdef")

var oneSMS = latchkey.Message{Channel: latchkey.FactorSMS, To: testPhone, Text: "Latchkey: 123456 confirms: sign in."}

// caFile writes the certificate of a test server, which signed itself.
func caFile(t *testing.T, srv *httptest.Server) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})
	if err := os.WriteFile(path, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// serve starts a real server and closes it at the end of the test.
func serve(t *testing.T, start func(http.Handler) *httptest.Server, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	srv := start(h)
	t.Cleanup(srv.Close)
	return srv
}

// must returns what a constructor made, or ends the test.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// quiet drops what a test server says about failed handshakes.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func TestWebhookIsSignedAndVerifiable(t *testing.T) {
	var bodies []webhookBody
	srv := serve(t, httptest.NewTLSServer, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		// As a receiver would do it, from the documentation of the header alone.
		mac := hmac.New(sha256.New, []byte(hookSecret.Reveal()))
		mac.Write([]byte("1772373605." + string(body)))
		want := "v1,t=1772373605,h=" + hex.EncodeToString(mac.Sum(nil))
		if got := r.Header.Get("Latchkey-Webhook-Signature"); got != want || r.Method != "POST" || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s with signature %s, want %s", r.Method, got, want)
		}
		var b webhookBody
		if err := json.Unmarshal(body, &b); err != nil {
			t.Error(err)
		}
		bodies = append(bodies, b)
		w.WriteHeader(http.StatusAccepted)
	})
	hook := must(NewWebhook(WebhookConfig{URL: srv.URL + "/sms?token=t0p", Secret: hookSecret, CAFile: caFile(t, srv), Now: func() time.Time { return noon }}))(t)
	other := oneSMS
	other.Text += " x"
	for _, m := range []latchkey.Message{oneSMS, oneSMS, other} {
		if err := hook.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	if b := bodies[0]; b.To != oneSMS.To || b.Text != oneSMS.Text || b.ID == "" {
		t.Errorf("posted %+v", b)
	}
	if bodies[0].ID != bodies[1].ID || bodies[0].ID == bodies[2].ID {
		t.Errorf("ids %s, %s, %s: a repetition has the same id, another message has not", bodies[0].ID, bodies[1].ID, bodies[2].ID)
	}
}

func TestWebhookRefusesAnUnknownCertificate(t *testing.T) {
	reached := false
	srv := serve(t, httptest.NewUnstartedServer, func(http.ResponseWriter, *http.Request) { reached = true })
	srv.Config.ErrorLog = quiet()
	srv.StartTLS()
	hook := must(NewWebhook(WebhookConfig{URL: srv.URL, Secret: hookSecret}))(t)
	if err := hook.Send(t.Context(), oneSMS); err == nil || errors.Is(err, ErrPermanent) || reached {
		t.Errorf("error %v, reached %v", err, reached)
	}
}

func TestSMSAnswersAreSortedIntoTakenAgainAndNever(t *testing.T) {
	const taken, again, never = "taken", "again", "never"
	cases := []struct {
		status          int
		body            string
		webhook, twilio string
	}{
		{200, `{}`, taken, taken}, {201, `{"sid":"SM1"}`, taken, taken}, {204, ``, taken, taken},
		{400, `{"code":21211,"message":"The 'To' number ` + testPhone + ` is not valid"}`, never, never},
		{400, `{"code":21610}`, never, never},
		{400, `{"code":21606}`, never, again}, // wrong sender: the operator's fault
		{401, `{"code":20003}`, never, again},
		{404, `<html>`, never, again},
		{429, `{"code":20429}`, again, again},
		{429, `{"code":21211}`, again, again},
		{500, ``, again, again}, {503, `{"code":21211}`, again, again},
	}
	for _, tc := range cases {
		srv := serve(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(tc.status)
			_, _ = io.WriteString(w, tc.body)
		})
		hook := must(NewWebhook(WebhookConfig{URL: srv.URL + "/t0ken", Secret: hookSecret}))(t)
		twilio := must(NewTwilio(TwilioConfig{Base: srv.URL, AccountSID: "AC123", AuthToken: "t0ken", From: "+15005550006"}))(t)
		for want, sender := range map[*string]Sender{&tc.webhook: hook, &tc.twilio: twilio} {
			err := sender.Send(t.Context(), oneSMS)
			got := again
			if err == nil {
				got = taken
			} else if errors.Is(err, ErrPermanent) {
				got = never
			}
			if got != *want {
				t.Errorf("%T, %d %s: %s (%v), want %s", sender, tc.status, tc.body, got, err, *want)
			}
			quotesNothing(t, err)
		}
	}
}

// quotesNothing fails when an error holds what must not reach the log.
func quotesNothing(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, private := range []string{testPhone, testMail, testCode, "t0ken", "AC123", "pa55word"} {
		if strings.Contains(err.Error(), private) {
			t.Errorf("the error quotes %q: %v", private, err)
		}
	}
}

// Attack: the provider's name is taken over and answers with a redirect, to
// get number and code sent to another place.
func TestSMSRedirectIsNotFollowed(t *testing.T) {
	reached := false
	thief := serve(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) { reached = true })
	for _, status := range []int{301, 302, 307, 308} {
		srv := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, thief.URL, status) })
		hook := must(NewWebhook(WebhookConfig{URL: srv.URL, Secret: hookSecret}))(t)
		twilio := must(NewTwilio(TwilioConfig{Base: srv.URL, AccountSID: "AC123", AuthToken: "t0ken", From: "+15005550006"}))(t)
		if hook.Send(t.Context(), oneSMS) == nil || twilio.Send(t.Context(), oneSMS) == nil {
			t.Errorf("%d counted as sent", status)
		}
	}
	if reached {
		t.Error("the redirect was followed")
	}
}

// A provider that sends without end or not at all costs bounded memory and time.
func TestSMSAnswerIsBounded(t *testing.T) {
	endless := serve(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
		for chunk := make([]byte, 32<<10); ; {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	twilio := must(NewTwilio(TwilioConfig{Base: endless.URL, AccountSID: "AC123", AuthToken: "t0ken", Service: "MG1"}))(t)
	if err := twilio.Send(t.Context(), oneSMS); err != nil {
		t.Errorf("the status said that it was taken: %v", err)
	}
	silent := serve(t, httptest.NewServer, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does the server notice that the client left
		<-r.Context().Done()
	})
	hook := must(NewWebhook(WebhookConfig{URL: silent.URL + "/t0ken", Secret: hookSecret}))(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := hook.Send(ctx, oneSMS)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrPermanent) {
		t.Errorf("got %v", err)
	}
	quotesNothing(t, err)
}

func TestTwilioPostsOneForm(t *testing.T) {
	var got url.Values
	srv := serve(t, httptest.NewTLSServer, func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		if r.URL.Path != "/2010-04-01/Accounts/AC123/Messages.json" || user != "AC123" || pass != "t0ken" || r.Method != "POST" {
			t.Errorf("%s %s by %s", r.Method, r.URL.Path, user)
		}
		_ = r.ParseForm()
		got = r.PostForm
		w.WriteHeader(http.StatusCreated)
	})
	cases := map[string]struct {
		cfg  TwilioConfig
		want url.Values
	}{
		"number":  {TwilioConfig{From: "+15005550006"}, url.Values{"From": {"+15005550006"}}},
		"service": {TwilioConfig{Service: "MG1"}, url.Values{"MessagingServiceSid": {"MG1"}}},
	}
	for name, tc := range cases {
		tc.cfg.Base, tc.cfg.AccountSID, tc.cfg.AuthToken, tc.cfg.CAFile = srv.URL, "AC123", "t0ken", caFile(t, srv)
		twilio := must(NewTwilio(tc.cfg))(t)
		if err := twilio.Send(t.Context(), oneSMS); err != nil {
			t.Fatal(err)
		}
		tc.want.Set("To", oneSMS.To)
		tc.want.Set("Body", oneSMS.Text)
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestUnsafeSMSConfigIsRefused(t *testing.T) {
	for _, u := range []string{"http://sms.example.com/", "http://127.0.0.1.example.com/", "ftp://127.0.0.1/", "https://", "//x", ":", "https://user:pass@sms.example.com/", ""} {
		if _, err := NewWebhook(WebhookConfig{URL: u, Secret: hookSecret}); err == nil {
			t.Errorf("webhook %q was accepted", u)
		}
	}
	for _, u := range []string{"https://sms.example.com/x", "http://127.0.0.1:9/", "http://[::1]:9/", "http://localhost:9/"} {
		if _, err := NewWebhook(WebhookConfig{URL: u, Secret: hookSecret}); err != nil {
			t.Errorf("webhook %q: %v", u, err)
		}
	}
	if _, err := NewWebhook(WebhookConfig{URL: "https://sms.example.com", Secret: "short"}); err == nil {
		t.Error("a short secret was accepted")
	}
	good := TwilioConfig{AccountSID: "AC123", AuthToken: "t0ken", From: "+15005550006"}
	if _, err := NewTwilio(good); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(*TwilioConfig){
		"path in sid": func(c *TwilioConfig) { c.AccountSID = "../../x" }, "no token": func(c *TwilioConfig) { c.AuthToken = "" },
		"no sender": func(c *TwilioConfig) { c.From = "" }, "two senders": func(c *TwilioConfig) { c.Service = "MG1" },
		"plain http": func(c *TwilioConfig) { c.Base = "http://api.example.com" }, "no CA file": func(c *TwilioConfig) { c.CAFile = "/nowhere.pem" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := NewTwilio(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestSenderRefusesTheOtherChannel(t *testing.T) {
	hook := must(NewWebhook(WebhookConfig{URL: "http://127.0.0.1:1/", Secret: hookSecret}))(t)
	twilio := must(NewTwilio(TwilioConfig{AccountSID: "AC123", AuthToken: "t0ken", Service: "MG1"}))(t)
	smtp := must(NewSMTP(SMTPConfig{Host: "localhost", From: "noreply@example.com"}))(t)
	mail := latchkey.Message{Channel: latchkey.FactorEmail, To: testMail}
	for _, err := range []error{hook.Send(t.Context(), mail), twilio.Send(t.Context(), mail), smtp.Send(t.Context(), oneSMS)} {
		if !errors.Is(err, ErrPermanent) {
			t.Errorf("got %v", err)
		}
	}
}
