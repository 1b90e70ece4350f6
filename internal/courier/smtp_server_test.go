package courier

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// mailServer is a real SMTP server on loopback that keeps what it gets.
type mailServer struct {
	addr *net.TCPAddr
	ca   string

	open   bool // takes mails without a login; set before the first one
	mu     sync.Mutex
	mails  []string
	logins []string // user names, right password or wrong
	rcpt   error    // answers to RCPT TO and DATA; nil: accepted
	data   error
}

// serverOption changes the server before it starts.
type serverOption func(*smtp.Server, *tls.Config) (implicit bool)

func withSTARTTLS(s *smtp.Server, cfg *tls.Config) bool { s.TLSConfig = cfg; return false }
func withTLS(_ *smtp.Server, _ *tls.Config) bool        { return true }

// withoutTLS is also what a client sees when somebody on the line took the
// offer of STARTTLS away: plain AUTH, and a server that takes everything.
func withoutTLS(s *smtp.Server, _ *tls.Config) bool { s.AllowInsecureAuth = true; return false }

// startMail starts a server on that address ("127.0.0.1:0" for any port).
func startMail(t *testing.T, addr string, option serverOption) *mailServer {
	t.Helper()
	identity := httptest.NewUnstartedServer(nil)
	identity.Config.ErrorLog = quiet()
	identity.StartTLS() // only for its certificate, which signed itself
	t.Cleanup(identity.Close)
	m := &mailServer{ca: caFile(t, identity)}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &mailSession{m}, nil }))
	srv.Domain, srv.ErrorLog = "mail.example.com", quiet()
	cfg := &tls.Config{Certificates: identity.TLS.Certificates, MinVersion: tls.VersionTLS12}
	implicit := option(srv, cfg)
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	m.addr = listener.Addr().(*net.TCPAddr)
	if implicit {
		listener = tls.NewListener(listener, cfg)
	}
	var done sync.WaitGroup
	done.Go(func() { _ = srv.Serve(listener) })
	t.Cleanup(func() { _ = srv.Close(); done.Wait() })
	return m
}

// answer sets what the server says to RCPT TO and DATA.
func (m *mailServer) answer(rcpt, data error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rcpt, m.data = rcpt, data
}

func (m *mailServer) got() (mails, logins []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mails, m.logins
}

// mailSession is one connection; it demands the right password.
type mailSession struct{ m *mailServer }

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.m.mu.Lock()
		defer s.m.mu.Unlock()
		s.m.logins = append(s.m.logins, user)
		if password != "pa55word" {
			return errors.New("wrong password " + password)
		}
		return nil
	}), nil
}

func (s *mailSession) Reset()        {}
func (s *mailSession) Logout() error { return nil }

func (s *mailSession) Mail(string, *smtp.MailOptions) error {
	if _, logins := s.m.got(); len(logins) == 0 && !s.m.open {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *mailSession) Rcpt(string, *smtp.RcptOptions) error {
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	return s.m.rcpt
}

func (s *mailSession) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.m.mu.Lock()
	defer s.m.mu.Unlock()
	if s.m.data == nil {
		s.m.mails = append(s.m.mails, string(text))
	}
	return s.m.data
}

// rawServer answers one connection by a script: what a real server never does
// on purpose. The returned channel gives what the client sent, when it hung up.
func rawServer(t *testing.T, talk func(in *bufio.Reader, out net.Conn)) (*net.TCPAddr, <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan string, 1)
	var done sync.WaitGroup
	done.Go(func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		var said strings.Builder
		in := bufio.NewReader(io.TeeReader(conn, &said))
		talk(in, conn)
		_, _ = io.Copy(io.Discard, in)
		heard <- said.String()
	})
	t.Cleanup(func() { _ = listener.Close(); done.Wait() })
	return listener.Addr().(*net.TCPAddr), heard
}
