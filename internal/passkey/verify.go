package passkey

import (
	"encoding/json"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"latchkey"
)

// RequestOptions returns the JSON that PublicKeyCredential's
// parseRequestOptionsFromJSON() takes, for exactly one credential: the factor
// that the member chose.
func (c *Checker) RequestOptions(challenge []byte, sealed latchkey.Secret) ([]byte, error) {
	k, err := read(sealed)
	if err != nil {
		return nil, err
	}
	return json.Marshal(protocol.PublicKeyCredentialRequestOptions{
		Challenge: challenge, Timeout: int(promptTime.Milliseconds()), RelyingPartyID: c.lib.Config.RPID,
		AllowedCredentials: []protocol.CredentialDescriptor{k.descriptor()}, UserVerification: protocol.VerificationRequired,
	})
}

// Verify checks what get() returned for those options (WebAuthn, 7.2). ok is
// false when it proves nothing; an error means that the stored credential
// cannot be read. The counter is the authenticator's; 0 when it has none. To
// compare it with the last one is for whoever stores it.
func (c *Checker) Verify(memberID string, challenge []byte, sealed latchkey.Secret, answer []byte) (counter int64, ok bool, err error) {
	k, err := read(sealed)
	if err != nil {
		return 0, false, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		c.refused("verify", memberID, err)
		return 0, false, nil
	}
	session := webauthn.SessionData{
		Challenge: text(challenge), RelyingPartyID: c.lib.Config.RPID, UserID: []byte(memberID),
		AllowedCredentialIDs: [][]byte{k.ID}, UserVerification: protocol.VerificationRequired,
	}
	found, err := c.lib.ValidateLogin(user{id: memberID, credentials: []webauthn.Credential{k.record()}}, session, parsed)
	if err != nil {
		c.refused("verify", memberID, err)
		return 0, false, nil
	}
	return int64(found.Authenticator.SignCount), true, nil
}
