package node

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// handshake speaks TLS with a client that knows no more than it says, and
// returns what was agreed on.
func handshake(t *testing.T, server *tls.Config, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	client.InsecureSkipVerify = true // what the certificate says is another test's
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	done := make(chan error, 1)
	go func() { done <- tls.Server(there, server).Handshake() }()
	conn := tls.Client(here, client)
	err := conn.Handshake()
	here.Close()
	if serverErr := <-done; err == nil {
		err = serverErr
	}
	return conn.ConnectionState(), err
}

// Every server of a node that has a certificate takes it from here.
func TestOldTLSIsNotSpoken(t *testing.T) {
	server, err := selfMadeTLS(t.TempDir(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := handshake(t, server, &tls.Config{}); err != nil || got.Version != tls.VersionTLS13 {
		t.Errorf("version %x, error %v; want TLS 1.3 where both know it", got.Version, err)
	}
	if got, err := handshake(t, server, &tls.Config{MaxVersion: tls.VersionTLS12}); err != nil || got.Version != tls.VersionTLS12 {
		t.Errorf("version %x, error %v; want TLS 1.2", got.Version, err)
	}
	for _, version := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		if _, err := handshake(t, server, &tls.Config{MinVersion: version, MaxVersion: version}); err == nil {
			t.Errorf("version %x is spoken", version)
		}
		loose := server.Clone() // the twin
		loose.MinVersion, loose.CipherSuites = version, nil
		if _, err := handshake(t, loose, &tls.Config{MinVersion: version, MaxVersion: version}); err != nil {
			t.Errorf("version %x could not be spoken at all: %v", version, err)
		}
	}
}

// Suites without forward secrecy, with CBC, RC4 or 3DES are refused, also to a
// client that knows nothing else (ASVS 12.1.2). Some need a certificate with
// RSA: the demo's own has none.
func TestInsecureSuitesAreNotSpoken(t *testing.T) {
	dir := t.TempDir()
	if _, err := selfMadeTLS(dir, time.Now()); err != nil {
		t.Fatal(err)
	}
	server, err := loadTLS(filepath.Join(dir, CertificateName), filepath.Join(dir, privateKeyName))
	if err != nil {
		t.Fatal(err)
	}
	server.Certificates = append(server.Certificates, withRSA(t))
	loose := server.Clone()
	spoken := 0
	weak := tls.InsecureCipherSuites()
	for _, suite := range tls.CipherSuites() {
		if strings.Contains(suite.Name, "_CBC_") {
			weak = append(weak, suite)
		}
	}
	for _, suite := range weak {
		client := &tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{suite.ID}}
		if got, err := handshake(t, server, client); err == nil {
			t.Errorf("%s is spoken: %s", suite.Name, tls.CipherSuiteName(got.CipherSuite))
		}
		loose.CipherSuites = []uint16{suite.ID}
		if _, err := handshake(t, loose, client); err == nil {
			spoken++
		}
	}
	if spoken < 14 { // the twin: a server that lists them speaks them
		t.Errorf("only %d of the suites could be spoken at all", spoken)
	}
}

func withRSA(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
