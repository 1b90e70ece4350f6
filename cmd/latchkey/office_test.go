package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"regexp"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
)

// smsSecret is shared by the program under test and the receiver of its SMS.
const smsSecret = "a secret of the SMS webhook, 32+ bytes"

// letter is a mail or a text message as it arrived.
type letter struct {
	to, text string
	code     string // six digits, "" in a notice
}

// codeForm is how a message with a code says it, in mails and in SMS.
var codeForm = regexp.MustCompile(`\b(\d{6}) confirms: `)

// office is where the messages of a server arrive: a real SMTP server and the
// receiver of the signed SMS webhook, both on loopback.
type office struct {
	smtp string // HOST:PORT
	sms  string // URL

	mail *smtp.Server
	web  *httptest.Server

	mu      sync.Mutex
	letters []letter
	news    chan struct{} // closed and made anew with each letter
	faults  []string      // messages that came in a wrong form
}

// openOffice begins to receive.
func openOffice() (*office, error) {
	o := &office{news: make(chan struct{})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	o.mail = smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{office: o}, nil }))
	o.mail.Domain, o.smtp = "localhost", ln.Addr().String()
	o.mail.ErrorLog = log.New(io.Discard, "", 0) // senders that are killed are what it is here for
	go o.mail.Serve(ln)
	o.web = httptest.NewServer(http.HandlerFunc(o.receiveSMS))
	o.sms = o.web.URL
	return o, nil
}

func (o *office) close() {
	_ = o.mail.Close()
	o.web.Close()
}

// flags are the flags of serve that send everything here. The secret of the
// webhook goes into the environment: see env.
func (o *office) flags() []string {
	return []string{"--smtp-server", o.smtp, "--smtp-tls", "none", "--smtp-from", "keys@example.com", "--sms-webhook", o.sms}
}

func (o *office) put(l letter) {
	if found := codeForm.FindStringSubmatch(l.text); found != nil {
		l.code = found[1]
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = append(o.letters, l)
	close(o.news)
	o.news = make(chan struct{})
}

// code waits for a code that was sent to that address in a message with that
// text in it, and takes the message away. ok is false when ctx ended first.
func (o *office) code(ctx context.Context, to, about string) (code string, ok bool) {
	for {
		code, news := o.take(to, about)
		if code != "" {
			return code, true
		}
		select {
		case <-ctx.Done():
			return "", false
		case <-news:
		}
	}
}

func (o *office) take(to, about string) (string, chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for i, l := range o.letters {
		if l.to == to && l.code != "" && strings.Contains(l.text, about) {
			o.letters = append(o.letters[:i:i], o.letters[i+1:]...)
			return l.code, nil
		}
	}
	return "", o.news
}

// receiveSMS answers the webhook and checks its signature as a receiver should.
func (o *office) receiveSMS(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the sender was killed
	}
	var sms struct{ To, Text string }
	if err := json.Unmarshal(body, &sms); err != nil || !signed(r.Header.Get("Latchkey-Webhook-Signature"), body) {
		o.fault(fmt.Sprintf("an SMS in a wrong form: %s", body))
		http.Error(w, "wrong form", http.StatusBadRequest)
		return
	}
	o.put(letter{to: sms.To, text: sms.Text})
}

// signed checks "v1,t=<unix seconds>,h=<hex>".
func signed(header string, body []byte) bool {
	at, mac, ok := strings.Cut(strings.TrimPrefix(header, "v1,t="), ",h=")
	want := hmac.New(sha256.New, []byte(smsSecret))
	fmt.Fprintf(want, "%s.%s", at, body)
	got, err := hex.DecodeString(mac)
	return ok && err == nil && hmac.Equal(got, want.Sum(nil))
}

func (o *office) fault(text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = append(o.faults, text)
}

// mailSession is one connection to the mail server.
type mailSession struct {
	office *office
	to     string
}

func (s *mailSession) Mail(string, *smtp.MailOptions) error      { return nil }
func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }
func (s *mailSession) Reset()                                    {}
func (s *mailSession) Logout() error                             { return nil }

func (s *mailSession) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err // cut off: the sender was killed
	}
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		s.office.fault("a mail in a wrong form: " + err.Error())
		return err
	}
	body := m.Body
	if m.Header.Get("Content-Transfer-Encoding") == "quoted-printable" {
		body = quotedprintable.NewReader(body)
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	s.office.put(letter{to: s.to, text: string(text)})
	return nil
}
