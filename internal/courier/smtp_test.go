package courier

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"latchkey"
)

var oneMail = latchkey.Message{
	Channel: latchkey.FactorEmail, To: testMail, Subject: "Latchkey: key bot-1 was edited", Text: "A line.\n.\nA line with ü.\n",
}

// client makes a Sender for the server, with the right password.
func (m *mailServer) client(t *testing.T, mode TLSMode, change func(*SMTPConfig)) *SMTP {
	t.Helper()
	cfg := SMTPConfig{
		Host: "127.0.0.1", Port: m.addr.Port, TLS: mode, Username: "latchkey", Password: "pa55word",
		From: "noreply@example.com", FromName: "Acme, Keys", CAFile: m.ca, Timeout: 10 * time.Second,
		Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&cfg)
	}
	return must(NewSMTP(cfg))(t)
}

func TestMailArrivesWholeInEachMode(t *testing.T) {
	for mode, option := range map[TLSMode]serverOption{TLSStart: withSTARTTLS, TLSImplicit: withTLS, TLSNone: withoutTLS} {
		t.Run(string(mode), func(t *testing.T) {
			srv := startMail(t, "127.0.0.1:0", option)
			if err := srv.client(t, mode, nil).Send(t.Context(), oneMail); err != nil {
				t.Fatal(err)
			}
			mails, logins := srv.got()
			if len(mails) != 1 || len(logins) != 1 || logins[0] != "latchkey" {
				t.Fatalf("%d mails, logins %v", len(mails), logins)
			}
			checkMail(t, mails[0])
		})
	}
}

