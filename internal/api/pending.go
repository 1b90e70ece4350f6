package api

import (
	"context"
	"net/http"

	"latchkey"
	"latchkey/internal/authority"
)

// pending lets the console find its way again after a reload: the dialog shows
// the same countdowns and tries as before.
func (s *server) pending(ctx context.Context, c caller, in *Ref) (*answer[Step], error) {
	return look(s.Authority.Pending(ctx, c.Actor, in.ID))
}

// look shapes a pending that was there before.
func look(s authority.Step, err error) (*answer[Step], error) {
	return &answer[Step]{step(s)}, err
}

// chooseFactorInput names a factor of the pending's own list.
type chooseFactorInput struct {
	Ref
	Body struct {
		FactorID string `json:"factorId" maxLength:"64" doc:"One of the pending's factors." example:"fac_2x6n0r4v8z1d5g9j3m7q1t5w9y"`
	}
}

// chooseFactor may send a code, and so answers like resendCode with the new
// times.
func (s *server) chooseFactor(ctx context.Context, c caller, in *chooseFactorInput) (*answer[Step], error) {
	return look(s.Authority.Choose(ctx, c.Actor, in.ID, in.Body.FactorID))
}

// resendCode answers 429 with the seconds to wait when it is too early.
func (s *server) resendCode(ctx context.Context, c caller, in *Ref) (*answer[Step], error) {
	return look(s.Authority.Resend(ctx, c.Actor, in.ID))
}

// confirmInput carries the proof and nothing else: what happens is what was
// frozen when the pending was opened, never something of this body.
type confirmInput struct {
	Ref
	Body struct {
		Code         latchkey.Secret `json:"code,omitempty" maxLength:"32" doc:"The code of the chosen factor or from the e-mail; spaces do not count." example:"123456"`
		RecoveryCode latchkey.Secret `json:"recoveryCode,omitempty" maxLength:"64" doc:"Instead of a code, where a lost factor is replaced." example:"3k9m-x0qp-7wzr-h2dt-5c8j-e6nv"`
		Passkey      Object          `json:"passkey,omitempty" doc:"Instead of a code, where a passkey was chosen: the credential that the browser returned, by its toJSON()."`
	}
}

// Outcome is what a confirmation made. Only what the operation made is there.
type Outcome struct {
	Operation     string   `json:"operation" enum:"create,edit,activate,delete,sign_in,enrol_factor,validate_factor,remove_factor,recovery_renewal" doc:"What was confirmed." example:"create"`
	Key           *Key     `json:"key,omitempty" doc:"The key as it is now."`
	Secret        string   `json:"secret,omitempty" doc:"The secret of a key that was just created. It is shown this once and never again." example:"lks_q3J5yV0nT7hXw2KdR9uLb4ZcM8sPfG1aE6iOjYtNrQk7m2q"`
	Receipt       *Receipt `json:"receipt,omitempty" doc:"Where a change of a key is in force."`
	Factor        *Factor  `json:"factor,omitempty" doc:"The factor that was enrolled."`
	RecoveryCodes []string `json:"recoveryCodes,omitempty" doc:"New recovery codes, shown this once; older ones are dead." example:"[\"3k9m-x0qp-7wzr-h2dt-5c8j-e6nv\"]"`
	Session       *Session `json:"session,omitempty" doc:"The session that is full now; its cookie is a new one."`
	Next          *Step    `json:"next,omitempty" doc:"What has to be confirmed next: a new factor proves that it works."`
}

// confirmOutput is 201 for a new key and 200 for the rest, with one shape.
type confirmOutput struct {
	Status    int
	SetCookie []http.Cookie `header:"Set-Cookie" doc:"After a sign-in: the session's new token, and a mark that this browser is known."`
	Body      Outcome
}

// confirm hands the answer on as it was typed. It is a Secret up to here, so
// that no log line and no error text on the way can show it.
func (s *server) confirm(ctx context.Context, c caller, in *confirmInput) (*confirmOutput, error) {
	given := authority.Answer{Code: in.Body.Code.Reveal(), Recovery: in.Body.RecoveryCode.Reveal(), Passkey: in.Body.Passkey}
	made, err := s.Authority.Confirm(ctx, c.Actor, in.ID, given)
	if err != nil {
		return nil, err
	}
	out := &confirmOutput{Status: http.StatusOK, Body: s.outcome(made)}
	if made.Operation == latchkey.OpCreate {
		out.Status = http.StatusCreated
	}
	if made.Token != "" {
		out.SetCookie = s.cookie(made.Token)
	}
	if made.Browser != "" {
		out.SetCookie = append(out.SetCookie, s.knownCookie(made.Browser.Reveal())...)
	}
	return out, nil
}

// outcome shapes what was made. Here, and only here, a key's secret leaves.
func (s *server) outcome(made authority.Outcome) Outcome {
	out := Outcome{Operation: string(made.Operation), Secret: made.Secret.Reveal(), RecoveryCodes: made.RecoveryCodes}
	if made.Key != nil {
		k := key(*made.Key)
		out.Key, out.Receipt = &k, receipt(made.Receipt)
	}
	if made.Factor != nil {
		f := factor(*made.Factor)
		out.Factor = &f
	}
	if made.Session != nil {
		session := s.session(*made.Session, made.Session.ID)
		out.Session = &session
	}
	if made.Next != nil {
		next := step(*made.Next)
		out.Next = &next
	}
	return out
}

// cancel is a POST of its own instead of a DELETE: the pending stays, closed, in
// the history.
func (s *server) cancel(ctx context.Context, c caller, in *Ref) (*struct{}, error) {
	return nil, s.Authority.Cancel(ctx, c.Actor, in.ID)
}
