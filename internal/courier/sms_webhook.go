package courier

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"latchkey"
)

// SignatureHeader carries "v1,t=<unix seconds>,h=<hex>", where h is the
// HMAC-SHA256 of "<t>.<body>" under the shared secret. The receiver compares it
// in constant time and refuses a t that is older than it likes.
const SignatureHeader = "Latchkey-Webhook-Signature"

// WebhookConfig says where SMS are posted to.
type WebhookConfig struct {
	URL    string          // https, or http on loopback
	Secret latchkey.Secret // at least 32 bytes, shared with the receiver
	CAFile string          // PEM; "" means the system's authorities
	Now    func() time.Time
}

// Webhook is a Sender that posts each SMS as JSON to a URL of the operator's,
// signed: {"to": "+35312345678", "text": "...", "id": "..."}. The id is the
// same for each try of one message, so that the receiver can drop repetitions.
type Webhook struct {
	url    *url.URL
	secret []byte
	client *http.Client
	now    func() time.Time
}

// webhookBody is what is posted. Its field names are a promise to receivers:
// they may grow in number, never change.
type webhookBody struct {
	To   string `json:"to"`
	Text string `json:"text"`
	ID   string `json:"id"`
}

// NewWebhook checks the configuration; it does not connect.
func NewWebhook(cfg WebhookConfig) (*Webhook, error) {
	u, err := secureURL("SMS webhook", cfg.URL)
	if err != nil {
		return nil, err
	}
	// As long as the MAC (RFC 2104, 3: a shorter key weakens it).
	if len(cfg.Secret) < 32 {
		return nil, errors.New("SMS webhook: the secret must have at least 32 bytes; make one with: openssl rand -hex 32")
	}
	client, err := newClient(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("SMS webhook: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Webhook{url: u, secret: []byte(cfg.Secret.Reveal()), client: client, now: cfg.Now}, nil
}

// Send posts one SMS. 2xx is success; 429 and 5xx are tried again; any other
// answer, redirects included, is permanent.
func (w *Webhook) Send(ctx context.Context, m latchkey.Message) error {
	if err := wrongChannel(latchkey.FactorSMS, m); err != nil {
		return err
	}
	body, err := json.Marshal(webhookBody{To: m.To, Text: m.Text, ID: w.id(m)})
	if err != nil {
		return fmt.Errorf("SMS webhook: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url.String(), bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("SMS webhook: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(SignatureHeader, w.sign(body))
	// The body of the answer is not asked for: it could only quote the message.
	status, _, err := exchange(w.client, req)
	switch {
	case err != nil:
		return fmt.Errorf("SMS webhook: %w", err)
	case status >= 200 && status < 300:
		return nil
	case status == http.StatusTooManyRequests || status >= 500:
		return fmt.Errorf("SMS webhook: answered %d", status)
	}
	return fmt.Errorf("SMS webhook: answered %d: %w", status, ErrPermanent)
}

// sign returns the value of SignatureHeader. The time is inside the MAC, so an
// old request cannot be given a new date.
func (w *Webhook) sign(body []byte) string {
	at := strconv.FormatInt(w.now().Unix(), 10)
	return "v1,t=" + at + ",h=" + hex.EncodeToString(w.mac([]byte(at+"."), body))
}

// id names a message by its content. Keyed, because a bare hash of a text with
// six unknown digits in it could be turned back.
func (w *Webhook) id(m latchkey.Message) string {
	return "sms_" + hex.EncodeToString(w.mac([]byte("id\x00"+m.To+"\x00"), []byte(m.Text))[:16])
}

// mac runs over parts without a separator; its callers see to it that no two
// inputs of different meaning can be joined to the same bytes.
func (w *Webhook) mac(parts ...[]byte) []byte {
	mac := hmac.New(sha256.New, w.secret)
	for _, part := range parts {
		mac.Write(part)
	}
	return mac.Sum(nil)
}
