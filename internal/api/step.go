package api

import (
	"latchkey"
	"latchkey/internal/authority"
)

// Step is a pending as its member may see it: what it is for, what proves it,
// and how long.
type Step struct {
	ID            string     `json:"id" doc:"The pending's id, for /v1/pending/{id}." example:"pen_3y7p1s5w9b2e6h0k4n8r2u6x0z"`
	Operation     string     `json:"operation" enum:"create,edit,activate,delete,sign_in,enrol_factor,validate_factor,remove_factor,recovery_renewal" doc:"What happens when it is confirmed." example:"edit"`
	State         string     `json:"state" enum:"open,confirmed,cancelled,dead,void" doc:"Only an open one can be confirmed." example:"open"`
	Proof         string     `json:"proof" enum:"second_factor,email_code,new_factor" doc:"What it needs: a second factor, a code by e-mail, or a code of the factor that is being enrolled." example:"second_factor"`
	KeyID         string     `json:"keyId,omitempty" doc:"About which key, if any." example:"lk_7m2q9t4x0z5c1f6h3j8n"`
	KeyName       string     `json:"keyName,omitempty" doc:"The name of the key." example:"bot-1"`
	Summary       string     `json:"summary" doc:"What the code is for, as the message says it." example:"edit key bot-1: + Trade, 2 IPs"`
	Changes       []Change   `json:"changes" doc:"What an edit changes."`
	Factors       []Choice   `json:"factors" doc:"The second factors to choose from; empty with another proof."`
	FactorID      string     `json:"factorId,omitempty" doc:"The chosen one." example:"fac_2x6n0r4v8z1d5g9j3m7q1t5w9y"`
	FactorKind    string     `json:"factorKind,omitempty" enum:"totp,sms,email,passkey" doc:"How the code comes, or that a passkey proves; absent until a factor is chosen." example:"sms"`
	CreatedAt     Moment     `json:"createdAt" doc:"When it was opened."`
	ExpiresAt     Moment     `json:"expiresAt" doc:"When the pending ends."`
	CodeExpiresAt *Moment    `json:"codeExpiresAt,omitempty" doc:"When the newest code is refused; absent: none was sent."`
	ResendAt      *Moment    `json:"resendAt,omitempty" doc:"From when on another code can be asked for; absent: none will be sent."`
	TriesLeft     int        `json:"triesLeft" doc:"Codes that may still be tried." example:"5"`
	SendsLeft     int        `json:"sendsLeft" doc:"Codes that may still be sent." example:"2"`
	Enrolment     *Enrolment `json:"enrolment,omitempty" doc:"For a new authenticator app, only in the answer that begins with it."`
	Passkey       *Prompt    `json:"passkey,omitempty" doc:"While a passkey is to prove: what the browser needs for it."`
}

// Choice is a factor that can prove a pending.
type Choice struct {
	ID    string `json:"id" doc:"For POST /v1/pending/{id}/factor." example:"fac_2x6n0r4v8z1d5g9j3m7q1t5w9y"`
	Kind  string `json:"kind" enum:"totp,sms,passkey" doc:"An authenticator app, text messages, or a passkey." example:"sms"`
	Label string `json:"label" doc:"How the member tells it." example:"+353 ... 678"`
}

// Enrolment is what an authenticator app needs.
type Enrolment struct {
	Secret string `json:"secret" doc:"The seed in base 32, to be typed." example:"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"`
	URI    string `json:"uri" doc:"The same as an otpauth URI, to be shown as a QR code." example:"otpauth://totp/Latchkey:owner@example.com?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Latchkey"`
}

// step shows no code and no attempt: only what is left of them.
func step(s authority.Step) Step {
	p := s.Pending
	out := Step{
		ID: p.ID, Operation: string(p.Operation), State: string(p.State), Proof: string(p.Proof),
		KeyID: p.KeyID, KeyName: p.Draft.KeyName, Summary: p.Draft.Summary,
		Changes: shaped(p.Draft.Changes, change), Factors: shaped(s.Factors, choice),
		FactorID: p.FactorID, FactorKind: string(p.FactorKind),
		CreatedAt: Moment(p.CreatedAt), ExpiresAt: Moment(p.ExpiresAt), CodeExpiresAt: moment(s.CodeExpiresAt), ResendAt: moment(s.ResendAt),
		TriesLeft: s.TriesLeft, SendsLeft: s.SendsLeft,
	}
	if s.Passkey != nil {
		out.Passkey = &Prompt{Object(s.Passkey.Create), Object(s.Passkey.Get)}
	}
	if s.Enrolment != nil { // the one place where a seed leaves
		out.Enrolment = &Enrolment{s.Enrolment.Secret.Reveal(), s.Enrolment.URI.Reveal()}
	}
	return out
}

// choice is a factor without its history, which a half session has no need of.
func choice(f latchkey.Factor) Choice { return Choice{f.ID, string(f.Kind), f.Label} }

// begun is the answer to what opened a pending: 202.
type begun struct {
	Replayed string `header:"Idempotency-Replayed" doc:"\"true\" when the Idempotency-Key was seen before: nothing new was begun." example:"true"`
	Body     Step
}

// begin shapes what an operation of the authority returned.
func begin(s authority.Step, err error) (*begun, error) {
	if err != nil {
		return nil, err
	}
	out := &begun{Body: step(s)}
	if s.Repeated {
		out.Replayed = "true"
	}
	return out, nil
}
