package testenv

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"

	"latchkey"
	"latchkey/signature"
)

// Person is a browser: a client of the management API with its own cookies.
type Person struct {
	s      *System
	client *http.Client
}

// Answer is what came back: the status, and the JSON as a tree.
type Answer struct {
	Status int
	Header http.Header
	Raw    []byte
	Body   map[string]any
}

// Text is the member of that name as text, "" when it is none.
func (a Answer) Text(name string) string {
	text, _ := a.Body[name].(string)
	return text
}

// Number is the member of that name as a number.
func (a Answer) Number(name string) float64 {
	n, _ := a.Body[name].(float64)
	return n
}

// Object is the member of that name as an answer of its own.
func (a Answer) Object(name string) Answer {
	body, _ := a.Body[name].(map[string]any)
	return Answer{Status: a.Status, Body: body}
}

// Refuses fails the test unless the answer has the status and the code.
func Refuses(t testing.TB, a Answer, status int, code string) {
	t.Helper()
	if a.Status != status || a.Text("code") != code {
		t.Errorf("got %d %q (%s), want %d %q", a.Status, a.Text("code"), a.Raw, status, code)
	}
}

// Allows fails the test unless the answer has the status.
func Allows(t testing.TB, a Answer, status int) Answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("got %d (%s), want %d", a.Status, a.Raw, status)
	}
	return a
}

// Nobody is a browser that has not signed in.
func (s *System) Nobody() *Person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.T.Fatal(err)
	}
	return &Person{s: s, client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// Owner is the owner of the first account, signed in with both steps.
func (s *System) Owner() *Person { return s.signedIn(OwnerEmail) }

// StrangerOwner is the owner of the other account, signed in with both steps.
func (s *System) StrangerOwner() *Person { return s.signedIn(StrangerEmail) }

// Subuser is the sub-user of the first account, who has no second factor.
func (s *System) Subuser() *Person {
	p := s.Nobody()
	Allows(s.T, p.SignIn(SubuserEmail), http.StatusOK)
	return p
}

// HalfOwner is the owner after the password, before the second factor.
func (s *System) HalfOwner() (*Person, Answer) {
	p := s.Nobody()
	return p, Allows(s.T, p.SignIn(OwnerEmail), http.StatusAccepted)
}

func (s *System) signedIn(email string) *Person {
	s.T.Helper()
	p := s.Nobody()
	step := Allows(s.T, p.SignIn(email), http.StatusAccepted)
	Allows(s.T, p.Confirm(step, s.TOTP()), http.StatusOK)
	return p
}

// Cookies are what the person's browser would send to the console.
func (p *Person) Cookies() []*http.Cookie {
	base, err := url.Parse(p.s.ConsoleURL)
	if err != nil {
		p.s.T.Fatal(err)
	}
	return p.client.Jar.Cookies(base)
}

// SignIn sends the password.
func (p *Person) SignIn(email string) Answer {
	return p.Do(http.MethodPost, "/v1/session", map[string]string{"email": email, "password": Password})
}

// Confirm sends a code for the pending of a 202 answer.
func (p *Person) Confirm(step Answer, code string) Answer {
	p.s.T.Helper()
	return p.Do(http.MethodPost, "/v1/pending/"+PendingID(step)+"/confirm", map[string]string{"code": code})
}

// PendingID is the id of the pending of a 202 answer.
func PendingID(step Answer) string {
	if id := step.Object("pending").Text("id"); id != "" {
		return id
	}
	return step.Text("id")
}

// Do sends one request to the management API.
func (p *Person) Do(method, path string, body any) Answer {
	p.s.T.Helper()
	var reader io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			p.s.T.Fatal(err)
		}
		reader = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(p.s.T.Context(), method, p.s.ConsoleURL+path, reader)
	if err != nil {
		p.s.T.Fatal(err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return p.Send(req)
}

// Send sends a request that the test made by hand, with the person's cookies.
func (p *Person) Send(req *http.Request) Answer {
	p.s.T.Helper()
	return send(p.s.T, p.client, req)
}

func send(t testing.TB, client *http.Client, req *http.Request) Answer {
	t.Helper()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := Answer{Status: res.StatusCode, Header: res.Header, Raw: raw}
	_ = json.Unmarshal(raw, &a.Body) // not every answer is an object
	return a
}

// Bot signs calls with one key.
type Bot struct {
	s      *System
	KeyID  string
	Secret latchkey.Secret
}

// Bot is a bot with that key.
func (s *System) Bot(keyID string, secret latchkey.Secret) Bot {
	return Bot{s: s, KeyID: keyID, Secret: secret}
}

// Call signs one call at the moved time and sends it to the gateway.
func (b Bot) Call(action, body string) Answer {
	b.s.T.Helper()
	stamp := signature.Timestamp(b.s.Clock.Now())
	req, err := http.NewRequestWithContext(b.s.T.Context(), http.MethodPost, b.s.GatewayURL+"/api/rest/"+action, bytes.NewReader([]byte(body)))
	if err != nil {
		b.s.T.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header[signature.KeyHeader] = []string{b.KeyID}
	req.Header[signature.TimestampHeader] = []string{stamp}
	req.Header[signature.SignatureHeader] = []string{signature.SignREST([]byte(b.Secret), action, stamp, []byte(body))}
	return send(b.s.T, http.DefaultClient, req)
}
