package api

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// noncePlaceholder stands in index.html wherever the build put a nonce; see
// web/vite.config.ts.
const noncePlaceholder = "NONCE_PLACEHOLDER"

// assets is the folder whose files have a hash of their content in their name:
// under one name there is never another content.
const assets = "/assets/"

// consolePolicy is the policy of the console's page, but for the nonce. Scripts
// come from files of this origin only; the nonce is for the styles that the
// interface makes while it runs.
const consolePolicy = "default-src 'self'; style-src 'self' 'nonce-%s'; img-src 'self' data:; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// consoleFile is a built file, ready to be sent in either form.
type consoleFile struct {
	kind   string // Content-Type
	cache  string // Cache-Control
	tag    string // ETag without its quotes
	plain  []byte
	packed []byte // gzip; nil where that saves nothing
}

// console serves the built web console. All of it is in memory: it is a few
// hundred kilobytes, read and compressed once.
type console struct {
	page  []byte // index.html, with placeholders for the nonce
	files map[string]consoleFile
}

// NewConsole makes the handler for Config.Console of the files that the web
// build made, with index.html at their root. Without index.html the answer is
// nil and no error: the program was built without its console.
func NewConsole(files fs.FS) (http.Handler, error) {
	page, err := fs.ReadFile(files, "index.html")
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the web console: %w", err)
	}
	c := &console{page: page, files: map[string]consoleFile{}}
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		// index.html has no name of its own: it is the page of every view. Dot
		// files keep the folder in the source tree and are nobody's business.
		if err != nil || entry.IsDir() || name == "index.html" || strings.HasPrefix(path.Base(name), ".") {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err == nil {
			c.files["/"+name], err = newConsoleFile("/"+name, content)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("the web console: %w", err)
	}
	return c, nil
}

// newConsoleFile decides once how a file is sent.
func newConsoleFile(name string, content []byte) (consoleFile, error) {
	sum := sha256.Sum256(content)
	f := consoleFile{
		kind: contentType(name), cache: "no-cache", plain: content,
		tag: base64.RawURLEncoding.EncodeToString(sum[:12]),
	}
	if strings.HasPrefix(name, assets) {
		f.cache = "public, max-age=31536000, immutable"
	}
	packed, err := pack(content)
	if err != nil {
		return consoleFile{}, err
	}
	// Fonts and images are compressed already: a twentieth is not worth the
	// work of unpacking.
	if len(packed) < len(content)-len(content)/20 {
		f.packed = packed
	}
	return f, nil
}

// contentType does not ask the machine's own table for what the build makes:
// with nosniff a wrong type there would be a console that does not start.
func contentType(name string) string {
	switch ext := path.Ext(name); ext {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".woff2":
		return "font/woff2"
	default:
		if kind := mime.TypeByExtension(ext); kind != "" {
			return kind
		}
		return "application/octet-stream"
	}
}

// pack compresses as far as gzip can: it happens once, at the start.
func pack(content []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(content)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// ServeHTTP answers with a file, or with the page for every path that can be a
// view. What looks like a file and is none is 404: a page in its place would
// be run as a script, or kept for a year.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, known := c.files[r.URL.Path]
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		c.refuse(w, r, http.StatusMethodNotAllowed, "method_not_allowed", "this is a page of the console; it takes GET")
	case known:
		file.serve(w, r)
	case strings.HasPrefix(r.URL.Path, assets) || strings.Contains(path.Base(r.URL.Path), "."):
		c.refuse(w, r, http.StatusNotFound, "no_such_route", errNoRoute().Error())
	default:
		c.servePage(w)
	}
}

func (c *console) refuse(w http.ResponseWriter, r *http.Request, status int, code, detail string) {
	writeProblem(w, visitOf(r.Context()).answers(newProblem(status, code, detail)))
}

// servePage sends index.html under a fresh nonce. It must not be kept: a nonce
// that is used twice guards nothing. It is small, and not compressed.
func (c *console) servePage(w http.ResponseWriter) {
	var raw [16]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	nonce := base64.RawURLEncoding.EncodeToString(raw[:])
	page := bytes.ReplaceAll(c.page, []byte(noncePlaceholder), []byte(nonce))
	h := w.Header()
	h.Set("Content-Security-Policy", fmt.Sprintf(consolePolicy, nonce))
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(page)))
	_, _ = w.Write(page) // a client that is gone gets no answer, and needs none
}

// serve sends the form that the browser takes. The closed policy stays: opened
// by itself a file shows nothing and runs nothing.
func (f consoleFile) serve(w http.ResponseWriter, r *http.Request) {
	body, tag := f.plain, f.tag
	h := w.Header()
	h.Set("Cache-Control", f.cache)
	h.Set("Content-Type", f.kind)
	if f.packed != nil {
		h.Add("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Values("Accept-Encoding")) {
			body, tag = f.packed, f.tag+"-gzip" // another form, another tag (RFC 9110, 8.8.3.3)
			h.Set("Content-Encoding", "gzip")
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	if strings.Contains(r.Header.Get("If-None-Match"), `"`+tag+`"`) {
		h.Del("Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that is gone gets no answer, and needs none
}

// takesGzip reads Accept-Encoding (RFC 9110, 12.5.3). "*" and a weight of 0
// are honoured, other weights are not: there is one compressed form only.
func takesGzip(header []string) bool {
	takes := false
	for _, item := range strings.Split(strings.Join(header, ","), ",") {
		name, params, _ := strings.Cut(item, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		if name != "gzip" && name != "*" {
			continue
		}
		weight, err := strconv.ParseFloat(strings.TrimPrefix(strings.ReplaceAll(params, " ", ""), "q="), 64)
		takes = params == "" || (err == nil && weight > 0)
		if name == "gzip" {
			return takes
		}
	}
	return takes
}
