package node

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Files of the certificate that a demo makes at its first start. A client that
// is to trust it takes the first one as its CA file.
const (
	CertificateName = "gateway-cert.pem"
	privateKeyName  = "gateway-key.pem"
)

// certificateLife is how long a self-made certificate is good for. It is made
// anew when less than a tenth is left.
const certificateLife = 365 * 24 * time.Hour

// loadTLS reads a certificate and its key.
func loadTLS(certFile, keyFile string) (*tls.Config, error) {
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("certificate %s with key %s: %w", certFile, keyFile, err)
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12, CipherSuites: sealing()}, nil
}

// sealing are the cipher suites of TLS 1.2 with forward secrecy that encrypt and
// authenticate in one (ASVS 12.1.2); those of TLS 1.3 all do. Go's own list has
// some with CBC and SHA-1 besides.
func sealing() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// selfMadeTLS returns the certificate of the data folder, made now if there is
// none or it is about to expire. For a demo on one machine, nothing else.
func selfMadeTLS(dataDir string, now time.Time) (*tls.Config, error) {
	certFile, keyFile := filepath.Join(dataDir, CertificateName), filepath.Join(dataDir, privateKeyName)
	config, err := loadTLS(certFile, keyFile)
	if err == nil {
		leaf := config.Certificates[0].Leaf
		if leaf != nil && now.Add(certificateLife/10).Before(leaf.NotAfter) {
			return config, nil
		}
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, err // unreadable is not missing: nothing is overwritten
	}
	if err := makeCertificate(certFile, keyFile, now); err != nil {
		return nil, fmt.Errorf("making the demo's certificate: %w", err)
	}
	return loadTLS(certFile, keyFile)
}

// makeCertificate writes a self-signed ECDSA certificate for this machine's
// loopback names, which is its own CA.
func makeCertificate(certFile, keyFile string, now time.Time) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Latchkey demo"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IsCA: true, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(keyFile, "PRIVATE KEY", private, 0o600); err != nil {
		return err
	}
	return writePEM(certFile, "CERTIFICATE", der, 0o644)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

// WriteFile writes a file by rename, so that a reader sees the old one or the
// new one, never a half.
func WriteFile(path string, content []byte, mode os.FileMode) error {
	temp, err := os.CreateTemp(filepath.Dir(path), ".new-*") // made with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), path)
}
