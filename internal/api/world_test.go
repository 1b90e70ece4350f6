package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"

	"latchkey"
	"latchkey/catalog"
	"latchkey/internal/api"
	"latchkey/internal/authority"
	"latchkey/internal/passkey"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/signature"
)

// password is everybody's.
const password = "a long sentence nobody guesses"

// calmFeed stands for gateway nodes that apply every change at once.
type calmFeed struct{}

func (calmFeed) Publish(context.Context, latchkey.Key, latchkey.Secret) (latchkey.Receipt, error) {
	return latchkey.Receipt{Nodes: 2, Confirmed: 2, Took: 3 * time.Millisecond}, nil
}

func (calmFeed) Doubt(string) {}

// world is the whole management plane in this process: API, authority and a
// SQLite store, under a clock that the test moves. Every answer is checked
// against the OpenAPI document that the same handler serves.
type world struct {
	t         *testing.T
	dir       string
	clock     *atomic.Int64 // Unix microseconds
	store     *store.Store
	authority *authority.Authority
	bots      bots
	handler   http.Handler
	contract  validator.Validator
}

// start is the moment at which the clock of every test begins.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := openWorld(t, t.TempDir(), start)
	w.contract = contractOf(t, w.handler)
	return w
}

// openWorld opens the data folder, making what it lacks.
func openWorld(t *testing.T, dir string, now time.Time) *world {
	t.Helper()
	w := &world{t: t, dir: dir, clock: new(atomic.Int64)}
	w.clock.Store(now.UnixMicro())
	quiet := slog.New(slog.DiscardHandler)
	box, err := seal.LoadOrMake(filepath.Join(dir, "keyset.json"))
	w.must(err)
	w.store, err = store.Open(t.Context(), store.Config{URL: "sqlite:" + filepath.Join(dir, "latchkey.db"), Seal: box, Now: w.now, Log: quiet})
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	limits := latchkey.DefaultLimits()
	checker, err := passkey.New(passkey.Config{ConsoleURL: "https://console.example", Name: "Latchkey"})
	w.must(err)
	w.authority = authority.New(authority.Config{Store: w.store, Feed: calmFeed{}, Sessions: &w.bots, Limits: limits, Now: w.now, Issuer: "Latchkey", Passkeys: checker})
	actions, err := catalog.Prime()
	w.must(err)
	w.handler = api.New(api.Config{
		Authority: w.authority, Catalog: actions, Limits: limits, Now: w.now,
		ScanJSON: func(body []byte) error { return signature.ScanJSON(body) },
	})
	return w
}

// copied opens a copy of the closed world's data folder, for one test that
// changes it.
func (w *world) copied(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w.must(os.CopyFS(dir, os.DirFS(w.dir)))
	w.must(os.Chmod(filepath.Join(dir, "keyset.json"), 0o600)) // CopyFS copies no modes
	c := openWorld(t, dir, w.now())
	c.bots.list = slices.Clone(w.bots.list)
	c.contract = w.contract // the same document; compiling it takes longer than the test
	return c
}

func contractOf(t *testing.T, h http.Handler) validator.Validator {
	t.Helper()
	doc, err := libopenapi.NewDocument(fetch(h, "/openapi.yaml").Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(doc)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return v
}

func fetch(h http.Handler, path string) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
	return rec
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) now() time.Time               { return time.UnixMicro(w.clock.Load()).UTC() }
func (w *world) pass(d time.Duration)         { w.clock.Add(d.Microseconds()) }
func (w *world) operator() authority.Operator { return w.authority.Operator() }

// browser is one member with one session.
type browser struct {
	w      *world
	email  string
	seed   latchkey.Secret // of the authenticator app
	cookie string
	nodes  string // cookie of the operator's page
}

// reply is an answer and its JSON.
type reply struct {
	status int
	header http.Header
	text   string
	json   map[string]any
}

