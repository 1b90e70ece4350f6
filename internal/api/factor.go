package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/danielgtaylor/huma/v2"

	"latchkey"
	"latchkey/internal/authority"
)

// Factors is what guards the member's sign-in and keys.
type Factors struct {
	Items        []Factor `json:"items" doc:"The enrolled second factors."`
	RecoveryLeft int      `json:"recoveryLeft" doc:"Recovery codes that were not used yet." example:"10"`
	Offered      []string `json:"offered" enum:"totp,sms,passkey" doc:"Kinds that can be enrolled here, the strongest first." example:"[\"passkey\",\"totp\",\"sms\"]"`
}

// factors lists the member's own. Nobody, the owner included, sees another's.
func (s *server) factors(ctx context.Context, c caller, _ *struct{}) (*answer[Factors], error) {
	all, left, err := s.Authority.Factors(ctx, c.Actor)
	offered := shaped(s.Authority.Offered(), func(k latchkey.FactorKind) string { return string(k) })
	return &answer[Factors]{Factors{shaped(all, factor), left, offered}}, err
}

// Once is the header that makes a repeated request find what the first began.
type Once struct {
	IdempotencyKey string `header:"Idempotency-Key" minLength:"1" maxLength:"128" pattern:"^[!-~]+$" doc:"A random text of yours. The same request under the same text begins nothing new." example:"5f2c1d0e-7a53-4f7e-9d0c-3b1f6a2e8d94"`
}

// Resolve refuses what huma takes for no header, or drops: a client that sends
// an empty text, or two, believes that its request cannot happen twice.
func (Once) Resolve(ctx huma.Context) []error {
	var given []string
	ctx.EachHeader(func(name, value string) {
		if name == "Idempotency-Key" {
			given = append(given, value)
		}
	})
	if len(given) > 1 || len(given) == 1 && given[0] == "" {
		return []error{&huma.ErrorDetail{Location: "header.Idempotency-Key", Message: "expected one text that is not empty, or no header"}}
	}
	return nil
}

// of names the request for the authority. Neither the header nor the content
// is handed on: the digest is keyed with the header, because a plain hash of a
// phone number in the database would tell the number.
func (o Once) of(content ...string) authority.Idempotency {
	if o.IdempotencyKey == "" {
		return authority.Idempotency{}
	}
	name := sha256.Sum256([]byte(o.IdempotencyKey))
	mac := hmac.New(sha256.New, []byte(o.IdempotencyKey))
	for _, part := range content {
		fmt.Fprintf(mac, "%d:%s", len(part), part) // with lengths: "ab","c" is not "a","bc"
	}
	return authority.Idempotency{Key: hex.EncodeToString(name[:]), Digest: hex.EncodeToString(mac.Sum(nil))}
}

// enrolFactorInput asks for the password again. The phone is checked by the
// authority, which knows what a number is; the bound here is against abuse.
type enrolFactorInput struct {
	Once
	Body struct {
		Kind     string          `json:"kind" enum:"totp,sms,passkey" doc:"An authenticator app, text messages, or a passkey." example:"sms"`
		Password latchkey.Secret `json:"password" maxLength:"1024" format:"password" doc:"The member's password, again." example:"a long sentence nobody guesses"`
		Phone    string          `json:"phone,omitempty" maxLength:"64" doc:"With kind sms: the number with its country code." example:"+35312345678"`
		Label    string          `json:"label,omitempty" maxLength:"256" doc:"With kind passkey: what the member calls it, 1 to 64 visible characters; absent: Passkey."`
	}
}

// enrolFactor begins with whichever kind was named. What has to prove what, and
// in which order, is the authority's.
func (s *server) enrolFactor(ctx context.Context, c caller, in *enrolFactorInput) (*begun, error) {
	// The password is no part of the digest: it has been checked already, and
	// must not stand in the database in any form that can be guessed fast.
	idem := in.of("POST /v1/factors", in.Body.Kind, in.Body.Phone, in.Body.Label)
	kind, password := latchkey.FactorKind(in.Body.Kind), in.Body.Password.Reveal()
	switch {
	case kind != latchkey.FactorSMS && in.Body.Phone != "":
		return nil, latchkey.Invalid("phone", "invalid_input", "only text messages have a phone number; leave it out")
	case kind != latchkey.FactorPasskey && in.Body.Label != "":
		return nil, latchkey.Invalid("label", "invalid_input", "only a passkey is given a name; leave it out")
	case kind == latchkey.FactorSMS:
		return begin(s.Authority.EnrolPhone(ctx, c.Actor, password, in.Body.Phone, idem))
	case kind == latchkey.FactorPasskey:
		return begin(s.Authority.EnrolPasskey(ctx, c.Actor, password, in.Body.Label, idem))
	}
	return begin(s.Authority.EnrolTOTP(ctx, c.Actor, password, idem))
}

// removeFactorInput is the body of a POST, because proxies drop the body of a
// DELETE and a password must not stand in a URL.
type removeFactorInput struct {
	Ref
	Body struct {
		Password latchkey.Secret `json:"password" maxLength:"1024" format:"password" doc:"The member's password, again." example:"a long sentence nobody guesses"`
	}
}

// removeFactor begins; the last factor stays (the authority says last_factor).
func (s *server) removeFactor(ctx context.Context, c caller, in *removeFactorInput) (*begun, error) {
	return begin(s.Authority.RemoveFactor(ctx, c.Actor, in.ID, in.Body.Password.Reveal()))
}

// renewRecoveryInput asks for the password again, like all that changes what
// guards the member.
type renewRecoveryInput struct {
	Once
	Body struct {
		Password latchkey.Secret `json:"password" maxLength:"1024" format:"password" doc:"The member's password, again." example:"a long sentence nobody guesses"`
	}
}

// renewRecovery takes an Idempotency-Key: a repeated click must not begin two
// renewals of which one would kill the codes of the other.
func (s *server) renewRecovery(ctx context.Context, c caller, in *renewRecoveryInput) (*begun, error) {
	return begin(s.Authority.RenewRecovery(ctx, c.Actor, in.Body.Password.Reveal(), in.of("POST /v1/recovery-codes")))
}

// renamed gives an error of that code the name that the field has in this
// route's body.
func renamed(err error, code, field string) error {
	e, ok := errors.AsType[*latchkey.Error](err)
	if !ok || e.Code != code {
		return err
	}
	named := *e
	named.Field = field
	return &named
}
