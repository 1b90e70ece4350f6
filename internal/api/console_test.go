package api

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
)

const builtPage = `<!doctype html><meta property="csp-nonce" nonce="NONCE_PLACEHOLDER"><script type="module" src="/assets/index-abc.js" nonce="NONCE_PLACEHOLDER"></script>`

// built is what a web build leaves.
var built = fstest.MapFS{
	".gitkeep":             {},
	"index.html":           {Data: []byte(builtPage)},
	"icon.svg":             {Data: []byte("<svg/>")},
	"assets/index-abc.js":  {Data: []byte(strings.Repeat("console.log('latchkey');", 200))},
	"assets/index-def.css": {Data: []byte(strings.Repeat("body{color:red}", 200))},
	"assets/inter.woff2":   {Data: []byte("not worth packing")},
}

// withConsole is the whole handler over a build.
func withConsole(t *testing.T, files fs.FS) http.Handler {
	t.Helper()
	console, err := NewConsole(files)
	if err != nil {
		t.Fatal(err)
	}
	c := config(t, &stub{})
	c.Console = console
	return New(c)
}

var noncePattern = regexp.MustCompile(`'nonce-([A-Za-z0-9_-]+)'`)

func TestEveryViewIsThePageUnderANonceOfItsOwn(t *testing.T) {
	h := withConsole(t, built)
	seen := map[string]bool{}
	for _, path := range []string{"/", "/settings/api-keys", "/settings/api-keys/lk_1/refused-calls", "/reset", "/setup", "/methods?search=order", "/index", "/assetsx"} {
		w := call{target: "GET " + path}.do(h)
		if w.Code != 200 || w.Header().Get("Content-Type") != "text/html; charset=utf-8" || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		policy := w.Header().Get("Content-Security-Policy")
		found := noncePattern.FindStringSubmatch(policy)
		if found == nil || len(found[1]) < 22 || seen[found[1]] {
			t.Fatalf("%s: the policy %q has no nonce, a short one, or one that was used before", path, policy)
		}
		seen[found[1]] = true
		if want := strings.ReplaceAll(builtPage, "NONCE_PLACEHOLDER", found[1]); w.Body.String() != want {
			t.Errorf("%s: the page is %q", path, w.Body)
		}
		want := "default-src 'self'; style-src 'self' 'nonce-" + found[1] + "'; img-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
		if policy != want {
			t.Errorf("%s: the policy is %q, want %q", path, policy, want)
		}
	}
}

func TestHashedFilesAreKeptForEverAndOthersAreAskedForAgain(t *testing.T) {
	h := withConsole(t, built)
	for path, want := range map[string][2]string{
		"/assets/index-abc.js":  {"public, max-age=31536000, immutable", "text/javascript; charset=utf-8"},
		"/assets/index-def.css": {"public, max-age=31536000, immutable", "text/css; charset=utf-8"},
		"/assets/inter.woff2":   {"public, max-age=31536000, immutable", "font/woff2"},
		"/icon.svg":             {"no-cache", "image/svg+xml"},
	} {
		w := call{target: "GET " + path}.do(h)
		if w.Code != 200 || w.Header().Get("Cache-Control") != want[0] || w.Header().Get("Content-Type") != want[1] {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
		if !bytes.Equal(w.Body.Bytes(), built[path[1:]].Data) {
			t.Errorf("%s: %d bytes, want %d", path, w.Body.Len(), len(built[path[1:]].Data))
		}
		for _, name := range []string{"X-Content-Type-Options", "Referrer-Policy", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy", "ETag"} {
			if w.Header().Get(name) == "" {
				t.Errorf("%s has no %s", path, name)
			}
		}
		again := call{target: "GET " + path, header: http.Header{"If-None-Match": {w.Header().Get("ETag")}}}.do(h)
		if again.Code != 304 || again.Body.Len() != 0 || again.Header().Get("Cache-Control") != want[0] {
			t.Errorf("%s again: %d, %d bytes", path, again.Code, again.Body.Len())
		}
	}
}

// A page in the place of a script that is gone would run as nothing, and be
// kept under the name of the script.
func TestWhatIsNoFileIsNotThePage(t *testing.T) {
	h := withConsole(t, built)
	for _, path := range []string{"/assets/index-old.js", "/assets/", "/.gitkeep", "/assets/.gitkeep", "/favicon.ico", "/index.html", "/robots.txt", "/.env", "/a/b.php", "/assets/none"} {
		w := call{target: "GET " + path}.do(h)
		wants(t, w, 404, "no_such_route")
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("%s: that it is missing is kept: %q", path, got)
		}
	}
}

