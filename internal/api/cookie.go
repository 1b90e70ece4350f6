package api

import "net/http"

// cookieName is the session cookie's. Browsers take a __Host- cookie only when
// it is Secure, for Path=/ and without Domain, so that no sibling host can
// plant one.
func (s *server) cookieName() string {
	if s.Secure {
		return "__Host-latchkey"
	}
	return "latchkey"
}

// token returns the session token, "" when there is none. Two cookies of the
// name are none: one of them was planted.
func (s *server) token(r *http.Request) string {
	if found := r.CookiesNamed(s.cookieName()); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// cookie carries the token until the browser closes; the server ends the
// session earlier. An empty token deletes the cookie.
func (s *server) cookie(token string) []http.Cookie {
	c := http.Cookie{
		Name: s.cookieName(), Value: token, Path: "/",
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return []http.Cookie{c}
}
