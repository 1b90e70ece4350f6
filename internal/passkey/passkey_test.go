package passkey

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"

	virtual "github.com/descope/virtualwebauthn"

	"latchkey"
)

const console = "https://console.example.com:8443"

var (
	rp        = virtual.RelyingParty{ID: "console.example.com", Name: "Latchkey", Origin: console}
	owner     = latchkey.Member{ID: "mem_1", Email: "owner@example.com"}
	challenge = hash("a pending, and 32 random bytes")
)

func hash(s string) []byte { sum := sha256.Sum256([]byte(s)); return sum[:] }

func checker(t testing.TB) *Checker {
	t.Helper()
	c, err := New(Config{ConsoleURL: console, Name: "Latchkey"})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// device is an authenticator with one credential, and what was kept of it.
type device struct {
	auth virtual.Authenticator
	cred virtual.Credential
	kept latchkey.Secret
}

// create answers creation options as a browser on that origin would.
func (d device) create(t testing.TB, rp virtual.RelyingParty, options []byte) []byte {
	t.Helper()
	parsed, err := virtual.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtual.CreateAttestationResponse(rp, d.auth, d.cred, *parsed))
}

// get answers request options.
func (d device) get(t testing.TB, rp virtual.RelyingParty, options []byte) []byte {
	t.Helper()
	parsed, err := virtual.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	return []byte(virtual.CreateAssertionResponse(rp, d.auth, d.cred, *parsed))
}

// wellFormed makes a credential. The virtual authenticator leaves leading zeros
// of a coordinate out, in one key of 128, which RFC 9053, 7.1.1 forbids; a whole
// P-256 key has 77 bytes.
func wellFormed(kind virtual.KeyType) virtual.Credential {
	for {
		c := virtual.NewCredential(kind)
		if kind != virtual.KeyTypeEC2 || len(c.Key.AttestationData()) == 77 {
			return c
		}
	}
}

