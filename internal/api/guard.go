package api

import (
	"net/http"

	"latchkey"
	"latchkey/internal/authority"
)

// caller is who asks, as the guard found it. With guard Anyone, and with guard
// Visitor where there is no session, only Visitor is set.
type caller struct {
	Actor   latchkey.Actor
	Session latchkey.Session
	Member  latchkey.Member
	Visitor authority.Visitor
	// Operator is set by guard Operator, and then alone with Visitor.
	Operator latchkey.OperatorSession
}

// guarded lets through whom the guard allows, before anything of the request
// but its cookie and address was read.
func (s *server) guarded(guard Guard, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := visitOf(r.Context())
		if guard != Anyone {
			err := s.admit(r, guard, v)
			if guard == Visitor && isNobody(err) {
				err = nil
			}
			if err != nil {
				s.refuse(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// isNobody tells "no session" from a session that could not be looked for.
func isNobody(err error) bool {
	code := latchkey.Code(err)
	return code == "not_signed_in" || code == "session_ended"
}

// admit finds the session and judges it. Whatever it cannot decide is refused.
func (s *server) admit(r *http.Request, guard Guard, v *visit) (err error) {
	if guard == Operator {
		v.caller.Operator, err = s.Authority.NodesSession(r.Context(), tokenIn(r, s.nodesCookieName()))
		return err
	}
	actor, session, member, err := s.Authority.Authenticate(r.Context(), tokenIn(r, s.cookieName()), v.caller.Visitor.IP)
	if err != nil {
		return err
	}
	v.caller.Actor, v.caller.Session, v.caller.Member = actor, session, member
	switch {
	case guard == SignedIn || guard == Visitor:
		return nil
	// An unknown guard is a mistake in the table, and shuts the route.
	case guard != Member && guard != Owner:
		return latchkey.ErrForbidden
	case !session.Full:
		return latchkey.Errorf(latchkey.KindUnauthorized, "sign_in_unfinished", "finish the sign-in with your second factor first")
	case guard == Owner && !actor.Owner():
		return s.forbid(r, actor)
	}
	return nil
}

// forbid records that a member tried what only the owner may do. The refusal
// stands, whether it could be recorded or not.
func (s *server) forbid(r *http.Request, actor latchkey.Actor) error {
	if err := s.Authority.NoteRefused(r.Context(), actor, r.Pattern); err != nil {
		s.Log.ErrorContext(r.Context(), "a refusal could not be recorded",
			"route", r.Pattern, "member", actor.MemberID, "error", err)
	}
	return latchkey.ErrForbidden
}
