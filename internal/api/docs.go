package api

import (
	"bytes"
	_ "embed" // for the two files below
	"encoding/json"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

//go:embed docs.html
var docsHTML string

//go:embed docs.css
var docsCSS string

// docsPage is what docs.html shows.
type docsPage struct {
	Title    string
	Style    template.CSS
	Intro    []string
	Chapters []docsChapter
	Shapes   []docsShape
	Codes    []code
	Other    []Route // pages beside the API
}

// docsChapter is a tag of the document with its routes.
type docsChapter struct {
	Name, Text string
	Operations []docsOperation
}

// docsOperation is one route as a person reads it: the guard stands beside the
// path, because it is the first question.
type docsOperation struct {
	Route
	ID, Summary, Text string
	Params            []docsField
	Body              *docsBody
	Answers           []docsBody
	Codes             []code
}

// docsBody is a request's or an answer's body.
type docsBody struct {
	Status, Text string
	Shape        string // name of the schema; "" for none
	Example      string
}

// docsShape is a named schema; bodies link to it instead of repeating it.
type docsShape struct {
	Name   string
	Fields []docsField
}

// docsField is a parameter or a member.
type docsField struct {
	Name, In, Type, Text string
	Shape                string // the schema that the type is made of
	Values               []any
	Required             bool
}

// renderDocs makes the reading page and the policy under which it is served.
// It runs once: the page is the same for everybody, so its style is allowed by
// its hash and no script at all.
func renderDocs(api *huma.OpenAPI, rows []route) ([]byte, string) {
	page := docsPage{
		Title: api.Info.Title, Style: template.CSS(docsCSS), Intro: strings.Split(intro, "\n\n"), // #nosec G203 -- our own file
		Codes: codes, Shapes: docsShapes(api),
	}
	for _, tag := range api.Tags {
		page.Chapters = append(page.Chapters, docsChapter{Name: tag.Name, Text: tag.Description})
	}
	for _, r := range rows {
		op := operationAt(api, r.Route)
		if op == nil {
			page.Other = append(page.Other, r.Route)
			continue
		}
		i := slices.IndexFunc(page.Chapters, func(c docsChapter) bool { return c.Name == op.Tags[0] })
		page.Chapters[i].Operations = append(page.Chapters[i].Operations, docsOperationOf(r.Route, op))
	}
	var out bytes.Buffer
	if err := template.Must(template.New("docs").Parse(docsHTML)).Execute(&out, page); err != nil {
		panic("api: the reading page: " + err.Error())
	}
	return out.Bytes(), pagePolicy(docsCSS)
}

// docsOperationOf reads what huma made of the types, so that the page cannot
// tell another story than the document.
func docsOperationOf(r Route, op *huma.Operation) docsOperation {
	out := docsOperation{Route: r, ID: op.OperationID, Summary: op.Summary, Text: op.Description}
	for _, p := range op.Parameters {
		f := docsFieldOf(p.Name, p.Schema, p.Required)
		f.In = p.In
		out.Params = append(out.Params, f)
	}
	if op.RequestBody != nil {
		body := docsBodyOf(op.RequestBody.Content)
		out.Body = &body
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		if status >= "300" {
			continue // these are all Problems; their codes say more
		}
		answer := docsBodyOf(op.Responses[status].Content)
		answer.Status, answer.Text = status, op.Responses[status].Description
		out.Answers = append(out.Answers, answer)
	}
	known, _ := op.Extensions["x-codes"].([]string)
	for _, c := range codes {
		if slices.Contains(known, c.Name) {
			out.Codes = append(out.Codes, c)
		}
	}
	return out
}

// docsBodyOf takes the one content type that every body here has.
func docsBodyOf(content map[string]*huma.MediaType) docsBody {
	var out docsBody
	for _, media := range content {
		out.Shape = shapeName(media.Schema)
		if text, ok := media.Example.(string); ok {
			out.Example = text
		} else if example, err := json.MarshalIndent(media.Example, "", "  "); err == nil {
			out.Example = string(example)
		}
	}
	return out
}

// docsShapes lists the schemas by name; maps have no order of their own.
func docsShapes(api *huma.OpenAPI) []docsShape {
	var out []docsShape
	all := api.Components.Schemas.Map()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		shape := docsShape{Name: name}
		for _, field := range slices.Sorted(maps.Keys(s.Properties)) {
			shape.Fields = append(shape.Fields, docsFieldOf(field, s.Properties[field], slices.Contains(s.Required, field)))
		}
		out = append(out, shape)
	}
	return out
}

// docsFieldOf describes a type in words: "list of string", "string (date-time)".
func docsFieldOf(name string, s *huma.Schema, required bool) docsField {
	f := docsField{Name: name, Type: s.Type, Text: s.Description, Values: s.Enum, Required: required, Shape: shapeName(s)}
	if s.Format != "" && s.Format != "int64" {
		f.Type += " (" + s.Format + ")"
	}
	if s.Items != nil {
		f.Type, f.Shape, f.Values = "list of "+s.Items.Type, shapeName(s.Items), s.Items.Enum
	}
	return f
}

// shapeName is the name of the schema that s refers to, "" when it stands for
// itself.
func shapeName(s *huma.Schema) string {
	if s == nil {
		return ""
	}
	_, name, _ := strings.Cut(s.Ref, "#/components/schemas/")
	return name
}

//go:embed console.html
var consoleHTML string

// console answers all that is not the API's.
func (s *server) console() http.Handler {
	if s.Console != nil {
		return s.Console
	}
	return http.HandlerFunc(s.noConsole)
}

// noConsole is the page of a program that was built without the console.
func (s *server) noConsole(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		s.refuse(w, r, errNoRoute())
		return
	}
	w.Header().Set("Content-Security-Policy", pagePolicy(docsCSS))
	var out bytes.Buffer
	if err := template.Must(template.New("console").Parse(consoleHTML)).Execute(&out, docsPage{Style: template.CSS(docsCSS)}); err != nil { // #nosec G203 -- our own file
		s.refuse(w, r, err)
		return
	}
	serve(w, "text/html; charset=utf-8", out.Bytes())
}
