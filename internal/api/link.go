package api

import (
	"context"

	"latchkey"
	"latchkey/internal/authority"
)

// forgotPasswordInput is bounded like a sign-in's.
type forgotPasswordInput struct {
	Body struct {
		Email string `json:"email" maxLength:"254" doc:"The address that signs in." example:"owner@example.com"`
	}
}

// forgotPassword has no answer but its status, so there is nothing in it that
// could differ.
func (s *server) forgotPassword(ctx context.Context, c caller, in *forgotPasswordInput) (*struct{}, error) {
	return nil, s.Authority.ForgotPassword(ctx, c.Visitor, in.Body.Email)
}

// resetPasswordInput carries the token in the body: the link has it behind its
// "#", which no server and no proxy sees.
type resetPasswordInput struct {
	Body struct {
		Token    latchkey.Secret `json:"token" maxLength:"128" doc:"What stands behind # in the link." example:"q3J5yV0nT7hXw2KdR9uLb4ZcM8sPfG1aE6iOjYtNrQk"`
		Password latchkey.Secret `json:"password" maxLength:"1024" format:"password" doc:"The new password, 12 to 256 characters." example:"another long sentence nobody guesses"`
	}
}

// resetPassword signs nobody in: that takes the new password and the second
// factor, like every sign-in.
func (s *server) resetPassword(ctx context.Context, c caller, in *resetPasswordInput) (*struct{}, error) {
	return nil, s.Authority.ResetPassword(ctx, c.Visitor, in.Body.Token.Reveal(), in.Body.Password.Reveal())
}

// setUpInput is what the first person says.
type setUpInput struct {
	Body struct {
		Token    latchkey.Secret `json:"token" maxLength:"128" doc:"What stands behind # in the link." example:"q3J5yV0nT7hXw2KdR9uLb4ZcM8sPfG1aE6iOjYtNrQk"`
		Account  string          `json:"account" doc:"Name of the account, 1 to 64 visible characters." example:"Example Trading Ltd"`
		Email    string          `json:"email" maxLength:"254" doc:"Address of its owner." example:"owner@example.com"`
		Password latchkey.Secret `json:"password" maxLength:"1024" format:"password" doc:"The owner's password, 12 to 256 characters." example:"a long sentence nobody guesses"`
	}
}

// SetUp is what the first start made.
type SetUp struct {
	Account Account `json:"account" doc:"The first account."`
	Member  Person  `json:"member" doc:"Its owner, who can sign in now."`
}

// setUp is open to anyone: who has the token can read a file of the server's
// own machine.
func (s *server) setUp(ctx context.Context, c caller, in *setUpInput) (*answer[SetUp], error) {
	b := in.Body
	account, owner, err := s.Authority.SetUp(ctx, c.Visitor, authority.FirstStart{
		Token: b.Token.Reveal(), Account: b.Account, Email: b.Email, Password: b.Password.Reveal(),
	})
	return &answer[SetUp]{SetUp{Account{account.ID, account.Name, Moment(account.CreatedAt)}, person(owner)}}, err
}
