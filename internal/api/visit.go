package api

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"time"
	"unicode"

	"latchkey"
	"latchkey/internal/authority"
)

// visit is what is known about one request. The guard fills in the caller.
type visit struct {
	id     string // in the answer, in problems and in the log
	code   string // of the problem that it ended with
	caller caller
}

// answers gives a problem the number of the request, and the log its code.
func (v *visit) answers(p *Problem) *Problem {
	p.RequestID, v.code = v.id, p.Code
	return p
}

// visitKey is the one key that this package puts into a context. What lies
// under it goes no further than row, which makes an argument of it.
type visitKey struct{}

// visitOf finds the request's visit. A context without one yields a caller
// whom every rule refuses.
func visitOf(ctx context.Context) *visit {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v
	}
	return new(visit)
}

// visited is the outermost layer: it numbers the request, sets the headers
// that hold for every answer, catches panics and writes one line to the log.
func (s *server) visited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := s.Now()
		v := &visit{id: latchkey.NewID("req")}
		v.caller.Visitor = authority.Visitor{
			IP: clientIP(r, s.TrustedProxies), UserAgent: agent(r), Browser: latchkey.Secret(tokenIn(r, s.knownCookieName())),
		}
		r = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
		rec := &recorder{ResponseWriter: w, now: s.Now}
		s.setHeaders(rec.Header())
		rec.Header().Set("X-Request-Id", v.id)
		defer func() {
			cut := s.caught(rec, r, recover())
			s.logVisit(r, v, rec.status, s.Now().Sub(start))
			if cut {
				panic(http.ErrAbortHandler) // the only way to show that an answer is not whole
			}
		}()
		next.ServeHTTP(rec, r)
	})
}

// caught turns a panic into a 500, or reports that the answer had begun and
// must be cut. What was panicked with may hold values of the request, so only
// errors of the runtime are logged as text.
func (s *server) caught(rec *recorder, r *http.Request, what any) (cut bool) {
	if what == nil {
		return false
	}
	if err, ok := what.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		return true
	}
	text := fmt.Sprintf("%T", what)
	if err, ok := what.(runtime.Error); ok {
		text = err.Error()
	}
	s.Log.ErrorContext(r.Context(), "panic", "request", visitOf(r.Context()).id, "route", r.Pattern,
		"panic", text, "stack", string(debug.Stack()))
	if rec.status != 0 {
		return true
	}
	writeProblem(rec, visitOf(r.Context()).answers(internalProblem()))
	return false
}

// logVisit writes no path, query, header or body: ids and codes stand there.
func (s *server) logVisit(r *http.Request, v *visit, status int, took time.Duration) {
	if status == 0 {
		status = http.StatusOK // nothing was written, which net/http answers with 200
	}
	s.Log.LogAttrs(r.Context(), slog.LevelInfo, "request",
		slog.String("method", r.Method), slog.String("route", r.Pattern), slog.Int("status", status), slog.String("code", v.code),
		slog.Duration("took", took), slog.String("request", v.id), slog.String("member", v.caller.Member.ID), slog.String("ip", v.caller.Visitor.IP))
}

// agent returns the client's name of itself, at most 200 visible characters:
// it is shown to members and must not bring its own lines (CWE-117).
func agent(r *http.Request) string {
	clean := strings.Map(func(c rune) rune {
		if c == unicode.ReplacementChar || !unicode.IsPrint(c) {
			return -1
		}
		return c
	}, r.UserAgent())
	if runes := []rune(clean); len(runes) > 200 {
		return string(runes[:200])
	}
	return clean
}

// recorder notes the status of the answer and dates it.
type recorder struct {
	http.ResponseWriter
	now    func() time.Time
	status int
}

// begin notes the first status, as net/http sends only that. The Date is by
// the clock that judges every expiry: the console's countdowns follow it
// (web/src/lib/clock.ts), however wrong the browser's own is.
func (r *recorder) begin(status int) {
	if r.status == 0 {
		r.status = status
		r.Header().Set("Date", r.now().UTC().Format(http.TimeFormat))
	}
}

// WriteHeader begins the answer.
func (r *recorder) WriteHeader(status int) {
	r.begin(status)
	if status == http.StatusNoContent {
		r.Header().Del("Content-Type") // of nothing; huma sets it for every shape
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write without WriteHeader is a 200.
func (r *recorder) Write(b []byte) (int, error) {
	r.begin(http.StatusOK)
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach Flush and the deadlines.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
