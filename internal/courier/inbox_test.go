package courier

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
)

// get asks the inbox with that Host and returns status, headers and body.
func get(t *testing.T, srv *httptest.Server, method, path, host string) (*http.Response, string) {
	t.Helper()
	req := must(http.NewRequestWithContext(t.Context(), method, srv.URL+path, nil))(t)
	if host != "" {
		req.Host = host
	}
	client := srv.Client()
	defer client.CloseIdleConnections()
	res := must(client.Do(req))(t)
	defer res.Body.Close()
	return res, string(must(io.ReadAll(res.Body))(t))
}

func inboxServer(t *testing.T) (*Inbox, *httptest.Server) {
	t.Helper()
	box := NewInbox(func() time.Time { return noon })
	srv := httptest.NewServer(box.Handler())
	t.Cleanup(srv.Close)
	return box, srv
}

func TestInboxListsNewestFirstWithTheCode(t *testing.T) {
	box, srv := inboxServer(t)
	if _, body := get(t, srv, "GET", "/messages", ""); strings.TrimSpace(body) != "[]" {
		t.Errorf("an empty inbox is %q", body)
	}
	l, f := smsCode(noon)
	sms := written(t, l, f)
	l, f = mailCode(noon)
	f.Pending.Draft.KeyName = "654321"
	mail := written(t, l, f)
	l, f = notice(noon, 7, latchkey.ActKeyDeleted)
	f.Activity.Subject = "654321"
	note := written(t, l, f)
	for _, m := range []latchkey.Message{sms, mail, note} {
		if err := box.Send(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	_, body := get(t, srv, "GET", "/messages", "")
	var got []map[string]any
	if err := json.Unmarshal([]byte(body), &got); err != nil {
		t.Fatal(err)
	}
	const at = "2026-03-01T14:00:05Z"
	want := []map[string]any{
		{"id": "3", "at": at, "channel": "email", "to": testMail, "subject": note.Subject, "text": note.Text, "code": ""},
		{"id": "2", "at": at, "channel": "email", "to": testMail, "subject": mail.Subject, "text": mail.Text, "code": testCode},
		{"id": "1", "at": at, "channel": "sms", "to": testPhone, "subject": "", "text": sms.Text, "code": testCode},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
}

func TestInboxKeepsTheNewest200(t *testing.T) {
	box, _ := inboxServer(t)
	for i := range 205 {
		if err := box.Send(t.Context(), latchkey.Message{Text: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	kept := box.Messages()
	if len(kept) != 200 || kept[0].Text != "204" || kept[199].Text != "5" {
		t.Errorf("%d kept, from %q to %q", len(kept), kept[0].Text, kept[len(kept)-1].Text)
	}
}

// Attack: a page of another site makes its own name point to 127.0.0.1 and
// reads the codes.
func TestInboxAnswersToThisMachineOnly(t *testing.T) {
	box, srv := inboxServer(t)
	if err := box.Send(t.Context(), oneSMS); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/messages", "/nowhere"} {
		for _, host := range []string{"evil.example.com", "127.0.0.1.example.com", "localhost.example.com", "192.0.2.7:8080", "0.0.0.0", "[2001:db8::1]:80", "localhost@evil.example.com"} {
			res, body := get(t, srv, "GET", path, host)
			if res.StatusCode < 400 || strings.Contains(body, testPhone) {
				t.Errorf("%s as %s: %d", path, host, res.StatusCode)
			}
		}
	}
	for _, host := range []string{"localhost", "localhost:8025", "127.0.0.1:8025", "127.0.0.2", "[::1]", "[::1]:8025"} {
		if res, _ := get(t, srv, "GET", "/messages", host); res.StatusCode != 200 {
			t.Errorf("as %s: %d", host, res.StatusCode)
		}
	}
	if res, _ := get(t, srv, "POST", "/messages", ""); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
}

func TestInboxPageRunsNothing(t *testing.T) {
	box, srv := inboxServer(t)
	_ = box.Send(t.Context(), latchkey.Message{
		Channel: latchkey.FactorEmail, To: `"><img src=x>`, Subject: "<b>hi</b>", Text: "</pre><script>alert(1)</script>",
	})
	res, body := get(t, srv, "GET", "/", "")
	policy := res.Header.Get("Content-Security-Policy")
	nonce, _, _ := strings.Cut(body[strings.Index(body, `nonce="`)+7:], `"`)
	if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "'nonce-"+nonce+"'") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q, nonce %q", policy, nonce)
	}
	for _, bad := range []string{"<script", "<img", "<b>", "http-equiv", "style=\""} {
		if strings.Contains(body, bad) {
			t.Errorf("the page holds %s", bad)
		}
	}
	for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Refresh": "5"} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if res, _ := get(t, srv, "GET", "/?still", ""); res.Header.Get("Refresh") != "" {
		t.Error("the reload cannot be stopped")
	}
	if _, again := get(t, srv, "GET", "/", ""); strings.Contains(again, nonce) {
		t.Error("the nonce repeats")
	}
}

func TestInboxTakesNothingAfterTheEnd(t *testing.T) {
	box, _ := inboxServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if box.Send(ctx, oneSMS) == nil || len(box.Messages()) != 0 {
		t.Error("kept a message of a try that was given up")
	}
}
