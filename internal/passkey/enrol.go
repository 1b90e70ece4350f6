package passkey

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"latchkey"
)

// CreationOptions returns the JSON that PublicKeyCredential's
// parseCreationOptionsFromJSON() takes. An authenticator that holds one of the
// known credentials offers itself no second time.
func (c *Checker) CreationOptions(m latchkey.Member, challenge []byte, known []latchkey.Secret) ([]byte, error) {
	options := protocol.PublicKeyCredentialCreationOptions{
		RelyingParty: protocol.RelyingPartyEntity{
			ID: c.lib.Config.RPID, CredentialEntity: protocol.CredentialEntity{Name: c.lib.Config.RPDisplayName},
		},
		User: protocol.UserEntity{
			ID: protocol.URLEncodedBase64(m.ID), DisplayName: m.Email, CredentialEntity: protocol.CredentialEntity{Name: m.Email},
		},
		Challenge: challenge, Parameters: algorithms, Timeout: int(promptTime.Milliseconds()),
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			UserVerification: protocol.VerificationRequired,
			// The sign-in begins with the address; nothing has to be found on
			// the authenticator, whose room for such entries is small.
			ResidentKey: protocol.ResidentKeyRequirementDiscouraged, RequireResidentKey: protocol.ResidentKeyNotRequired(),
		},
		// Who made the authenticator is not asked: it would tell devices apart
		// and decides nothing here.
		Attestation: protocol.PreferNoAttestation,
	}
	for _, sealed := range known {
		k, err := read(sealed)
		if err != nil {
			return nil, err
		}
		options.CredentialExcludeList = append(options.CredentialExcludeList, k.descriptor())
	}
	return json.Marshal(options)
}

// Enrol checks what create() returned for those options. ok is false when it
// proves nothing; an error means that what is stored cannot be read. The
// credential is to be kept sealed, and counter beside it.
func (c *Checker) Enrol(m latchkey.Member, challenge []byte, known []latchkey.Secret, answer []byte) (made latchkey.Secret, counter int64, ok bool, err error) {
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		c.refused("enrol", m.ID, err)
		return "", 0, false, nil
	}
	session := webauthn.SessionData{
		Challenge: text(challenge), RelyingPartyID: c.lib.Config.RPID, UserID: []byte(m.ID),
		UserVerification: protocol.VerificationRequired, CredParams: algorithms,
	}
	found, err := c.lib.CreateCredential(user{id: m.ID, email: m.Email}, session, parsed)
	if err != nil {
		c.refused("enrol", m.ID, err)
		return "", 0, false, nil
	}
	for _, sealed := range known {
		k, err := read(sealed)
		if err != nil {
			return "", 0, false, err
		}
		if bytes.Equal(k.ID, found.ID) {
			c.refused("enrol", m.ID, protocol.ErrBadRequest.WithDetails("The credential is enrolled already"))
			return "", 0, false, nil
		}
	}
	kept, err := json.Marshal(credential{ID: found.ID, PublicKey: found.PublicKey, Transports: found.Transport, BackupEligible: found.Flags.BackupEligible})
	if err != nil {
		return "", 0, false, fmt.Errorf("passkey: %w", err)
	}
	return latchkey.Secret(kept), int64(found.Authenticator.SignCount), true, nil
}
