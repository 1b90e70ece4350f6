package api

import (
	"context"
	"net/http"

	"latchkey"
)

// signInInput has bounds that are above what the authority accepts: a password
// that is too long is told apart there, in the time of a wrong one.
type signInInput struct {
	Body struct {
		Email    string          `json:"email" maxLength:"254" doc:"The member's address." example:"owner@example.com"`
		Password latchkey.Secret `json:"password" maxLength:"1024" format:"password" doc:"The member's password." example:"a long sentence nobody guesses"`
	}
}

// SignIn is the answer to a right password.
type SignIn struct {
	Session Session `json:"session" doc:"The session that was opened."`
	Member  Person  `json:"member" doc:"Who signed in."`
	Pending *Step   `json:"pending,omitempty" doc:"The second step, with status 202: confirm it to make the session full."`
}

// signInOutput sets a cookie for a half session too. Its token is worth nothing
// but the second step, and the confirmation replaces it.
type signInOutput struct {
	Status    int
	SetCookie []http.Cookie `header:"Set-Cookie" doc:"The session token: HttpOnly, SameSite=Strict."`
	Body      SignIn
}

// signIn answers 200 or 202 with the same shape, so that a client that ignores
// the status still finds the pending.
func (s *server) signIn(ctx context.Context, c caller, in *signInInput) (*signInOutput, error) {
	made, err := s.Authority.SignIn(ctx, c.Visitor, in.Body.Email, in.Body.Password.Reveal())
	if err != nil {
		return nil, err
	}
	out := &signInOutput{Status: http.StatusOK, SetCookie: s.cookie(made.Token)}
	out.Body = SignIn{Session: s.session(made.Session, made.Session.ID), Member: person(made.Member)}
	if made.Step != nil {
		second := step(*made.Step)
		out.Status, out.Body.Pending = http.StatusAccepted, &second
	}
	return out, nil
}

// WhoAmI is what the console asks first.
type WhoAmI struct {
	Session Session  `json:"session" doc:"The session of this request."`
	Member  Person   `json:"member" doc:"Whose it is."`
	Account *Account `json:"account,omitempty" doc:"The member's account; absent until the session is full."`
}

// whoAmIOutput has no body with 204.
type whoAmIOutput struct {
	Status int
	Body   WhoAmI
}

// whoAmI is asked by everybody who opens the console, so nobody is no error.
// It asks for the account only when the session is full: the authority is
// not asked for anything on behalf of a half session but its second step.
func (s *server) whoAmI(ctx context.Context, c caller, _ *struct{}) (*whoAmIOutput, error) {
	if c.Session.ID == "" {
		return &whoAmIOutput{Status: http.StatusNoContent}, nil
	}
	out := &whoAmIOutput{http.StatusOK, WhoAmI{Session: s.session(c.Session, c.Session.ID), Member: person(c.Member)}}
	if !c.Session.Full {
		return out, nil
	}
	account, err := s.Authority.Account(ctx, c.Actor)
	if err != nil {
		return nil, err
	}
	out.Body.Account = &Account{account.ID, account.Name, Moment(account.CreatedAt)}
	return out, nil
}

// signOutOutput goes out only when the session has really ended; see row.
type signOutOutput struct {
	SetCookie []http.Cookie `header:"Set-Cookie" doc:"Deletes the session cookie."`
}

// signOut works for half sessions too: who cannot finish must be able to leave.
func (s *server) signOut(ctx context.Context, c caller, _ *struct{}) (*signOutOutput, error) {
	return &signOutOutput{s.cookie("")}, s.Authority.SignOut(ctx, c.Actor)
}

// sessions marks the one that asks, so that the console does not offer to end
// it by mistake.
func (s *server) sessions(ctx context.Context, c caller, _ *struct{}) (*answer[List[Session]], error) {
	all, err := s.Authority.Sessions(ctx, c.Actor)
	return listOf(all, func(of latchkey.Session) Session { return s.session(of, c.Session.ID) }), err
}

// Ref is the {id} of a path. (huma sees exported embedded types only.) A value of another form cannot be an id, and is
// answered as one that nothing has.
type Ref struct {
	ID string `path:"id" pattern:"^[0-9A-Za-z_-]{1,64}$" doc:"The id, as a list or an earlier answer gave it." example:"pen_3y7p1s5w9b2e6h0k4n8r2u6x0z"`
}

// endSession reaches the member's own sessions only; any other id is not found.
func (s *server) endSession(ctx context.Context, c caller, in *Ref) (*struct{}, error) {
	return nil, s.Authority.EndSession(ctx, c.Actor, in.ID)
}

// changePasswordInput asks for the present password although there is a
// session: an unlocked screen must not be enough.
type changePasswordInput struct {
	Body struct {
		Password    latchkey.Secret `json:"password" maxLength:"1024" format:"password" doc:"The present password." example:"a long sentence nobody guesses"`
		NewPassword latchkey.Secret `json:"newPassword" maxLength:"1024" format:"password" doc:"The new one, 12 to 256 characters." example:"another long sentence nobody guesses"`
	}
}

// changePassword keeps this session; the authority ends all the others.
func (s *server) changePassword(ctx context.Context, c caller, in *changePasswordInput) (*struct{}, error) {
	err := s.Authority.ChangePassword(ctx, c.Actor, in.Body.Password.Reveal(), in.Body.NewPassword.Reveal())
	return nil, renamed(err, "invalid_password", "newPassword")
}

// Account is the client of the platform.
type Account struct {
	ID        string `json:"id" doc:"The account's id." example:"acc_4z8q2t6x0c3f7i1l5o9s3v7y1a"`
	Name      string `json:"name" doc:"Its name." example:"Example Trading Ltd"`
	CreatedAt Moment `json:"createdAt" doc:"When it was made."`
}

// account is open to every member: a subuser may know whose account it is.
func (s *server) account(ctx context.Context, c caller, _ *struct{}) (*answer[Account], error) {
	a, err := s.Authority.Account(ctx, c.Actor)
	return &answer[Account]{Account{a.ID, a.Name, Moment(a.CreatedAt)}}, err
}

// members is the owner's: addresses are what a stranger would sign in with.
func (s *server) members(ctx context.Context, c caller, _ *struct{}) (*answer[List[Person]], error) {
	all, err := s.Authority.Members(ctx, c.Actor)
	return listOf(all, person), err
}