// member makes a person with an authenticator app.
func (w *world) member(account latchkey.Account, email string, role latchkey.Role) *browser {
	w.t.Helper()
	m, err := w.operator().AddMember(w.t.Context(), account, email, role, password)
	w.must(err)
	b := &browser{w: w, email: email, seed: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"}
	w.must(w.operator().EnrolTOTP(w.t.Context(), m, b.seed))
	return b
}

// key makes a key by the operator's door.
func (w *world) key(account latchkey.Account, name string, active bool) string {
	w.t.Helper()
	k, _, err := w.operator().CreateKey(w.t.Context(), account, authority.NewKey{Name: name, Permissions: latchkey.Read})
	w.must(err)
	if active {
		_, _, err = w.operator().Move(w.t.Context(), k.ID, latchkey.OpActivate)
		w.must(err)
	}
	return k.ID
}

// code is the next code of the app. A code counts once, so the clock goes on
// to the next one.
func (b *browser) code() string {
	b.w.t.Helper()
	b.w.pass(30 * time.Second)
	code, err := totp.GenerateCodeCustom(b.seed.Reveal(), b.w.now(), totp.ValidateOpts{Period: 30, Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	b.w.must(err)
	return code
}

// call sends a request with the session's cookie, keeps the cookie that comes
// back, and checks the answer against the document. Target is "METHOD path".
func (b *browser) call(target, body string, header ...string) reply {
	b.w.t.Helper()
	method, path, _ := strings.Cut(target, " ")
	request := func() *http.Request {
		r := httptest.NewRequest(method, "http://console.example"+path, strings.NewReader(body))
		if body != "" {
			r.Header.Set("Content-Type", "application/json")
		}
		if b.cookie != "" {
			r.AddCookie(&http.Cookie{Name: "latchkey", Value: b.cookie})
		}
		if b.nodes != "" {
			r.AddCookie(&http.Cookie{Name: "latchkey-nodes", Value: b.nodes})
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return r
	}
	rec := httptest.NewRecorder()
	b.w.handler.ServeHTTP(rec, request())
	answer := rec.Result()
	text, _ := io.ReadAll(answer.Body)
	for _, c := range answer.Cookies() {
		switch c.Name {
		case "latchkey":
			b.cookie = c.Value
		case "latchkey-nodes":
			b.nodes = c.Value
		}
	}
	out := reply{status: answer.StatusCode, header: answer.Header, text: string(text)}
	if strings.Contains(answer.Header.Get("Content-Type"), "json") {
		b.w.must(json.Unmarshal(text, &out.json))
		answer.Body = io.NopCloser(bytes.NewReader(text))
		b.w.inContract(target, request(), answer)
	}
	return out
}

// inContract fails when the answer is not what the document promises.
func (w *world) inContract(target string, r *http.Request, answer *http.Response) {
	w.t.Helper()
	if strings.HasPrefix(r.URL.Path, "/openapi") || r.Method == http.MethodHead {
		return // the document does not describe itself, and net/http drops a HEAD's body
	}
	if ok, errs := w.contract.ValidateHttpResponse(r, answer); !ok {
		for _, e := range errs {
			w.t.Errorf("%s: %d is not as documented: %s %s", target, answer.StatusCode, e.Message, e.Reason)
			for _, s := range e.SchemaValidationErrors {
				w.t.Errorf("    %s", s.Reason)
			}
		}
	}
}

// want is call, and fails unless the status is the wanted one.
func (b *browser) want(status int, target, body string, header ...string) reply {
	b.w.t.Helper()
	out := b.call(target, body, header...)
	if out.status != status {
		b.w.t.Fatalf("%s: %d, want %d: %s", target, out.status, status, out.text)
	}
	return out
}

// half signs in with the password only.
func (b *browser) half() reply {
	b.w.t.Helper()
	return b.want(202, "POST /v1/session", fmt.Sprintf(`{"email":%q,"password":%q}`, b.email, password))
}

// signIn opens a full session.
func (b *browser) signIn() *browser {
	b.w.t.Helper()
	b.confirm(200, b.half().at("pending", "id"))
	return b
}

// confirm proves a pending with the app.
func (b *browser) confirm(status int, pending string) reply {
	b.w.t.Helper()
	return b.want(status, "POST /v1/pending/"+pending+"/confirm", fmt.Sprintf(`{"code":%q}`, b.code()))
}

// at returns the text at a path of the answer, "" where there is none.
func (r reply) at(path ...string) string {
	var v any = r.json
	for _, name := range path {
		object, _ := v.(map[string]any)
		v = object[name]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}