func TestTheConsoleTakesNoChanges(t *testing.T) {
	h := withConsole(t, built)
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS"} {
		for _, path := range []string{"/", "/settings", "/assets/index-abc.js"} {
			w := call{target: method + " " + path}.do(h)
			wants(t, w, 405, "method_not_allowed")
			if w.Header().Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: Allow is %q", method, path, w.Header().Get("Allow"))
			}
		}
	}
}

func TestCompressedWhereTheBrowserTakesIt(t *testing.T) {
	h := withConsole(t, built)
	for header, packed := range map[string]bool{
		"gzip": true, "GZIP": true, "br, gzip": true, "gzip;q=0.5": true, "*": true, "deflate, gzip;q=1.0, *;q=0.5": true,
		"": false, "br": false, "gzip;q=0": false, "identity": false, "*;q=0": false, "gzip; q=0, *": false, "xgzip": false, "gzip;q=x": false,
	} {
		w := call{target: "GET /assets/index-abc.js", header: http.Header{"Accept-Encoding": {header}}}.do(h)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != packed {
			t.Errorf("Accept-Encoding %q: packed %t, want %t", header, got, packed)
		}
		if w.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: Vary is %q", header, w.Header().Get("Vary"))
		}
		body := io.Reader(w.Body)
		if packed {
			var err error
			if body, err = gzip.NewReader(body); err != nil {
				t.Fatal(err)
			}
		}
		text, err := io.ReadAll(body)
		if err != nil || !bytes.Equal(text, built["assets/index-abc.js"].Data) {
			t.Errorf("Accept-Encoding %q: %v, %d bytes", header, err, len(text))
		}
	}
	w := call{target: "GET /assets/inter.woff2", header: http.Header{"Accept-Encoding": {"gzip"}}}.do(h)
	if w.Header().Get("Content-Encoding") != "" {
		t.Error("a file that gzip makes no smaller is packed")
	}
}

// The two forms are two things to a cache: else a browser could be told that
// what it holds packed is what it would now get plain.
func TestEachFormHasItsTag(t *testing.T) {
	h := withConsole(t, built)
	plain := call{target: "GET /assets/index-abc.js"}.do(h).Header().Get("ETag")
	packed := call{target: "GET /assets/index-abc.js", header: http.Header{"Accept-Encoding": {"gzip"}}}.do(h).Header().Get("ETag")
	if plain == packed {
		t.Errorf("both forms have the tag %s", plain)
	}
	w := call{target: "GET /assets/index-abc.js", header: http.Header{"If-None-Match": {packed}}}.do(h)
	if w.Code != 200 {
		t.Errorf("the plain form answers %d to the packed one's tag", w.Code)
	}
}

func TestHEADHasTheHeadersAndNoBody(t *testing.T) {
	server := httptest.NewServer(withConsole(t, built))
	defer server.Close()
	for _, path := range []string{"/", "/assets/index-abc.js"} {
		got, err := http.Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(got.Body)
		if got.StatusCode != 200 || len(body) != 0 || got.ContentLength <= 0 {
			t.Errorf("HEAD %s: %d, %d bytes, Content-Length %d", path, got.StatusCode, len(body), got.ContentLength)
		}
	}
}

func TestWithoutABuildTheSmallPageSaysHow(t *testing.T) {
	console, err := NewConsole(fstest.MapFS{".gitkeep": {}})
	if console != nil || err != nil {
		t.Fatalf("a program without its console has %v, %v", console, err)
	}
	c := config(t, &stub{})
	c.Console = console
	w := call{target: "GET /"}.do(New(c))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "This program was built without its web console. Node 20.19 or newer and <code>make run</code> build it in.") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// faulty cannot read what it lists.
type faulty struct{ fstest.MapFS }

func (f faulty) Open(name string) (fs.File, error) {
	if strings.HasSuffix(name, ".css") {
		return nil, errors.New("bad disk")
	}
	return f.MapFS.Open(name)
}

func (f faulty) ReadFile(name string) ([]byte, error) {
	if strings.HasSuffix(name, ".css") {
		return nil, errors.New("bad disk")
	}
	return f.MapFS.ReadFile(name)
}

func TestAConsoleThatCannotBeReadIsAnError(t *testing.T) {
	if console, err := NewConsole(faulty{built}); err == nil || console != nil {
		t.Errorf("half a console is served: %v", err)
	}
}
