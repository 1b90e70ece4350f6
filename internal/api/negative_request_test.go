package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// stray stands in every value that a wrong request has of its own, strayName in
// every name, so that they are found in the answer.
const (
	stray     = "zq7-stray-value"
	strayName = "zq7StrayName"
)

// operation is one of the OpenAPI document, as far as a client can be wrong
// about it.
type operation struct {
	method, path string
	others       []string // methods that the path has besides
	Guard        string   `json:"x-guard"`
	Codes        []string `json:"x-codes"`
	Parameters   []struct {
		Name     string `json:"name"`
		In       string `json:"in"`
		Required bool   `json:"required"`
		Schema   schema `json:"schema"`
	} `json:"parameters"`
	RequestBody struct {
		Content map[string]struct {
			Schema schema `json:"schema"`
		} `json:"content"`
	} `json:"requestBody"`
	body schema // of the body; without properties it takes none
}

// schema is what the document says of a value.
type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Format     string             `json:"format"`
	Pattern    string             `json:"pattern"`
	Enum       []string           `json:"enum"`
	MinLength  int                `json:"minLength"`
	MaxLength  int                `json:"maxLength"`
	Minimum    *int64             `json:"minimum"`
	Maximum    *int64             `json:"maximum"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
	Examples   []json.RawMessage  `json:"examples"`
}

func (o operation) name() string { return o.method + strings.ReplaceAll(o.path, "/", "_") }

// operations reads the document that the handler serves.
func operations(t *testing.T, h http.Handler) (out []operation) {
	t.Helper()
	var doc struct {
		Paths      map[string]map[string]operation `json:"paths"`
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(fetch(h, "/openapi.json").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		methods := slices.Sorted(maps.Keys(doc.Paths[path]))
		for _, method := range methods {
			o := doc.Paths[path][method]
			o.method, o.path, o.others = strings.ToUpper(method), path, methods
			o.body = o.RequestBody.Content["application/json"].Schema
			if name, ok := strings.CutPrefix(o.body.Ref, "#/components/schemas/"); ok {
				if err := json.Unmarshal(doc.Components.Schemas[name], &o.body); err != nil {
					t.Fatal(err)
				}
			}
			out = append(out, o)
		}
	}
	return out
}

// request is one request, and in which one thing it is wrong.
type request struct {
	what                string
	code                string // of the refusal, where the operation does not document it
	status              int    // of the refusal, where there is but one; 0: any that is documented
	method, path, query string
	header              http.Header
	body                []byte
	broken              bool   // the connection ends within the body
	from                string // the client's address
}

// with is the request with one change.
func (r request) with(what string, change func(*request)) request {
	r.what, r.header = what, r.header.Clone()
	change(&r)
	return r
}

// errCut is what a server reads where a connection ends.
var errCut = errors.New("cut")

func (r request) http() *http.Request {
	target := "http://console.example" + r.path
	if r.query != "" {
		target += "?" + r.query
	}
	var body io.Reader = bytes.NewReader(r.body)
	if r.broken {
		body = io.MultiReader(body, cut{})
	}
	out := httptest.NewRequest(r.method, target, body)
	out.Header = r.header.Clone()
	if r.from != "" {
		out.RemoteAddr = r.from
	}
	return out
}

// cut is a connection that has ended.
type cut struct{}

func (cut) Read([]byte) (int, error) { return 0, errCut }

// accepts are wishes that no refusal grants: a problem is a problem, whatever
// form was asked for.
var accepts = []string{"", "*/*", "text/html", "application/cbor", "application/xml;q=1, */*;q=0", "application/json;q=0", stray}

// wrongs are the wrong requests of an operation, each another one. They depend
// on nothing but the document and the right request. Each has an address of its
// own, so that no limit of an address answers before the check.
func (o operation) wrongs(right request) (out []request) {
	seed := fnv.New64a()
	fmt.Fprint(seed, o.name())
	dice := rand.New(rand.NewPCG(seed.Sum64(), 30)) // #nosec G404 -- not for secrets
	seen := map[string]bool{}
	all := slices.Concat(o.queries(right, dice), o.paths(right, dice), o.methods(right), o.cookies(right),
		o.origins(right), o.headers(right), o.bodies(right, dice))
	for i, r := range all {
		one := fmt.Sprint(r.method, r.path, r.query, r.header, r.broken) + string(r.body)
		if seen[one] {
			continue
		}
		seen[one] = true
		r.from = fmt.Sprintf("10.9.%d.%d:40000", i/250, i%250+1)
		if accept := accepts[dice.IntN(len(accepts))]; accept != "" {
			r.header = r.header.Clone()
			r.header.Set("Accept", accept)
		}
		out = append(out, r)
	}
	return out
}

// word is a random name or id.
func word(dice *rand.Rand, length int) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	out := make([]byte, length)
	for i := range out {
		out[i] = letters[dice.IntN(len(letters))]
	}
	return strayName + string(out)
}

// methods are those that the path does not have. What is not under /v1 is the
// console's with any method but its own, and there is none in the test.
func (o operation) methods(right request) (out []request) {
	code := "method_not_allowed"
	if !strings.HasPrefix(o.path, "/v1/") {
		code = "no_such_route"
	}
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "LOCK", "post", "get", "X"} {
		if !slices.Contains(o.others, strings.ToLower(method)) || strings.ToLower(method) == method {
			out = append(out, right.with("method "+method, func(r *request) { r.method, r.code = method, code }))
		}
	}
	return out
}

// cookies are those that are no session of the caller's.
func (o operation) cookies(right request) (out []request) {
	name, token, _ := strings.Cut(right.header.Get("Cookie"), "=")
	if o.Guard == "anyone" || o.Guard == "visitor" {
		return nil
	}
	for what, cookie := range map[string]string{
		"no cookie": "", "empty": name + "=", "another": name + "=" + stray, "cut": name + "=" + token[:len(token)-1], "longer": name + "=" + token + "a",
		"in capitals": name + "=" + strings.ToUpper(token), "twice": name + "=" + token + "; " + name + "=" + token, "planted beside": name + "=" + stray + "; " + name + "=" + token,
		"name in capitals": strings.ToUpper(name) + "=" + token, "another prefix": "__Secure-" + name + "=" + token, "known": "latchkey-known=" + token,
		"long": name + "=" + strings.Repeat(stray, 400), "injection": name + "=' OR '1'='1", "escaped": name + "=%00" + token,
	} {
		out = append(out, right.with("cookie: "+what, func(r *request) { r.header["Cookie"] = []string{cookie} }))
	}
	slices.SortFunc(out, func(a, b request) int { return strings.Compare(a.what, b.what) })
	return append(out, right.with("token in Authorization", func(r *request) {
		r.header.Del("Cookie")
		r.header.Set("Authorization", "Bearer "+token)
	}))
}

// origins are pages of other sites.
func (o operation) origins(right request) (out []request) {
	if o.method == http.MethodGet {
		return nil
	}
	for _, h := range [][2]string{
		{"Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-site"}, {"Sec-Fetch-Site", stray}, {"Origin", "https://" + stray + ".example"}, {"Origin", "null"},
		{"Origin", "http://console.example:81"}, {"Origin", "http://console.example.evil"}, {"Origin", "http://xconsole.example"}, {"Origin", "file://"},
	} {
		out = append(out, right.with(h[0]+" "+h[1], func(r *request) { r.header.Set(h[0], h[1]) }))
	}
	return out
}

// headers are wrong values of the headers that the operation reads.
func (o operation) headers(right request) (out []request) {
	for _, p := range o.Parameters {
		if p.In != "header" {
			continue
		}
		for what, values := range map[string][]string{
			"too long": {strings.Repeat("a", p.Schema.MaxLength+1)}, "a blank": {"a " + stray}, "not ASCII": {"é" + stray}, "a tab": {"a\t" + stray},
			"twice": {"a", "a"}, "two": {"a", "b"}, "empty": {""}, "a control": {"a\x01"}, "huge": {strings.Repeat(stray, 4000)},
		} {
			out = append(out, right.with(p.Name+": "+what, func(r *request) { r.header[p.Name] = values }))
		}
	}
	slices.SortFunc(out, func(a, b request) int { return strings.Compare(a.what, b.what) })
	return out
}
