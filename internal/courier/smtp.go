package courier

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"latchkey"
)

// TLSMode says how the line to the mail server is protected.
type TLSMode string

// The modes. The zero value is STARTTLS, and a server without it is refused:
// who sits on the line could strip the offer (RFC 8314, 3).
const (
	TLSStart    TLSMode = "starttls"
	TLSImplicit TLSMode = "implicit" // TLS from the first byte (RFC 8314, 3.3)
	TLSNone     TLSMode = "none"     // loopback hosts only
)

// SMTPConfig is a mail server that takes mails for everybody.
type SMTPConfig struct {
	Host     string
	Port     int // 0: 587 with STARTTLS, 465 with implicit TLS, 25 with none
	TLS      TLSMode
	Username string // "": no authentication
	Password latchkey.Secret
	From     string        // address of the sender
	FromName string        // shown beside it; may be ""
	Timeout  time.Duration // of one mail, connecting included; 0 means 30 s
	CAFile   string        // PEM; "" means the system's authorities
	Now      func() time.Time
}

// SMTP is a Sender that hands mails to one server, one connection a mail.
type SMTP struct {
	cfg    SMTPConfig
	tls    *tls.Config
	domain string // of From: EHLO and Message-ID do not tell this machine's name
}

// NewSMTP checks the configuration; it does not connect.
func NewSMTP(cfg SMTPConfig) (*SMTP, error) {
	from, err := latchkey.NormalEmail(cfg.From)
	if err != nil {
		return nil, fmt.Errorf("SMTP: sender's address: %w", err)
	}
	if cfg.TLS == "" {
		cfg.TLS = TLSStart
	}
	// RFC 6409, 3.1 and RFC 8314, 7.3 give each mode its port; a mode that has
	// none here is unknown and refused below.
	ports := map[TLSMode]int{TLSStart: 587, TLSImplicit: 465, TLSNone: 25}
	if cfg.Port == 0 {
		cfg.Port = ports[cfg.TLS]
	}
	switch {
	case cfg.Host == "":
		return nil, errors.New("SMTP: the host is missing")
	case ports[cfg.TLS] == 0:
		return nil, fmt.Errorf("SMTP: TLS is starttls, implicit or none, not %q", string(cfg.TLS))
	case cfg.TLS == TLSNone && !loopback(cfg.Host):
		return nil, errors.New("SMTP: without TLS only a server on this machine is accepted; use starttls or implicit")
	case cfg.Port < 1 || cfg.Port > 65535:
		return nil, fmt.Errorf("SMTP: %d is not a port", cfg.Port)
	}
	if cfg.Timeout <= 0 {
		cfg.Timeout = sendTime
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	cfg.From, cfg.FromName = from, plain(cfg.FromName, longestName)
	s := &SMTP{cfg: cfg, domain: from[strings.LastIndexByte(from, '@')+1:]}
	if s.tls, err = trust(cfg.CAFile); err != nil {
		return nil, fmt.Errorf("SMTP: %w", err)
	}
	// The certificate must be for the name that the operator wrote, not for one
	// that the server says of itself.
	s.tls.ServerName = cfg.Host
	return s, nil
}

// Send connects, hands over one mail and hangs up.
func (s *SMTP) Send(ctx context.Context, m latchkey.Message) error {
	if err := wrongChannel(latchkey.FactorEmail, m); err != nil {
		return err
	}
	msg, err := s.compose(m)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	// One client a mail: go-mail keeps state of the line in it, and lanes send
	// several mails at the same time.
	client, err := mail.NewClient(s.cfg.Host, s.options(ctx)...)
	if err != nil {
		return fmt.Errorf("SMTP: %w", err)
	}
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil // the server took it; a failed RSET or QUIT after that is no reason to send it twice
	}
	return s.judge(err)
}