// newDevice enrols a device.
func newDevice(t testing.TB, c *Checker, kind virtual.KeyType) device {
	t.Helper()
	d := device{auth: virtual.NewAuthenticator(), cred: wellFormed(kind)}
	options, err := c.CreationOptions(owner, challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	kept, counter, ok, err := c.Enrol(owner, challenge, nil, d.create(t, rp, options))
	if err != nil || !ok || counter != 0 {
		t.Fatalf("the enrolment: %d, %t, %v", counter, ok, err)
	}
	d.kept = kept
	return d
}

// verified answers fresh options and checks the answer.
func (d device) verified(t testing.TB, c *Checker, rp virtual.RelyingParty, member string, with []byte) (int64, bool) {
	t.Helper()
	options, err := c.RequestOptions(challenge, d.kept)
	if err != nil {
		t.Fatal(err)
	}
	counter, ok, err := c.Verify(member, with, d.kept, d.get(t, rp, options))
	if err != nil {
		t.Fatal(err)
	}
	return counter, ok
}

func TestAPasskeyThatWasEnrolledProves(t *testing.T) {
	c := checker(t)
	for _, kind := range []virtual.KeyType{virtual.KeyTypeEC2, virtual.KeyTypeRSA} {
		d := newDevice(t, c, kind)
		d.cred.Counter = 7
		if counter, ok := d.verified(t, c, rp, owner.ID, challenge); !ok || counter != 7 {
			t.Errorf("%v: %d, %t", kind, counter, ok)
		}
	}
}

// Each row is the right answer with one thing wrong.
func TestAnAnswerWithOneThingWrongProvesNothing(t *testing.T) {
	c := checker(t)
	d, other := newDevice(t, c, virtual.KeyTypeEC2), newDevice(t, c, virtual.KeyTypeEC2)
	if _, ok := d.verified(t, c, rp, owner.ID, challenge); !ok {
		t.Fatal("the right answer is refused")
	}
	elsewhere := func(id, origin string) virtual.RelyingParty {
		return virtual.RelyingParty{ID: id, Name: "Latchkey", Origin: origin}
	}
	for name, where := range map[string]virtual.RelyingParty{
		"another origin":     elsewhere(rp.ID, "https://console.example.org"),
		"a look-alike":       elsewhere(rp.ID, "https://console.example.com.evil.example"),
		"another port":       elsewhere(rp.ID, "https://console.example.com"),
		"no TLS":             elsewhere(rp.ID, "http://console.example.com:8443"),
		"no origin":          elsewhere(rp.ID, ""),
		"another party":      elsewhere("example.org", console),
		"the party's parent": elsewhere("example.com", console),
		"no party":           elsewhere("", console),
	} {
		if _, ok := d.verified(t, c, where, owner.ID, challenge); ok {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, ok := d.verified(t, c, rp, owner.ID, hash("another pending")); ok {
		t.Error("the challenge of another pending: accepted")
	}
	for _, short := range [][]byte{nil, {}, challenge[:15]} {
		if _, ok := d.verified(t, c, rp, owner.ID, short); ok {
			t.Errorf("a challenge of %d bytes: accepted", len(short))
		}
	}
	unverified, absent, moved := d, d, d
	unverified.auth.Options.UserNotVerified = true
	absent.auth.Options.UserNotPresent = true
	moved.auth.Options.BackupEligible = true
	for name, bad := range map[string]device{"user not verified": unverified, "user not present": absent, "backup flag changed": moved} {
		if _, ok := bad.verified(t, c, rp, owner.ID, challenge); ok {
			t.Errorf("%s: accepted", name)
		}
	}
	stranger := d
	stranger.auth.Options.UserHandle = []byte("mem_2")
	if _, ok := stranger.verified(t, c, rp, owner.ID, challenge); ok {
		t.Error("another member's handle: accepted")
	}
	// Another credential, under its own id and under the id that is asked for.
	disguised := other
	disguised.cred.ID = d.cred.ID
	for name, bad := range map[string]device{"another credential": other, "another key under the id": disguised} {
		bad.kept = d.kept
		if _, ok := bad.verified(t, c, rp, owner.ID, challenge); ok {
			t.Errorf("%s: accepted", name)
		}
	}
}

// An answer to create() is none to get(), and the reverse.
func TestTheTwoCeremoniesAreNotMixed(t *testing.T) {
	c := checker(t)
	d := newDevice(t, c, virtual.KeyTypeEC2)
	creation, err := c.CreationOptions(owner, challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := c.RequestOptions(challenge, d.kept)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok, _ := c.Verify(owner.ID, challenge, d.kept, d.create(t, rp, creation)); ok {
		t.Error("an enrolment proves")
	}
	if _, _, ok, _ := c.Enrol(owner, challenge, nil, d.get(t, rp, request)); ok {
		t.Error("a proof enrols")
	}
}

func TestEnrolmentWithOneThingWrongIsRefused(t *testing.T) {
	c := checker(t)
	options, err := c.CreationOptions(owner, challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	d := device{auth: virtual.NewAuthenticator(), cred: wellFormed(virtual.KeyTypeEC2)}
	unverified := d
	unverified.auth.Options.UserNotVerified = true
	for name, a := range map[string]struct {
		answer    []byte
		challenge []byte
	}{
		"another origin":    {d.create(t, virtual.RelyingParty{ID: rp.ID, Origin: "https://evil.example"}, options), challenge},
		"another party":     {d.create(t, virtual.RelyingParty{ID: "evil.example", Origin: console}, options), challenge},
		"another challenge": {d.create(t, rp, options), hash("another pending")},
		"user not verified": {unverified.create(t, rp, options), challenge},
		"nothing":           {nil, challenge},
		"no JSON":           {[]byte("{"), challenge},
		"an empty object":   {[]byte("{}"), challenge},
	} {
		if kept, _, ok, err := c.Enrol(owner, a.challenge, nil, a.answer); ok || err != nil || kept != "" {
			t.Errorf("%s: %t, %v", name, ok, err)
		}
	}
}

func TestAPasskeyIsNotEnrolledTwice(t *testing.T) {
	c := checker(t)
	d := newDevice(t, c, virtual.KeyTypeEC2)
	known := []latchkey.Secret{d.kept}
	options, err := c.CreationOptions(owner, challenge, known)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := virtual.ParseAttestationOptions(string(options))
	if err != nil || !d.cred.IsExcludedForAttestation(*parsed) {
		t.Errorf("the browser is not told that it is known: %v", err)
	}
	if _, _, ok, err := c.Enrol(owner, challenge, known, d.create(t, rp, options)); ok || err != nil {
		t.Errorf("enrolled twice: %t, %v", ok, err)
	}
}

func TestTheOptionsDemandWhatIsChecked(t *testing.T) {
	c := checker(t)
	d := newDevice(t, c, virtual.KeyTypeEC2)
	creation, err := c.CreationOptions(owner, challenge, nil)
	if err != nil {
		t.Fatal(err)
	}
	request, err := c.RequestOptions(challenge, d.kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"userVerification":"required"`, `"attestation":"none"`, `"id":"console.example.com"`, text(challenge), text([]byte(owner.ID))} {
		if !bytes.Contains(creation, []byte(want)) {
			t.Errorf("the creation options lack %s: %s", want, creation)
		}
	}
	for _, want := range []string{`"userVerification":"required"`, `"rpId":"console.example.com"`, text(challenge), text(d.cred.ID)} {
		if !bytes.Contains(request, []byte(want)) {
			t.Errorf("the request options lack %s: %s", want, request)
		}
	}
}

// What is stored and cannot be read is a fault of ours, never a way in.
func TestAnUnreadableCredentialIsAnError(t *testing.T) {
	c := checker(t)
	answer := newDevice(t, c, virtual.KeyTypeEC2).verifyAnswer(t, c)
	for _, bad := range []latchkey.Secret{"", "{}", "null", "x", `{"id":"AQ=="}`, `{"publicKey":"AQ=="}`} {
		if _, ok, err := c.Verify(owner.ID, challenge, bad, answer); ok || err == nil {
			t.Errorf("%q verifies: %t, %v", bad.Reveal(), ok, err)
		}
		if _, err := c.RequestOptions(challenge, bad); err == nil {
			t.Errorf("%q is asked for", bad.Reveal())
		}
		if _, err := c.CreationOptions(owner, challenge, []latchkey.Secret{bad}); err == nil {
			t.Errorf("%q is excluded", bad.Reveal())
		}
	}
	if _, ok, err := c.Verify(owner.ID, challenge, `{"id":"AQ==","publicKey":"AQ=="}`, answer); ok || err != nil {
		t.Errorf("a key of one byte: %t, %v", ok, err)
	}
}

func (d device) verifyAnswer(t testing.TB, c *Checker) []byte {
	t.Helper()
	options, err := c.RequestOptions(challenge, d.kept)
	if err != nil {
		t.Fatal(err)
	}
	return d.get(t, rp, options)
}

func TestPasskeysNeedANameInASecureContext(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://keys.example.com": true, "https://keys.example.com:8443/": true, "http://localhost:8080": true,
		"http://console.localhost": true, "https://localhost": true, "https://KEYS.example.com": true,
		"http://keys.example.com": false, "http://127.0.0.1:8080": false, "https://192.0.2.7": false, "https://[::1]:8443": false,
		"": false, "keys.example.com": false, "ftp://localhost": false, "http://localhost.example.com": false, "http://notlocalhost": false,
	} {
		if c, err := New(Config{ConsoleURL: url, Name: "Latchkey"}); (err == nil) != ok || (c != nil) != ok {
			t.Errorf("%q: %v", url, err)
		}
	}
}

// The log says which check failed and repeats nothing of the answer.
func TestARefusalIsLoggedWithoutTheAnswer(t *testing.T) {
	var log bytes.Buffer
	c, err := New(Config{ConsoleURL: console, Name: "Latchkey", Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	d := newDevice(t, c, virtual.KeyTypeEC2)
	d.verified(t, c, virtual.RelyingParty{ID: rp.ID, Origin: "https://evil.example"}, owner.ID, challenge)
	if !strings.Contains(log.String(), "passkey refused") || strings.Contains(log.String(), "evil") || strings.Contains(log.String(), text(challenge)) {
		t.Errorf("the log: %s", log.String())
	}
}

// Any bytes at all are refused, and only the right ones are not.
func FuzzVerify(f *testing.F) {
	c := checker(f)
	d := newDevice(f, c, virtual.KeyTypeEC2)
	right := d.verifyAnswer(f, c)
	f.Add(right)
	f.Add([]byte(`{"id":"","rawId":"","type":"public-key","response":{}}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, ok, err := c.Verify(owner.ID, challenge, d.kept, answer)
		if err != nil {
			t.Fatal(err)
		}
		if ok && !sameProof(answer, right) {
			t.Fatalf("%q proves", answer)
		}
		if _, _, ok, err := c.Enrol(owner, challenge, nil, answer); ok || err != nil {
			t.Fatalf("%q enrols: %v", answer, err)
		}
	})
}

// sameProof compares what is signed: JSON can be written in more than one way.
func sameProof(a, b []byte) bool {
	type signed struct {
		Response struct {
			AuthenticatorData string `json:"authenticatorData"`
			ClientDataJSON    string `json:"clientDataJSON"`
		} `json:"response"`
	}
	var x, y signed
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	trim := func(s string) string { return strings.TrimRight(s, "=\n\r") }
	return slices.Equal([]string{trim(x.Response.AuthenticatorData), trim(x.Response.ClientDataJSON)},
		[]string{trim(y.Response.AuthenticatorData), trim(y.Response.ClientDataJSON)})
}
