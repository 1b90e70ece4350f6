// Package passkey speaks WebAuthn: it makes the options that a browser's
// navigator.credentials.create() and get() take, and checks what they return.
// It holds no state and no clock. Challenges come from the authority, which
// binds them to what is confirmed; credentials go back to it to be kept sealed.
//
// What is demanded is the same everywhere: the user is verified by the
// authenticator itself (a fingerprint, a PIN), the page is the console's, and
// the challenge is the one that was given.
package passkey

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"latchkey"
)

// promptTime is how long a browser shows its prompt, as long as a code lives.
const promptTime = 5 * time.Minute

// algorithms are what every authenticator has at least one of, best first.
var algorithms = []protocol.CredentialParameter{
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgES256},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgEdDSA},
	{Type: protocol.PublicKeyCredentialType, Algorithm: webauthncose.AlgRS256},
}

// Config says for which console passkeys are made.
type Config struct {
	ConsoleURL string // as browsers reach it: its origin, and its host as the relying party
	Name       string // of the platform, as the browser's prompt shows it
	Log        *slog.Logger
}

// Checker makes options and checks answers for one console. It may be used from
// many goroutines.
type Checker struct {
	lib *webauthn.WebAuthn
	log *slog.Logger
}

// New fails for a console that browsers make no passkeys for: one that is
// reached by an address instead of a name, or over plain http elsewhere than on
// this machine (WebAuthn, 5.1.2 and 13.4.9: a domain, in a secure context).
func New(c Config) (*Checker, error) {
	u, err := url.Parse(c.ConsoleURL)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("passkeys need the console's URL")
	}
	host := strings.ToLower(u.Hostname())
	local := host == "localhost" || strings.HasSuffix(host, ".localhost")
	if _, err := netip.ParseAddr(host); err == nil {
		return nil, errors.New("passkeys need a console that is reached by a name, not by an address")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !local) {
		return nil, errors.New("passkeys need a console that is reached over https")
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	lib, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: c.Name, RPOrigins: []string{u.Scheme + "://" + strings.ToLower(u.Host)},
		// What a browser adds unasked is not looked at (WebAuthn, 7.1, step 20).
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkeys: %w", err)
	}
	return &Checker{lib: lib, log: c.Log}, nil
}

// credential is what is kept of a passkey, sealed like every factor's secret.
// Its counter is not here: it changes with each use and is compared and set.
type credential struct {
	ID             []byte                            `json:"id"`
	PublicKey      []byte                            `json:"publicKey"` // COSE
	Transports     []protocol.AuthenticatorTransport `json:"transports,omitempty"`
	BackupEligible bool                              `json:"backupEligible"`
}

// read refuses what cannot be a credential: it must never match anything.
func read(sealed latchkey.Secret) (credential, error) {
	var c credential
	if json.Unmarshal([]byte(sealed.Reveal()), &c) != nil || len(c.ID) == 0 || len(c.PublicKey) == 0 {
		return credential{}, errors.New("the stored passkey cannot be read")
	}
	return c, nil
}

func (c credential) descriptor() protocol.CredentialDescriptor {
	return protocol.CredentialDescriptor{Type: protocol.PublicKeyCredentialType, CredentialID: c.ID, Transport: c.Transports}
}

func (c credential) record() webauthn.Credential {
	return webauthn.Credential{
		ID: c.ID, PublicKey: c.PublicKey, Transport: c.Transports,
		Flags: webauthn.CredentialFlags{UserPresent: true, UserVerified: true, BackupEligible: c.BackupEligible},
	}
}

// user is a member as the library wants one. The handle is the member's id,
// which is random and says nothing about the person (WebAuthn, 14.6.1).
type user struct {
	id          string
	email       string
	credentials []webauthn.Credential
}

func (u user) WebAuthnID() []byte                         { return []byte(u.id) }
func (u user) WebAuthnName() string                       { return u.email }
func (u user) WebAuthnDisplayName() string                { return u.email }
func (u user) WebAuthnCredentials() []webauthn.Credential { return u.credentials }

// refused notes why an answer proves nothing. Only the library's own sentences
// are logged: the rest is what a stranger sent.
func (c *Checker) refused(what, memberID string, err error) {
	reason := "not a WebAuthn answer"
	if e, ok := errors.AsType[*protocol.Error](err); ok {
		reason = e.Details
	}
	c.log.Info("passkey refused", "step", what, "member", memberID, "reason", reason)
}

// text is how WebAuthn's JSON writes bytes.
func text(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