func checkMail(t *testing.T, raw string) {
	t.Helper()
	msg := must(mail.ReadMessage(strings.NewReader(raw)))(t)
	for name, want := range map[string]string{
		"From": `"Acme, Keys" <noreply@example.com>`, "To": "<" + testMail + ">", "Subject": oneMail.Subject,
		"Auto-Submitted": "auto-generated", "Date": "Sun, 01 Mar 2026 14:00:05 +0000", "X-Mailer": "", "Bcc": "",
	} {
		if got := must(new(mime.WordDecoder).DecodeHeader(msg.Header.Get(name)))(t); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if !strings.HasSuffix(msg.Header.Get("Message-ID"), "@example.com>") {
		t.Errorf("Message-ID %q tells more than the sender's domain", msg.Header.Get("Message-ID"))
	}
	text := must(io.ReadAll(quotedprintable.NewReader(msg.Body)))(t)
	if got := strings.TrimRight(strings.ReplaceAll(string(text), "\r\n", "\n"), "\n"); got != strings.TrimRight(oneMail.Text, "\n") {
		t.Errorf("text %q", got)
	}
}

// Attack: somebody on the line takes the offer of STARTTLS out of the server's
// answer, to read password and codes.
func TestStrippedSTARTTLSIsRefused(t *testing.T) {
	srv := startMail(t, "127.0.0.1:0", withoutTLS)
	err := srv.client(t, TLSStart, nil).Send(t.Context(), oneMail)
	mails, logins := srv.got()
	if err == nil || errors.Is(err, ErrPermanent) || len(mails)+len(logins) != 0 {
		t.Fatalf("error %v, %d mails, logins %v", err, len(mails), logins)
	}
	// Also without a password to lose: the mail holds a code.
	srv.open = true
	err = srv.client(t, TLSStart, func(c *SMTPConfig) { c.Username = "" }).Send(t.Context(), oneMail)
	if mails, _ := srv.got(); err == nil || len(mails) != 0 {
		t.Fatalf("error %v, %d mails", err, len(mails))
	}
	// The same server is good enough where TLS was given up knowingly.
	if err := srv.client(t, TLSNone, nil).Send(t.Context(), oneMail); err != nil {
		t.Error(err)
	}
}

func TestUnknownOrWrongCertificateIsRefused(t *testing.T) {
	for mode, option := range map[TLSMode]serverOption{TLSStart: withSTARTTLS, TLSImplicit: withTLS} {
		srv := startMail(t, "127.0.0.1:0", option)
		for name, change := range map[string]func(*SMTPConfig){
			"unknown authority": func(c *SMTPConfig) { c.CAFile = "" },
			"other name":        func(c *SMTPConfig) { c.Host = "localhost" }, // not in the certificate
		} {
			err := srv.client(t, mode, change).Send(t.Context(), oneMail)
			mails, logins := srv.got()
			if err == nil || errors.Is(err, ErrPermanent) || len(mails)+len(logins) != 0 {
				t.Errorf("%s, %s: error %v, %d mails, logins %v", mode, name, err, len(mails), logins)
			}
		}
	}
}

func TestWrongPasswordIsTriedAgainAndNotTold(t *testing.T) {
	srv := startMail(t, "127.0.0.1:0", withSTARTTLS)
	err := srv.client(t, TLSStart, func(c *SMTPConfig) { c.Password = "pa55word-old" }).Send(t.Context(), oneMail)
	mails, logins := srv.got()
	if err == nil || errors.Is(err, ErrPermanent) || len(mails) != 0 || len(logins) != 1 {
		t.Fatalf("error %v, %d mails, logins %v", err, len(mails), logins)
	}
	quotesNothing(t, err)
}

func TestSMTPAnswersAreSortedIntoAgainAndNever(t *testing.T) {
	refuse := func(code int) error {
		return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "<" + testMail + "> " + testCode}
	}
	srv := startMail(t, "127.0.0.1:0", withSTARTTLS)
	cases := map[string]struct {
		rcpt, data error
		permanent  bool
	}{
		"no such mailbox":    {refuse(550), nil, true},
		"mailbox full":       {refuse(452), nil, false},
		"greylisted":         {refuse(451), nil, false},
		"text refused":       {nil, refuse(554), true},
		"try the text later": {nil, refuse(451), false},
	}
	for name, tc := range cases {
		srv.answer(tc.rcpt, tc.data)
		err := srv.client(t, TLSStart, nil).Send(t.Context(), oneMail)
		if err == nil || errors.Is(err, ErrPermanent) != tc.permanent {
			t.Errorf("%s: %v, want permanent %v", name, err, tc.permanent)
		}
		quotesNothing(t, err)
	}
	srv.answer(nil, nil)
	if err := srv.client(t, TLSStart, nil).Send(t.Context(), oneMail); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// Attack: an address or a subject with line breaks adds headers or recipients.
func TestHeadersCannotBeInjected(t *testing.T) {
	srv := startMail(t, "127.0.0.1:0", withSTARTTLS)
	client := srv.client(t, TLSStart, nil)
	for _, to := range []string{
		testMail + "\r\nBcc: thief@example.com", testMail + ", thief@example.com", "X <" + testMail + ">", "a@b>\r\nRCPT TO:<c@d", "", "nobody",
	} {
		m := oneMail
		m.To = to
		if err := client.Send(t.Context(), m); !errors.Is(err, ErrPermanent) {
			t.Errorf("%q: %v", to, err)
		}
	}
	if mails, _ := srv.got(); len(mails) != 0 {
		t.Fatalf("%d mails went out", len(mails))
	}
	m := oneMail
	m.Subject = "x\r\nBcc: thief@example.com\r\n\r\nbody"
	if err := client.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	mails, _ := srv.got()
	msg := must(mail.ReadMessage(strings.NewReader(mails[0])))(t)
	subject := must(new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")))(t)
	if msg.Header.Get("Bcc") != "" || !strings.HasPrefix(subject, "x") {
		t.Errorf("headers %v", msg.Header)
	}
	oneLine(t, subject) // also after decoding: the reader's program must not be trusted either
}

// The mail server is down, the courier tries again, the server comes up at the
// same place, and the mail arrives once.
func TestMailWaitsForAServerThatIsDown(t *testing.T) {
	probe := must(net.Listen("tcp", "127.0.0.1:0"))(t)
	addr := probe.Addr().(*net.TCPAddr)
	_ = probe.Close()
	down := &mailServer{addr: addr}

	clock := newClock()
	outbox := newMemory(clock.now)
	retried := make(chan struct{}, 100)
	outbox.onRetry = func() { retried <- struct{}{} }
	done := make(chan struct{})
	outbox.onDone = func() { close(done) }
	l, f := notice(clock.now(), 7, latchkey.ActKeyActivated)
	outbox.put(l, f)
	box := &switchable{to: down.client(t, TLSStart, nil)}
	c := New(Config{Outbox: outbox, Mail: box, Limits: latchkey.DefaultLimits(), Now: clock.now, Poll: time.Millisecond})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for range 3 {
		<-retried
		clock.advance(10 * time.Second)
	}
	up := startMail(t, addr.String(), withSTARTTLS)
	box.set(up.client(t, TLSStart, nil)) // the same place; now its certificate is known
	for waiting := true; waiting; {
		select {
		case <-done:
			waiting = false
		case <-retried:
			clock.advance(time.Minute)
		case <-time.After(20 * time.Second):
			t.Fatal("the mail was not sent")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if mails, _ := up.got(); len(mails) != 1 || outbox.left() != 0 {
		t.Errorf("%d mails, %d letters left", len(mails), outbox.left())
	}
}

// A server that says nothing costs no more than the time of the context, and
// the line is closed.
func TestSilentServerIsLeftWhenTheTimeIsUp(t *testing.T) {
	addr, heard := rawServer(t, func(*bufio.Reader, net.Conn) {})
	client := (&mailServer{addr: addr}).client(t, TLSStart, nil)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := client.Send(ctx, oneMail); err == nil || errors.Is(err, ErrPermanent) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("took %s: the server's time-out counted, not the context", took)
	}
	if got := <-heard; got != "" {
		t.Errorf("said %q to a server that did not greet", got)
	}
}

func TestLineIsClosedWhenTheServerRefusesEarly(t *testing.T) {
	for name, talk := range map[string]func(*bufio.Reader, net.Conn){
		"greeting": func(_ *bufio.Reader, out net.Conn) { _, _ = io.WriteString(out, "554 go away\r\n") },
		"no STARTTLS": func(in *bufio.Reader, out net.Conn) {
			_, _ = io.WriteString(out, "220 x\r\n")
			_, _ = in.ReadString('\n')
			_, _ = io.WriteString(out, "250-x\r\n250 AUTH PLAIN\r\n")
		},
	} {
		addr, heard := rawServer(t, talk)
		err := (&mailServer{addr: addr}).client(t, TLSStart, nil).Send(t.Context(), oneMail)
		if err == nil || errors.Is(err, ErrPermanent) {
			t.Errorf("%s: %v", name, err)
		}
		if got := <-heard; strings.Contains(got, "AUTH") { // gets here only once the line is closed
			t.Errorf("%s: said %q", name, got)
		}
	}
}

// The server takes the mail and breaks down right after: sending it again
// would give the owner two.
func TestMailThatWasTakenIsNotSentAgain(t *testing.T) {
	addr, heard := rawServer(t, func(in *bufio.Reader, out net.Conn) {
		say := func(line string) { _, _ = io.WriteString(out, line+"\r\n") }
		say("220 x")
		for {
			line, err := in.ReadString('\n')
			switch {
			case err != nil:
				return
			case strings.HasPrefix(line, "DATA"):
				say("354 go on")
				for line != ".\r\n" && err == nil {
					line, err = in.ReadString('\n')
				}
				say("250 taken")
				say("421 breaking down")
				_ = out.(*net.TCPConn).CloseWrite()
				return
			default:
				say("250 ok")
			}
		}
	})
	client := (&mailServer{addr: addr}).client(t, TLSNone, func(c *SMTPConfig) { c.Username = "" })
	if err := client.Send(t.Context(), oneMail); err != nil {
		t.Errorf("a mail that was taken counts as failed: %v", err)
	}
	if got := <-heard; !strings.Contains(got, "A line with") {
		t.Errorf("the server heard %q", got)
	}
}

func TestUnsafeSMTPConfigIsRefused(t *testing.T) {
	good := SMTPConfig{Host: "mail.example.com", From: "noreply@example.com"}
	if s := must(NewSMTP(good))(t); s.cfg.TLS != TLSStart || s.cfg.Port != 587 {
		t.Errorf("defaults %q %d", s.cfg.TLS, s.cfg.Port)
	}
	for name, spoil := range map[string]func(*SMTPConfig){
		"no host": func(c *SMTPConfig) { c.Host = "" }, "no sender": func(c *SMTPConfig) { c.From = "" },
		"two senders": func(c *SMTPConfig) { c.From = "a@example.com, b@example.com" }, "no TLS": func(c *SMTPConfig) { c.TLS = TLSNone },
		"unknown mode": func(c *SMTPConfig) { c.TLS = "opportunistic" }, "port": func(c *SMTPConfig) { c.Port = 70000 },
		"no TLS, name like loopback": func(c *SMTPConfig) { c.TLS, c.Host = TLSNone, "127.0.0.1.example.com" },
		"CA file is none":            func(c *SMTPConfig) { c.CAFile = "smtp_test.go" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := NewSMTP(cfg); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
