package courier

import (
	"bytes"
	"html/template"
	"net/http"

	"latchkey"
)

// pageData is what the page shows.
type pageData struct {
	Nonce    string
	Still    bool // does not reload by itself
	Messages []InboxMessage
}

// page shows the messages. It has no script. It reloads by itself every five
// seconds until the reader stops that (WCAG 2.2.1: a time limit can be turned
// off).
func (b *Inbox) page(w http.ResponseWriter, r *http.Request) {
	data := pageData{Nonce: latchkey.NewID("n"), Still: r.URL.Query().Has("still"), Messages: b.Messages()}
	// Whole before the first byte leaves: half a page has no status.
	var out bytes.Buffer
	if err := inboxPage.Execute(&out, data); err != nil {
		http.Error(w, "the page could not be made", http.StatusInternalServerError)
		return
	}
	head := w.Header()
	head.Set("Content-Type", "text/html; charset=utf-8")
	// Even if a text broke out of its element, nothing could run or load.
	head.Set("Content-Security-Policy", "default-src 'none'; style-src 'nonce-"+data.Nonce+
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	// As a header, because a page that is saved must not go on reloading.
	if !data.Still {
		head.Set("Refresh", "5")
	}
	_, _ = w.Write(out.Bytes()) // fails only when the reader went away
}

// inboxPage escapes by context: texts hold names that strangers chose. Colours
// keep a contrast of 4.5 or more in light and dark.
var inboxPage = template.Must(template.New("inbox").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Inbox ({{len .Messages}})</title>
<style nonce="{{.Nonce}}">
:root { --back: #f6f7f9; --card: #fff; --text: #1a1d21; --soft: #596069; --line: #d9dde2; --mark: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --back: #14171a; --card: #1d2125; --text: #e8eaed; --soft: #a4acb5; --line: #363c43; --mark: #7ab8f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 46rem; padding: 1rem; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
header { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; justify-content: space-between; }
h1 { font-size: 1.4rem; margin: .5rem 0; }
h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
p { margin: .25rem 0; }
a { color: var(--mark); }
ol { list-style: none; margin: 1rem 0; padding: 0; }
li { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .9rem 1rem; margin: 0 0 .75rem; }
.soft { color: var(--soft); font-size: .875rem; overflow-wrap: anywhere; }
.code { font: 600 1.6rem/1.3 ui-monospace, monospace; letter-spacing: .12em; color: var(--mark); user-select: all; }
pre { margin: .5rem 0 0; font: .875rem/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
</style>
</head>
<body>
<header>
<h1>Inbox</h1>
<p class="soft">{{if .Still}}<a href="./">Reload by itself</a>{{else}}Reloads every 5 seconds. <a href="?still">Stop</a>{{end}}</p>
</header>
<main>
<p class="soft">Mails and text messages of this demo, newest first. Nothing leaves this machine.</p>
{{if .Messages}}<ol>
{{range .Messages}}<li>
<h2>{{if eq .Channel "sms"}}SMS{{else}}<bdi>{{.Subject}}</bdi>{{end}}</h2>
<p class="soft">{{if eq .Channel "sms"}}Text message{{else}}E-mail{{end}} to <bdi>{{.To}}</bdi>, <time datetime="{{.At.Format "2006-01-02T15:04:05Z07:00"}}">{{.At.Format "2006-01-02 15:04:05"}} UTC</time></p>
{{with .Code}}<p class="code">{{.}}</p>
{{end}}<pre dir="auto">{{.Text}}</pre>
</li>
{{end}}</ol>{{else}}<p>No messages yet. A code or a notice shows up here as soon as it is sent.</p>{{end}}
</main>
</body>
</html>
`))
