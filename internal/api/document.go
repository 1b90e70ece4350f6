package api

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// intro opens the document and the reading page.
const intro = `The management API of Latchkey: sessions, second factors, API keys and their history.

A change of a key is two requests. The first says what is wanted and gets 202 with a pending, frozen as it was shown. The second confirms the pending with its proof: a second factor, or a code by e-mail. Only then does the change happen, exactly as frozen.

A session is a cookie that POST /v1/session sets. There are no tokens for scripts: what a bot does, it does with a key at the gateway.

Bodies are one JSON object, at most 64 KiB; unknown and repeated members are refused. Times are RFC 3339, UTC, with milliseconds. Everything that is not a success is application/problem+json (RFC 9457) with a stable code.`

// document is the OpenAPI document, made once, in each form in which it is served.
type document struct {
	yaml, json, page []byte
	pagePolicy       string
}

// Document is the OpenAPI document as a server serves it at /openapi.json, for
// tools that make clients of it.
func Document() []byte {
	tameHuma()
	s := &server{mux: http.NewServeMux()}
	s.register()
	return s.document.json
}

// humaConfig is huma without what is not wanted: no $schema members, no
// reading page from a CDN.
func humaConfig(cookie, nodesCookie string) huma.Config {
	c := huma.DefaultConfig("Latchkey management API", "1")
	c.CreateHooks, c.OpenAPIPath, c.DocsPath, c.SchemasPath = nil, "", "", ""
	c.RejectUnknownQueryParameters = true
	c.Formats = map[string]huma.Format{"application/json": jsonFormat, "json": jsonFormat}
	c.Info.Description = intro
	c.Tags = tags
	c.Servers = []*huma.Server{{URL: "/", Description: "This node."}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"session": {Type: "apiKey", In: "cookie", Name: cookie, Description: "The session cookie that POST /v1/session sets."},
		"nodes":   {Type: "apiKey", In: "cookie", Name: nodesCookie, Description: "The cookie of the operator's page, which POST /v1/nodes/session sets."},
	}
	return c
}

// jsonFormat writes < > & escaped, so that an answer is no HTML wherever it
// ends up. Bodies were checked before huma reads them.
var jsonFormat = huma.Format{
	Marshal:   func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
	Unmarshal: json.Unmarshal,
}

// operation is what the document says of a route. It panics for a route that
// nobody described.
func (s *server) operation(r Route, hasBody bool) huma.Operation {
	n, ok := notes[r.pattern()]
	if !ok {
		panic("api: " + r.pattern() + " has no note")
	}
	known := codesOf(r, n, hasBody)
	op := huma.Operation{
		Method: r.Method, Path: r.Path, OperationID: n.ID, Tags: []string{n.Tag}, Summary: n.Summary, Description: n.Text,
		DefaultStatus: n.Status, Errors: statuses(known), MaxBodyBytes: maxBody + 1,
		// strict has read the body; a deadline on the connection would end the
		// request while a receipt is awaited.
		BodyReadTimeout: -1,
		Security:        []map[string][]string{},
		Extensions:      map[string]any{"x-guard": string(r.Guard), "x-codes": known},
	}
	switch r.Guard {
	case Anyone:
	case Visitor:
		op.Security = []map[string][]string{{}, {"session": {}}} // with it or without
	case Operator:
		op.Security = []map[string][]string{{"nodes": {}}}
	default:
		op.Security = []map[string][]string{{"session": {}}}
	}
	return op
}

// codesOf lists the codes of a route: what its form implies, and its own.
func codesOf(r Route, n note, hasBody bool) []string {
	out := []string{"malformed_query", "malformed_body", "body_not_expected", "body_too_large", "invalid_input", "repeated_parameter", "internal_error", "store_unavailable"}
	if hasBody {
		out = append(out, "malformed_json", "unsupported_media_type")
	}
	if r.Method != http.MethodGet {
		out = append(out, "cross_origin")
	}
	switch r.Guard {
	case Anyone, Visitor:
	case Operator:
		out = append(out, "operator_link_needed")
	default:
		out = append(out, "not_signed_in", "session_ended")
	}
	if r.Guard == Member || r.Guard == Owner {
		out = append(out, "sign_in_unfinished")
	}
	if r.Guard == Owner {
		out = append(out, "forbidden")
	}
	if strings.Contains(r.Path, "{id}") {
		out = append(out, "not_found")
	}
	out = append(out, n.Codes...)
	slices.Sort(out)
	return slices.Compact(out)
}

