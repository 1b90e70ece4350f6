package courier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"latchkey"
)

// TwilioConfig is an account of Twilio, or of a service with the same API.
type TwilioConfig struct {
	Base       string // "" means https://api.twilio.com
	AccountSID string
	AuthToken  latchkey.Secret
	From       string // sender's number; or
	Service    string // MessagingServiceSid: exactly one of the two
	CAFile     string // PEM; "" means the system's authorities
}

// Twilio is a Sender that sends each SMS by one form POST. There is no client
// library in between: it is one request, and its errors are ours to word.
type Twilio struct {
	cfg    TwilioConfig
	url    string
	client *http.Client
}

// sidForm keeps the account's id from changing the path that it stands in.
var sidForm = regexp.MustCompile(`^[A-Za-z0-9]{2,64}$`)

// hopeless are Twilio's error codes that speak about this recipient or text:
// not a number, unreachable, no SMS there, opted out, not allowed to that
// country, landline, empty or too long text.
var hopeless = []int{21211, 21214, 21217, 21219, 21265, 21401, 21407, 21408, 21421, 21601, 21602, 21604, 21605, 21608, 21610, 21612, 21614, 21617}

// NewTwilio checks the configuration; it does not connect.
func NewTwilio(cfg TwilioConfig) (*Twilio, error) {
	if cfg.Base == "" {
		cfg.Base = "https://api.twilio.com"
	}
	u, err := secureURL("Twilio base URL", cfg.Base)
	switch {
	case err != nil:
		return nil, err
	case !sidForm.MatchString(cfg.AccountSID):
		return nil, errors.New("Twilio: the account SID is letters and digits, as the Twilio console shows it")
	case cfg.AuthToken == "":
		return nil, errors.New("Twilio: the auth token is missing")
	case (cfg.From == "") == (cfg.Service == ""):
		return nil, errors.New("Twilio: set either the sender's number or the messaging service, not both")
	}
	client, err := newClient(cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("Twilio: %w", err)
	}
	return &Twilio{cfg: cfg, client: client, url: u.JoinPath("2010-04-01", "Accounts", cfg.AccountSID, "Messages.json").String()}, nil // #nosec G125 -- sidForm is letters and digits
}

// Send posts one SMS. A 2xx means that the service took it, not that the phone
// has it: what becomes of it later is not asked for, the member has Resend.
func (t *Twilio) Send(ctx context.Context, m latchkey.Message) error {
	if err := wrongChannel(latchkey.FactorSMS, m); err != nil {
		return err
	}
	form := url.Values{"To": {m.To}, "Body": {m.Text}}
	if t.cfg.Service != "" {
		form.Set("MessagingServiceSid", t.cfg.Service)
	} else {
		form.Set("From", t.cfg.From)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, t.url, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("Twilio: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	// Never in the URL: proxies and logs keep those.
	req.SetBasicAuth(t.cfg.AccountSID, t.cfg.AuthToken.Reveal())
	status, body, err := exchange(t.client, req)
	if err != nil {
		return fmt.Errorf("Twilio: %w", err)
	}
	return judgeTwilio(status, body)
}

// judgeTwilio maps an answer to an error. Only codes go into it: Twilio's
// messages quote the phone number. What speaks about the account (401, no
// funds, wrong sender) is tried again, because the operator can mend it while
// the message still has sense.
func judgeTwilio(status int, body []byte) error {
	if status >= 200 && status < 300 {
		return nil
	}
	var answer struct {
		Code int `json:"code"`
	}
	_ = json.Unmarshal(body, &answer) // no code is 0; the status stays
	if slices.Contains(hopeless, answer.Code) && status < 500 && status != http.StatusTooManyRequests {
		return fmt.Errorf("Twilio: answered %d, code %d: %w", status, answer.Code, ErrPermanent)
	}
	return fmt.Errorf("Twilio: answered %d, code %d", status, answer.Code)
}
