package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// kept is the cookie that a sign-in leaves for the next one.
func kept(r reply) *http.Cookie {
	for _, c := range (&http.Response{Header: r.header}).Cookies() {
		if c.Name == "latchkey-known" {
			return c
		}
	}
	return nil
}

// Somebody in the same office, or behind the same proxy, tries passwords until
// the owner cannot sign in. From the browser that the owner uses every day it
// goes on working; without its cookie, or with two of that name, it does not.
func TestTheCookieOfAKnownBrowserKeepsTheDoorOpen(t *testing.T) {
	w, _ := alone(t)
	b := &browser{w: w, email: "owner@one.example", seed: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
	first := b.half()
	if kept(first) != nil {
		t.Error("a password alone makes a browser known")
	}
	known := kept(b.confirm(200, first.at("pending", "id")))
	switch {
	case known == nil:
		t.Fatal("the sign-in left no cookie")
	case !known.HttpOnly || known.SameSite != http.SameSiteStrictMode || known.Path != "/" || known.Domain != "":
		t.Errorf("the cookie is %s", known)
	case known.MaxAge != int((180 * 24 * time.Hour).Seconds()):
		t.Errorf("the cookie lives %d s", known.MaxAge)
	case strings.Contains(known.Value, "owner") || strings.Contains(known.Value, b.cookie):
		t.Errorf("the cookie tells %s", known.Value)
	}
	out := b.want(204, "DELETE /v1/session", "")
	if kept(out) != nil {
		t.Error("signing out makes the browser a stranger")
	}
	b.cookie = ""
	thief := &browser{w: w}
	for range 100 {
		thief.call("POST /v1/session", `{"email":"owner@one.example","password":"not the one that it is"}`)
	}
	thief.want(429, "POST /v1/session", `{"email":"owner@one.example","password":"`+password+`"}`)
	thief.want(401, "GET /v1/keys", "", "Cookie", known.Name+"="+known.Value) // it is no session
	again := func(status int, cookie string) reply {
		return (&browser{w: w}).want(status, "POST /v1/session", `{"email":"owner@one.example","password":"`+password+`"}`, "Cookie", cookie)
	}
	again(429, known.Name+"=brw_x.1.abc")
	again(429, known.Name+"="+known.Value+"; "+known.Name+"=planted")
	again(202, known.Name+"="+known.Value)
}