// statuses are the distinct statuses of codes.
func statuses(known []string) []int {
	var out []int
	for _, name := range known {
		i := slices.IndexFunc(codes, func(c code) bool { return c.Name == name })
		if i < 0 {
			panic("api: code " + name + " is not explained")
		}
		out = append(out, codes[i].Status)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// newDocument completes what huma derived from the types and freezes it.
func newDocument(api *huma.OpenAPI, rows []route) document {
	for _, r := range rows {
		if n, ok := notes[r.pattern()]; ok {
			complete(api, operationAt(api, r.Route), n)
		}
	}
	var d document
	var err error
	if d.json, err = json.MarshalIndent(api, "", "  "); err != nil {
		panic(fmt.Sprintf("api: the document: %v", err))
	}
	if d.yaml, err = api.YAML(); err != nil {
		panic(fmt.Sprintf("api: the document: %v", err))
	}
	d.page, d.pagePolicy = renderDocs(api, rows)
	return d
}

// operationAt finds what huma made of a route; nil for pages.
func operationAt(api *huma.OpenAPI, r Route) *huma.Operation {
	item := api.Paths[r.Path]
	if item == nil {
		return nil
	}
	return map[string]*huma.Operation{
		http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put,
		http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
	}[r.Method]
}

// complete adds the empty body of a POST that needs none, the second success, the CSV form, the headers that every
// answer has, and an example of every body.
func complete(api *huma.OpenAPI, op *huma.Operation, n note) {
	if n.Also != 0 {
		also := *op.Responses[strconv.Itoa(n.Status)]
		also.Description = http.StatusText(n.Also)
		if n.Also == http.StatusNoContent {
			also.Content = nil
		}
		op.Responses[strconv.Itoa(n.Also)] = &also
	}
	if op.RequestBody == nil && op.Method == http.MethodPost {
		op.RequestBody = &huma.RequestBody{
			Description: "None is needed; an empty object is taken.",
			Content: map[string]*huma.MediaType{"application/json": {
				Schema: &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false}, Example: map[string]any{},
			}},
		}
	}
	if n.ID == "exportActivities" {
		op.Responses["200"].Content = map[string]*huma.MediaType{"text/csv": {
			Schema:  &huma.Schema{Type: huma.TypeString},
			Example: strings.Join(exportHeader, ",") + "\r\n",
		}}
	}
	for status, r := range op.Responses {
		r.Headers = maps.Clone(r.Headers)
		if r.Headers == nil {
			r.Headers = map[string]*huma.Param{}
		}
		r.Headers["X-Request-Id"] = textHeader("The number of the request, for questions to the operator.")
		if status == "429" {
			r.Headers["Retry-After"] = textHeader("Seconds after which the same request can succeed, where that is known.")
		}
		exemplify(api, r.Content)
	}
	if op.RequestBody != nil {
		exemplify(api, op.RequestBody.Content)
	}
}

// textHeader documents a header of plain text.
func textHeader(doc string) *huma.Param {
	return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}}
}

// exemplify gives each body an example: people copy them, and tools build
// mocks of them.
func exemplify(api *huma.OpenAPI, content map[string]*huma.MediaType) {
	for _, media := range content {
		if media.Example == nil && media.Schema != nil {
			media.Example = sample(api, media.Schema, 0)
		}
	}
}

// sample builds an example of a schema from the examples of its fields.
func sample(api *huma.OpenAPI, s *huma.Schema, depth int) any {
	if s.Ref != "" {
		s = api.Components.Schemas.SchemaFromRef(s.Ref)
	}
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Type == huma.TypeArray && depth < 6:
		return []any{sample(api, s.Items, depth+1)}
	case s.Type == huma.TypeArray:
		return []any{}
	case s.Type != huma.TypeObject && len(s.Enum) > 0:
		return s.Enum[0]
	case s.Type != huma.TypeObject:
		return nil
	}
	out := map[string]any{}
	for name, field := range s.Properties {
		if value := sample(api, field, depth+1); value != nil {
			out[name] = value
		}
	}
	return out
}

// The document says nothing that the source does not; it is open to anyone.
func (s *server) openAPIYAML(w http.ResponseWriter, _ *http.Request) {
	serve(w, "application/openapi+yaml", s.document.yaml)
}

func (s *server) openAPIJSON(w http.ResponseWriter, _ *http.Request) {
	serve(w, "application/openapi+json", s.document.json)
}

// docs opens the policy for its one style sheet; see pagePolicy.
func (s *server) docs(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Security-Policy", s.document.pagePolicy)
	serve(w, "text/html; charset=utf-8", s.document.page)
}

// serve lets browsers keep a copy but ask again: a new version of the program
// must not be read by the old page.
func serve(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(body) // a client that is gone gets no answer, and needs none
}
