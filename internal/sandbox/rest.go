package sandbox

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"

	"latchkey"
	"latchkey/identity"
)

// longestBody is the most that a request may hold; the gateway allows no more.
const longestBody = 1 << 20

// Handler serves POST /api/rest/{action} for callers with a key, and POST or
// GET /api/rest-public/{action} for callers without one. Either needs the
// gateway's signed identity. Success is 200 {"ok":"ok","data":...}; a refusal
// is {"error":TEXT} with 400, 403, 405, 413, 422 or 500. GET /api/ws and
// /api/ws-public open WebSocket sessions, which Run ends.
func (x *Exchange) Handler() http.Handler {
	mux := http.NewServeMux()
	guard := identity.Guard{Secret: x.secret, Limit: longestBody, Window: identity.Window, Now: x.now}
	mux.Handle("POST /api/rest/{action}", guard.Require(x.private))
	mux.Handle("POST /api/rest-public/{action}", guard.Require(x.public))
	mux.Handle("GET /api/rest-public/{action}", guard.Require(x.public))
	mux.HandleFunc("GET /api/ws", x.privateSession)
	mux.HandleFunc("GET /api/ws-public", x.publicSession)
	return mux
}

// private serves a call that was made with a key.
func (x *Exchange) private(w http.ResponseWriter, r *http.Request, caller identity.Caller) {
	a, ok := x.catalog.Lookup(r.PathValue("action"))
	if !ok || !a.REST || caller.Public() {
		x.answer(w, caller, nil, badRequest)
		return
	}
	x.serve(w, r, caller, a)
}

// public serves a call without a key. An identity with an account was made for
// the other door and opens nothing here.
func (x *Exchange) public(w http.ResponseWriter, r *http.Request, caller identity.Caller) {
	a, ok := x.catalog.Lookup(r.PathValue("action"))
	if !ok || !a.PublicREST || !caller.Public() {
		x.answer(w, caller, nil, badRequest)
		return
	}
	x.serve(w, r, caller, a)
}

func (x *Exchange) serve(w http.ResponseWriter, r *http.Request, caller identity.Caller, a *latchkey.Action) {
	in, err := read(r)
	if err != nil {
		x.answer(w, caller, nil, err)
		return
	}
	data, err := x.do(a, caller, in)
	x.answer(w, caller, data, err)
}

// read takes the members from the body, or from the URL of a GET. A query
// beside a body is refused rather than ignored: no client signs it.
func read(r *http.Request) (*fields, error) {
	if r.Method == http.MethodGet {
		return parseQuery(r.URL.Query()), nil
	}
	if r.URL.RawQuery != "" {
		return nil, badRequest
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, badRequest
	}
	return parse(body)
}

// success and refusal are the two answers of the wire; no member tells them
// apart but ok, which clients look for.
type success struct {
	OK   string `json:"ok"`
	Data any    `json:"data"`
}

type refusal struct {
	Error string `json:"error"`
}

// answer writes what came of a call.
func (x *Exchange) answer(w http.ResponseWriter, caller identity.Caller, data any, err error) {
	if err == nil {
		x.write(w, http.StatusOK, success{"ok", data})
		return
	}
	f := x.fault(caller, err)
	x.write(w, f.status, refusal{f.text})
}

// fault is what the caller reads of an error. One that is not a fault is the
// program's own: the caller reads "Unexpected error", the log has the rest.
func (x *Exchange) fault(caller identity.Caller, err error) *fault {
	f, ok := errors.AsType[*fault](err)
	if !ok {
		x.log.Error("sandbox: call failed", "request", caller.RequestID, "error", err)
		return failed("Unexpected error")
	}
	return f
}

func (x *Exchange) write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	// Balances must not stay in anybody's cache.
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		x.log.Warn("sandbox: answer not delivered", "error", err)
	}
}
