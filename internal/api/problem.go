package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"latchkey"
)

// Problem is every answer that is not a success (RFC 9457). It never repeats a
// value of the request, but for one: an address that is wrong among many is named
// in the detail, quoted and shortened (invalid_allowlist, invalid_email).
type Problem struct {
	Type       string `json:"type" format:"uri-reference" doc:"Where the code is explained." example:"/docs#code-wrong_code"`
	Title      string `json:"title" doc:"The status in words." example:"Unprocessable Entity"`
	Status     int    `json:"status" doc:"The HTTP status." example:"422"`
	Code       string `json:"code" doc:"What happened, for programs. Stable." example:"wrong_code"`
	Detail     string `json:"detail" doc:"What was wrong and what to do, for a person." example:"wrong code; tries left: 4"`
	Field      string `json:"field,omitempty" doc:"Which input is wrong." example:"code"`
	TriesLeft  *int   `json:"triesLeft,omitempty" doc:"With wrong_code, code_used and pending_dead: codes that may still be tried." example:"4"`
	RetryAfter int    `json:"retryAfter,omitempty" doc:"Seconds after which the same request can succeed; as in the header Retry-After." example:"60"`
	RequestID  string `json:"requestId" doc:"Name it when you ask the operator; as in the header X-Request-Id." example:"req_4q1m8tz6w0f3v7k2n9c5x8b1hd"`
}

// Error, GetStatus, GetHeaders and ContentType let huma answer with a Problem.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is RFC 9457's.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders returns what RFC 9110 wants beside a 401 (15.5.2) and a 429.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Session realm="latchkey"`)
	}
	if p.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.RetryAfter))
	}
	return h
}

// writeProblem answers outside huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that is gone gets no answer, and needs none
}

// refuse answers with what the error says, outside huma.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	writeProblem(w, s.problem(r.Context(), err))
}

// problem is the one map from errors to answers. What carries no kind is
// "internal error" outside and a full line in the log.
func (s *server) problem(ctx context.Context, err error) *Problem {
	v := visitOf(ctx)
	e, public := errors.AsType[*latchkey.Error](err)
	if !public || e.Kind == latchkey.KindInternal {
		if ctx.Err() == nil { // else the client went away, which is nobody's fault
			s.Log.ErrorContext(ctx, "internal error", "request", v.id, "member", v.caller.Member.ID, "error", err)
		}
		return v.answers(internalProblem())
	}
	p := newProblem(statusOf(e), e.Code, e.Message)
	p.Field, p.RetryAfter = e.Field, e.RetryAfter
	switch e.Code {
	case "wrong_code", "code_used", "pending_dead":
		p.TriesLeft = &e.Left
	}
	return v.answers(p)
}

// newProblem links every code to its line of the reading page.
func newProblem(status int, code, detail string) *Problem {
	return &Problem{Type: "/docs#code-" + code, Title: http.StatusText(status), Status: status, Code: code, Detail: detail}
}

// internalProblem says nothing but the number under which the log has it all.
func internalProblem() *Problem {
	return newProblem(http.StatusInternalServerError, "internal_error", "internal error")
}

// inputProblem turns what huma found in the input into a Problem. huma's own
// errors carry the submitted value; only the place and a checked text are
// taken from them.
func inputProblem(status int, errs []error) *Problem {
	var found huma.ErrorDetail
	if len(errs) > 0 {
		if d, ok := errors.AsType[*huma.ErrorDetail](errs[0]); ok {
			found = *d
		}
	}
	place, field, _ := strings.Cut(found.Location, ".")
	switch {
	case place == "path": // an id of impossible form is an id that nothing has
		return newProblem(http.StatusNotFound, latchkey.ErrNotFound.Code, latchkey.ErrNotFound.Message)
	case status == http.StatusUnprocessableEntity:
		if name, ok := requiredName(found.Message); ok {
			field = name
		}
		p := newProblem(status, "invalid_input", safeText(found.Message))
		p.Field = safeField(field)
		return p
	case status == http.StatusBadRequest:
		return newProblem(status, "malformed_json", "the body is not the JSON that this route takes")
	case status == 0 || status >= http.StatusInternalServerError:
		return internalProblem()
	}
	return newProblem(status, "malformed_body", "the request could not be read")
}

// requiredName finds the member that a body lacks; the name is the schema's.
func requiredName(message string) (string, bool) {
	rest, ok := strings.CutPrefix(message, "expected required property ")
	return strings.TrimSuffix(rest, " to be present"), ok
}

// safeTexts begin huma's sentences that hold nothing of the request.
var safeTexts = []string{"expected ", "required ", "unexpected property", "unknown query parameter", "invalid integer", "invalid date/time"}

// safeText lets through only sentences that are made of the schema.
func safeText(message string) string {
	for _, begin := range safeTexts {
		if strings.HasPrefix(message, begin) {
			return message
		}
	}
	return "this input is not valid"
}

var fieldName = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,64}$`)

// safeField keeps names that can be a field's. An unknown member's name is the
// client's own text, so nothing else of it is repeated.
func safeField(name string) string {
	if fieldName.MatchString(name) {
		return name
	}
	return ""
}
