package api

import (
	"net/http"
	"time"
)

// Names of the cookies: the two sessions', and that of a browser that is known.
// They never stand in for each other: each guard looks for its own.
func (s *server) cookieName() string      { return s.prefixed("latchkey") }
func (s *server) nodesCookieName() string { return s.prefixed("latchkey-nodes") }
func (s *server) knownCookieName() string { return s.prefixed("latchkey-known") }

// prefixed makes a name that only this host can set. Browsers take a __Host-
// cookie only when it is Secure, for Path=/ and without Domain, so that no
// sibling host can plant one.
func (s *server) prefixed(name string) string {
	if s.Secure {
		return "__Host-" + name
	}
	return name
}

// tokenIn returns what the cookie holds, "" when there is none. Two cookies of the
// name are none: one of them was planted.
func tokenIn(r *http.Request, name string) string {
	if found := r.CookiesNamed(name); len(found) == 1 {
		return found[0].Value
	}
	return ""
}

// cookie carries the token of a member's session; nodesCookie that of the
// operator's page.
func (s *server) cookie(token string) []http.Cookie { return s.closed(s.cookieName(), token) }
func (s *server) nodesCookie(token string) []http.Cookie {
	return s.closed(s.nodesCookieName(), token)
}

// knownCookie is kept when the browser closes: it says that somebody signed in
// here, and signs nobody in.
func (s *server) knownCookie(mark string) []http.Cookie {
	c := s.closed(s.knownCookieName(), mark)
	c[0].MaxAge = int(s.Limits.KnownBrowser / time.Second) // #nosec G124 -- closed has set the others
	return c
}

// closed is a cookie that no script and no other site reads. It lasts until the
// browser closes; the server ends the session earlier. An empty token deletes it.
func (s *server) closed(name, token string) []http.Cookie {
	c := http.Cookie{ // #nosec G124 -- Secure is off only where the console is not reached over TLS
		Name: name, Value: token, Path: "/",
		HttpOnly: true, Secure: s.Secure, SameSite: http.SameSiteStrictMode,
	}
	if token == "" {
		c.MaxAge = -1
	}
	return []http.Cookie{c}
}
