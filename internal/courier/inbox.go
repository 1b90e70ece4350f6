package courier

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"time"

	"latchkey"
)

// inboxMost is how many messages an inbox keeps.
const inboxMost = 200

// sixDigits finds the code. It is taken from messages that expire only, where
// the code stands before any name, so that a key called "123456" is no code.
var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// Inbox is a Sender for both channels that keeps the newest 200 messages in
// memory and shows them on a page of this machine. It is for the demo and for
// tests: whoever opens it reads every code.
type Inbox struct {
	now  func() time.Time
	mu   sync.Mutex
	last int
	kept []InboxMessage // newest first
}

// InboxMessage is a message as GET /messages shows it. Scripts of the demo read
// it, so its fields stay.
type InboxMessage struct {
	ID      string              `json:"id"` // "1", "2"... in the order of arrival
	At      time.Time           `json:"at"`
	Channel latchkey.FactorKind `json:"channel"` // "email" or "sms"
	To      string              `json:"to"`
	Subject string              `json:"subject"` // "" for SMS
	Text    string              `json:"text"`
	Code    string              `json:"code"` // six digits, or "" in a notice
}

// NewInbox makes an empty inbox. A nil now means time.Now.
func NewInbox(now func() time.Time) *Inbox {
	if now == nil {
		now = time.Now
	}
	return &Inbox{now: now, kept: []InboxMessage{}}
}

// Send keeps the message. It fails only when ctx has ended.
func (b *Inbox) Send(ctx context.Context, m latchkey.Message) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	code := ""
	if !m.Expires.IsZero() {
		code = sixDigits.FindString(m.Text)
	}
	// Numbers go on when old messages fall out, so an id never means two.
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	// A new slice each time: those handed out by Messages stay as they are.
	kept := append(make([]InboxMessage, 0, inboxMost+1), InboxMessage{
		ID: strconv.Itoa(b.last), At: b.now().UTC(), Channel: m.Channel,
		To: m.To, Subject: m.Subject, Text: m.Text, Code: code,
	})
	kept = append(kept, b.kept...)
	b.kept = kept[:min(len(kept), inboxMost)]
	return nil
}

// Messages returns what is kept, newest first. The slice must not be written
// to.
func (b *Inbox) Messages() []InboxMessage {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.kept
}

// Handler serves the page at GET / and the messages at GET /messages as JSON.
// It may stand under a prefix with http.StripPrefix; links are relative.
func (b *Inbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", b.page)
	mux.HandleFunc("GET /messages", b.list)
	return onlyLoopback(mux)
}

func (b *Inbox) list(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(b.Messages()) // fails only when the reader went away
}

// onlyLoopback refuses requests whose Host is not this machine. A web page
// elsewhere can make its own name point to 127.0.0.1 (DNS rebinding) and read
// the codes as its own origin; but it cannot change the Host that is sent.
func onlyLoopback(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		head := w.Header()
		head.Set("Cache-Control", "no-store")
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "no-referrer")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		// Before the routes: an unknown path must not tell that somebody is here.
		if !loopback(hostName(r.Host)) {
			http.Error(w, "The inbox answers to localhost only: open it as http://localhost or http://127.0.0.1", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostName takes the port and the brackets of IPv6 off a Host header.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if n := len(host); n > 2 && host[0] == '[' && host[n-1] == ']' {
		return host[1 : n-1]
	}
	return host
}