// compose makes the mail. Every header value is one line: the address is
// checked whole, the subject loses its line breaks and is encoded.
func (s *SMTP) compose(m latchkey.Message) (*mail.Msg, error) {
	if to, err := latchkey.NormalEmail(m.To); err != nil || to != m.To {
		return nil, fmt.Errorf("SMTP: the recipient is not an e-mail address: %w", ErrPermanent)
	}
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	if err := errors.Join(msg.FromFormat(s.cfg.FromName, s.cfg.From), msg.To(m.To)); err != nil {
		return nil, fmt.Errorf("SMTP: an address cannot stand in a header: %w", ErrPermanent)
	}
	// go-mail would encode a line break; a reader that decodes it and then
	// splits lines must not find one either.
	msg.Subject(plain(m.Subject, longestLine))
	msg.SetDateWithValue(s.cfg.Now())
	msg.SetMessageIDWithValue(latchkey.NewID("mail") + "@" + s.domain)
	// No out-of-office replies to a robot (RFC 3834, 5).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(mail.TypeTextPlain, m.Text)
	return msg, nil
}

// options sets up one client. With TLS the strongest mechanism that the server
// offers is taken (SCRAM, CRAM-MD5, PLAIN, LOGIN); without TLS, on loopback,
// PLAIN.
func (s *SMTP) options(life context.Context) []mail.Option {
	opts := []mail.Option{
		mail.WithPort(s.cfg.Port), mail.WithTimeout(s.cfg.Timeout), mail.WithHELO(s.domain),
		mail.WithTLSConfig(s.tls), mail.WithDialContextFunc(s.dialer(life)),
	}
	auth := mail.SMTPAuthAutoDiscover
	switch s.cfg.TLS {
	case TLSStart:
		opts = append(opts, mail.WithTLSPolicy(mail.TLSMandatory))
	case TLSImplicit:
		// The dialer did the handshake; this policy makes go-mail see it.
		opts = append(opts, mail.WithTLSPolicy(mail.TLSOpportunistic))
	default:
		opts, auth = append(opts, mail.WithTLSPolicy(mail.NoTLS)), mail.SMTPAuthPlainNoEnc
	}
	// A relay that knows us by our address needs no login. None is invented.
	if s.cfg.Username == "" {
		return opts
	}
	return append(opts, mail.WithSMTPAuth(auth),
		mail.WithUsername(s.cfg.Username), mail.WithPassword(s.cfg.Password.Reveal()))
}

// judge turns a failure into an error without addresses, server texts or
// credentials. Only a 5xx about the recipient or the text is permanent (RFC
// 5321, 4.2.1); a 5xx to the sender's address or the password is a fault of the
// configuration, which the operator can mend.
func (s *SMTP) judge(err error) error {
	where := fmt.Sprintf("SMTP %s:%d", s.cfg.Host, s.cfg.Port)
	if refused, ok := errors.AsType[*mail.SendError](err); ok {
		answer := fmt.Sprintf("%s: %s: answered %d %s", where, refused.Reason, refused.ErrorCode(), refused.EnhancedStatusCode())
		if code := refused.ErrorCode(); code >= 500 && code < 600 && aboutMail(refused.Reason) {
			return fmt.Errorf("%s: %w", answer, ErrPermanent)
		}
		return errors.New(answer)
	}
	// A server may repeat the AUTH line in its answer, so its text stays out.
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		return fmt.Errorf("%s: answered %d before the mail; check user name, password and TLS mode", where, answer.Code)
	}
	return fmt.Errorf("%s: %w", where, err)
}

// aboutMail tells the steps at which the server speaks about this mail: MAIL
// FROM names our own address, and what comes before names nobody.
func aboutMail(r mail.SendErrReason) bool {
	return r == mail.ErrSMTPRcptTo || r == mail.ErrSMTPData || r == mail.ErrSMTPDataClose
}

// dialer connects for one mail. go-mail leaves the line open when the greeting,
// STARTTLS or AUTH fails, and does not look at the context once connected; the
// end of life closes the line in both cases.
func (s *SMTP) dialer(life context.Context) mail.DialContextFunc {
	return func(ctx context.Context, network, addr string) (conn net.Conn, err error) {
		if s.cfg.TLS == TLSImplicit {
			conn, err = (&tls.Dialer{Config: s.tls}).DialContext(ctx, network, addr)
		} else {
			conn, err = (&net.Dialer{}).DialContext(ctx, network, addr)
		}
		if err != nil {
			return nil, err
		}
		context.AfterFunc(life, func() { _ = conn.Close() })
		return conn, nil
	}
}
