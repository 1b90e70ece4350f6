package testenv_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/courier"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
)

// post is a provider of mail or SMS that keeps what it was given.
type post struct {
	mu    sync.Mutex
	texts []string
}

func (p *post) take(r io.Reader) error {
	text, err := io.ReadAll(r)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.texts = append(p.texts, string(text))
	return err
}

func (p *post) len() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.texts)
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// code is the newest one that came after so many messages.
func (p *post) code(after int) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := len(p.texts) - 1; i >= after; i-- {
		// The code is said in the text, not in the headers of a mail.
		_, text, _ := strings.Cut(p.texts[i], "\r\n\r\n")
		if text == "" {
			text = p.texts[i]
		}
		if found := sixDigits.FindString(text); found != "" {
			return found, nil
		}
	}
	return "", errors.New("no code came")
}

// letterbox is one connection of the mail server.
type letterbox struct{ *post }

func (letterbox) Mail(string, *smtp.MailOptions) error { return nil }
func (letterbox) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (l letterbox) Data(r io.Reader) error             { return l.take(r) }
func (letterbox) Reset()                               {}
func (letterbox) Logout() error                        { return nil }

// mailServer is a real SMTP server; it returns its address.
func (p *post) mailServer(t *testing.T) string {
	t.Helper()
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return letterbox{p}, nil }))
	s.Domain, s.ErrorLog = "mail.example", quiet{}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(ln) }() // until it is closed
	t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

// quiet drops what the mail server says about clients that were cut off.
type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// letter is something that waits for a code: how it is begun, and what there is
// when it was confirmed.
type letter struct {
	begin func() (pending string)
	done  func() bool
}

// mails makes the patient one whose codes come by this post.
func (p *patient) mails(box *post, l letter) {
	p.works = func() error { return nil }
	p.broken = func(state ill) {
		p.wire.become(state)
		before := box.len()
		id := l.begin()
		testenv.Refuses(p.t, p.owner.Do(http.MethodPost, "/v1/pending/"+id+"/confirm", map[string]string{"code": "000000"}), http.StatusUnprocessableEntity, "wrong_code")
		p.until(soon, "the letter is sent", p.wire.tried)
		if state != slow && box.len() > before {
			p.t.Errorf("%s: a letter came", state)
		}
		if l.done() {
			p.t.Errorf("%s: the change was made without its code", state)
		}
		p.works = func() error {
			code, err := box.code(before)
			if err != nil || l.done() {
				return err
			}
			testenv.Allows(p.t, p.owner.Do(http.MethodPost, "/v1/pending/"+id+"/confirm", map[string]string{"code": code}), http.StatusOK)
			if !l.done() {
				return errors.New("the change was not made by its code")
			}
			return nil
		}
	}
	p.suffer()
}

// An activation that nobody could be asked about leaves the key inactive, and
// the mail comes by itself when the server is well again.
func TestWhileMailIsIllNoKeyIsActivated(t *testing.T) {
	t.Parallel()
	box := &post{}
	w := newWire(t, "tcp", box.mailServer(t))
	p := admit(t, testenv.Options{}, func(c *node.Config) {
		host, port, err := net.SplitHostPort(w.addr)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		if c.Mail, err = courier.NewSMTP(courier.SMTPConfig{Host: host, Port: number, TLS: courier.TLSNone, From: "keys@latchkey.example"}); err != nil {
			t.Fatal(err)
		}
	})
	p.wire = w
	bot := p.ActiveKey("waits", authority.NewKey{Permissions: readTrade})
	p.mails(box, letter{
		begin: func() string {
			key, _, err := p.Operator().Move(t.Context(), bot.KeyID, latchkey.OpDeactivate)
			p.must(err)
			return testenv.PendingID(testenv.Allows(t, p.owner.Do(http.MethodPost, "/v1/keys/"+bot.KeyID+"/activate", map[string]any{"version": key.Version}), http.StatusAccepted))
		},
		done: func() bool { return p.call(bot, look) == http.StatusOK },
	})
}

// The same with a phone and an edit.
func TestWhileSMSIsIllNoKeyIsEdited(t *testing.T) {
	t.Parallel()
	box := &post{}
	provider := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _ = box.take(r.Body) }))
	t.Cleanup(provider.Close)
	w := newWire(t, "tcp", provider.Listener.Addr().String())
	p := admit(t, testenv.Options{}, func(c *node.Config) {
		sms, err := courier.NewWebhook(courier.WebhookConfig{URL: "http://" + w.addr + "/sms", Secret: "the secret of the provider of SMS"})
		if err != nil {
			t.Fatal(err)
		}
		c.SMS = sms
	})
	p.wire = w
	phone := p.enrol(box)
	var want latchkey.Permissions
	p.mails(box, letter{
		begin: func() string {
			key, err := p.Operator().Key(t.Context(), p.dead.KeyID)
			p.must(err)
			want = key.Permissions ^ latchkey.FundsInternal
			step := testenv.Allows(t, p.owner.Do(http.MethodPatch, "/v1/keys/"+key.ID, map[string]any{"version": key.Version, "permissions": want.Names()}), http.StatusAccepted)
			testenv.Allows(t, p.owner.Do(http.MethodPost, "/v1/pending/"+testenv.PendingID(step)+"/factor", map[string]string{"factorId": phone}), http.StatusOK)
			return testenv.PendingID(step)
		},
		done: func() bool {
			key, err := p.Operator().Key(t.Context(), p.dead.KeyID)
			p.must(err)
			return key.Permissions == want
		},
	})
}

// enrol gives the owner a phone, and returns its id.
func (p *patient) enrol(box *post) string {
	p.t.Helper()
	step := testenv.Allows(p.t, p.owner.Do(http.MethodPost, "/v1/factors", map[string]string{"kind": "sms", "phone": "+35386998877665", "password": testenv.Password}), http.StatusAccepted)
	next := testenv.Allows(p.t, p.owner.Confirm(step, p.app(1)), http.StatusOK).Object("next")
	p.until(soon, "the phone's code", func() error { _, err := box.code(0); return err })
	code, _ := box.code(0) // it is there
	testenv.Allows(p.t, p.owner.Confirm(next, code), http.StatusOK)
	var id string
	list, _ := testenv.Allows(p.t, p.owner.Do(http.MethodGet, "/v1/factors", nil), http.StatusOK).Body["items"].([]any)
	for _, item := range list {
		if f, ok := item.(map[string]any); ok && f["kind"] == "sms" {
			id, _ = f["id"].(string)
		}
	}
	return id
}
