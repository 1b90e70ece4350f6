package api

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
)

// served is a handler with its document as the types made it.
func served(t *testing.T) (*server, *huma.OpenAPI) {
	t.Helper()
	tameHuma()
	s := &server{Config: config(t, &stub{}), mux: http.NewServeMux()}
	s.register()
	return s, s.huma.OpenAPI()
}

func TestTheDocumentIsValidOpenAPI31(t *testing.T) {
	w := call{target: "GET /openapi.yaml"}.do(New(config(t, &stub{})))
	doc, err := libopenapi.NewDocument(w.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if doc.GetVersion() != "3.1.0" {
		t.Errorf("version %s", doc.GetVersion())
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if ok, faults := v.ValidateDocument(); !ok {
		for _, f := range faults {
			t.Errorf("%s: %s", f.Message, f.Reason)
		}
	}
}

func TestEveryRouteIsDescribed(t *testing.T) {
	_, api := served(t)
	seen := map[string]bool{}
	for _, r := range Routes() {
		op := operationAt(api, r)
		if op == nil {
			if strings.HasPrefix(r.Path, "/v1/") {
				t.Errorf("%s is not in the document", r.pattern())
			}
			continue
		}
		if op.Summary == "" || op.Description == "" || op.OperationID == "" || seen[op.OperationID] {
			t.Errorf("%s: incomplete, or its id %q stands twice", r.pattern(), op.OperationID)
		}
		seen[op.OperationID] = true
		if got := op.Extensions["x-guard"]; got != string(r.Guard) {
			t.Errorf("%s: guard %v, want %s", r.pattern(), got, r.Guard)
		}
		if got, want := len(op.Security) > 0, r.Guard != Anyone; got != want {
			t.Errorf("%s: wants a session %t, says %t", r.pattern(), want, got)
		}
		hasPathParam, hasSession := false, false
		for _, p := range op.Parameters {
			hasPathParam = hasPathParam || p.In == "path" && p.Name == "id"
			hasSession = hasSession || p.In == "path" && p.Name == "session"
			if p.Description == "" {
				t.Errorf("%s: parameter %s is not described", r.pattern(), p.Name)
			}
		}
		if hasPathParam != strings.Contains(r.Path, "{id}") || hasSession != strings.Contains(r.Path, "{session}") {
			t.Errorf("%s: the path and its parameters do not agree", r.pattern())
		}
		for status, answer := range op.Responses {
			for kind, media := range answer.Content {
				if media.Example == nil || (status >= "400") != (kind == "application/problem+json") {
					t.Errorf("%s: %s %s has no example or the wrong form", r.pattern(), status, kind)
				}
			}
		}
		if op.RequestBody != nil && op.RequestBody.Content["application/json"].Example == nil {
			t.Errorf("%s: the body has no example", r.pattern())
		}
	}
	if len(notes) != len(seen) {
		t.Errorf("%d notes for %d routes: one describes nothing", len(notes), len(seen))
	}
}

func TestEveryFieldIsDescribedAndEveryExampleFits(t *testing.T) {
	_, api := served(t)
	for name, s := range api.Components.Schemas.Map() {
		for field, fs := range s.Properties {
			if fs.Description == "" && fs.Ref == "" && fs.Format != "date-time" {
				t.Errorf("%s.%s is not described", name, field)
			}
		}
		text, err := json.Marshal(sample(api, s, 0))
		if err != nil {
			t.Fatal(err)
		}
		var value any
		json.Unmarshal(text, &value)
		path, result := huma.NewPathBuffer(nil, 0), &huma.ValidateResult{}
		huma.Validate(api.Components.Schemas, s, path, huma.ModeReadFromServer, value, result)
		for _, err := range result.Errors {
			t.Errorf("the example of %s does not fit: %v", name, err)
		}
	}
}

func TestTheTwoFormsOfTheDocumentAreServed(t *testing.T) {
	h := New(config(t, &stub{}))
	for path, kind := range map[string]string{"/openapi.yaml": "application/openapi+yaml", "/openapi.json": "application/openapi+json"} {
		w := call{target: "GET " + path}.do(h)
		if w.Code != 200 || w.Header().Get("Content-Type") != kind || !strings.Contains(w.Body.String(), "confirmPending") {
			t.Errorf("%s: %d %s", path, w.Code, w.Header().Get("Content-Type"))
		}
	}
}

var (
	anchor = regexp.MustCompile(`\bid="([^"]+)"`)
	link   = regexp.MustCompile(`\bhref="#([^"]+)"`)
	styles = regexp.MustCompile(`(?s)<style>(.*?)</style>`)
)

func TestTheReadingPageShowsEverythingAndRunsNothing(t *testing.T) {
	s, api := served(t)
	page := string(s.document.page)
	for _, r := range Routes() {
		if !strings.Contains(page, r.Path) {
			t.Errorf("%s is not on the page", r.Path)
		}
		if op := operationAt(api, r); op != nil && !strings.Contains(page, `id="`+op.OperationID+`"`) {
			t.Errorf("%s has no anchor", r.pattern())
		}
	}
	for _, c := range codes {
		if !strings.Contains(page, `id="code-`+c.Name+`"`) {
			t.Errorf("the type of problem %s leads nowhere", c.Name)
		}
	}
	ids := map[string]bool{}
	for _, m := range anchor.FindAllStringSubmatch(page, -1) {
		if ids[m[1]] {
			t.Errorf("anchor %s stands twice", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range link.FindAllStringSubmatch(page, -1) {
		if !ids[m[1]] {
			t.Errorf("link to #%s leads nowhere", m[1])
		}
	}
	for _, never := range []string{"<script", "style=\"", "src=", "http:", "https:", "onclick", "onload", "ZgotmplZ"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
}

// The policy allows one style sheet by its hash: when the page's differs by a
// byte, a browser shows it bare.
func TestThePolicyOfThePagesFitsTheirStyle(t *testing.T) {
	h := New(config(t, &stub{}))
	for _, path := range []string{"/docs", "/"} {
		w := call{target: "GET " + path}.do(h)
		found := styles.FindStringSubmatch(w.Body.String())
		if found == nil {
			t.Fatalf("%s has no style", path)
		}
		sum := sha256.Sum256([]byte(found[1]))
		policy := w.Header().Get("Content-Security-Policy")
		if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(policy, want) {
			t.Errorf("%s: policy %q does not allow %s", path, policy, want)
		}
	}
}

func TestARouteWithoutANoteCannotStart(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a route that nobody described was documented")
		}
	}()
	new(server).operation(Route{"GET", "/v1/back-door", Anyone}, false)
}
