package courier

import (
	"strings"
	"text/template"
)

// texts are all mails. They are plain text: there is no markup that a hostile
// name could break out of, and every value went through plain before. The first
// line says it all, for who sees only that; the code stands before any name, so
// that no name can pass for a code.
var texts = template.Must(template.New("mail").Option("missingkey=error").Parse(`
{{- define "code" -}}
{{.Code}} confirms: {{.Purpose}}

The code is valid until {{.Until}} UTC ({{.Minutes}} minutes) and for exactly this:
{{if .Account}}
  Account:      {{.Account}}
{{- end}}
{{- if .Key}}
  Key:          "{{.Key}}"{{if .KeyID}} ({{.KeyID}}){{end}}
{{- if .Permissions}}
  Permissions:  {{.Permissions}}
{{- end}}
  IP whitelist: {{if .AnyIP}}any address{{end}}
{{- range .Allowlist}}
    {{.}}
{{- end}}
{{- else}}
  Purpose:      {{.Purpose}}
{{- end}}
{{- if .IP}}
  Asked from:   {{.IP}}
{{- end}}

Type the code only where you asked for it
{{- if .Console}}: {{.Console}}{{else}}.{{end}}
Nobody from us asks for this code, not by phone and not by mail.

If this was not you: give the code to nobody, and nothing happens. Somebody
may know your password, so change it, and end the sessions that you do not know.

{{.Name}}
{{end}}

{{- define "reset" -}}
Set a new password:

  {{.Link}}

The link works once, until {{.Until}} UTC ({{.Minutes}} minutes). A newer one replaces it.
{{if .Account}}
  Account:      {{.Account}}
{{- end}}
  Sign-in:      {{.Email}}

All your sessions end with the new password. Your second factor stays as it is
and is asked for at the next sign-in.

If you did not ask for this: do nothing, and nothing happens. Somebody typed
your address; without this mail they cannot go on. Pass the link to nobody.

{{.Name}}
{{end}}

{{- define "notice" -}}
{{.What}}
{{if .Account}}
  Account:  {{.Account}}
{{- end}}
  Time:     {{.Time}} UTC
{{- if .AboutKey}}
  Key:      "{{.Subject}}"{{if .KeyID}} ({{.KeyID}}){{end}}
{{- else if .Subject}}
  About:    {{.Subject}}
{{- end}}
  By:       {{.By}}{{if .IP}}, from {{.IP}}{{end}}
{{- if .Changes}}

What changed (old > new):
{{- range .Changes}}
  {{.Field}}: {{.Old}} > {{.New}}
{{- end}}
{{- end}}
{{- if .Note}}

Note: {{.Note}}
{{- end}}

{{.Advice}}
{{- if .Console}}
{{.Console}}
{{- end}}

{{.Name}}
{{end}}`))

// render panics where a template and its data do not fit, which the tests of
// every text rule out; the courier's guard would keep the letter.
func render[T codeText | noticeText | resetText](name string, data T) string {
	var out strings.Builder
	if err := texts.ExecuteTemplate(&out, name, data); err != nil {
		panic(err)
	}
	return out.String()
}
