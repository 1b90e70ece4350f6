package identity

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Handler serves a request of a known caller. It is called with a body that can
// be read from its start.
type Handler func(w http.ResponseWriter, r *http.Request, caller Caller)

// Guard lets requests of the gateway through and refuses the rest. The zero
// value refuses everything: it has no secret.
type Guard struct {
	Secret []byte           // shared with the gateway, at least MinSecret bytes
	Limit  int64            // longest body in bytes; not positive = only empty ones
	Window time.Duration    // see Window; not positive = nothing is fresh
	Now    func() time.Time // the clock; nil = time.Now
}

// Require is the usual guard: real clock, window of 30 s. Limit is the longest
// body in bytes; give what the gateway gives.
func Require(secret []byte, limit int64, next Handler) http.Handler {
	return Guard{Secret: secret, Limit: limit, Window: Window}.Require(next)
}

// Require wraps a handler. A refusal is JSON, {"error": TEXT, "code": CODE}:
// 403 "identity" when the headers do not prove that the gateway sent this
// request, 413 "too_large", 400 "bad_body" when the body could not be read.
func (g Guard) Require(next Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, max(g.Limit, 0)))
		if err != nil {
			refuseBody(w, err)
			return
		}
		caller, err := Verify(g.Secret, g.now(), g.Window, r.Header, r.Method, Target(r), body)
		if err != nil {
			refuse(w, http.StatusForbidden, "identity", err.Error())
			return
		}
		next(w, withBody(r, body), caller)
	})
}

func (g Guard) now() time.Time {
	if g.Now == nil {
		return time.Now()
	}
	return g.Now()
}

// Target returns the part of a request's address that is signed: the last
// element of its path and, after a "?", its query when there is one.
func Target(r *http.Request) string {
	// The decoded path is what handlers look at.
	target := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	if r.URL.RawQuery != "" || r.URL.ForceQuery {
		target += "?" + r.URL.RawQuery
	}
	return target
}

// withBody returns a copy of r whose body is what was checked, to the byte.
func withBody(r *http.Request, body []byte) *http.Request {
	checked := *r
	checked.Body = io.NopCloser(bytes.NewReader(body))
	checked.ContentLength = int64(len(body))
	checked.TransferEncoding = nil
	return &checked
}

func refuseBody(w http.ResponseWriter, err error) {
	if tooLong, ok := errors.AsType[*http.MaxBytesError](err); ok {
		refuse(w, http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("the body is longer than %d bytes", tooLong.Limit))
		return
	}
	refuse(w, http.StatusBadRequest, "bad_body", "the body could not be read to its end")
}

// refusal is the JSON of every answer that is not the handler's.
type refusal struct {
	Error string `json:"error"`
	Code  string `json:"code"`
}

func refuse(w http.ResponseWriter, status int, code, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	// The client may be gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(refusal{Error: text, Code: code})
}
