package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"latchkey/signature"
)

// credentials say with which key a call is signed. The secret comes from a
// file or the environment, never from the command line, where every process
// of the machine could read it.
type credentials struct {
	Env    string `name:"env" type:"path" placeholder:"FILE" help:"File with LATCHKEY_KEY, LATCHKEY_SECRET and LATCHKEY_GATEWAY, as the console's download makes it."`
	APIKey string `name:"api-key" env:"LATCHKEY_KEY" help:"Public id of the key."`
	Secret string `kong:"-"`
}

// load fills in what the file and the environment say.
func (c *credentials) load() (map[string]string, error) {
	values := map[string]string{"LATCHKEY_SECRET": os.Getenv("LATCHKEY_SECRET")}
	if c.Env != "" {
		file, err := readEnvFile(c.Env)
		if err != nil {
			return nil, err
		}
		for name, value := range file {
			values[name] = value
		}
		if id := file["LATCHKEY_KEY"]; id != "" {
			c.APIKey = id
		}
	}
	c.Secret = values["LATCHKEY_SECRET"]
	if c.APIKey == "" || c.Secret == "" {
		return nil, usagef("no key to sign with: give --env FILE, or set LATCHKEY_KEY and LATCHKEY_SECRET")
	}
	return values, nil
}

// readEnvFile reads lines NAME=VALUE; # begins a comment line; quotes around a
// value are dropped.
func readEnvFile(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, usagef("--env: %w", err)
	}
	defer f.Close()
	values := map[string]string{}
	for lines, n := bufio.NewScanner(f), 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, value, ok := strings.Cut(strings.TrimPrefix(line, "export "), "=")
		if !ok {
			return nil, usagef("--env %s: line %d is not NAME=VALUE", path, n)
		}
		values[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
	}
	return values, nil
}

// readBody takes the JSON of the command line, or standard input for "-".
func readBody(arg string, in io.Reader) ([]byte, error) {
	if arg != "-" {
		return []byte(arg), nil
	}
	body, err := io.ReadAll(io.LimitReader(in, 1<<20))
	return bytes.TrimSpace(body), err
}

// reach says which gateway is spoken to, and with which key.
type reach struct {
	Gateway string `env:"LATCHKEY_GATEWAY" placeholder:"URL" help:"URL of the gateway, such as http://127.0.0.1:8081."`
	Public  bool   `help:"Without a key: what is public only."`
	CA      string `name:"ca" type:"path" placeholder:"FILE" help:"Certificate that the gateway's own is trusted by."`
	credentials
}

// settle loads the key, unless none is wanted, and finds the gateway.
func (r *reach) settle() error {
	if !r.Public {
		values, err := r.load()
		if err != nil {
			return fmt.Errorf("%w; or --public for what needs no key", err)
		}
		if r.Gateway == "" {
			r.Gateway = values["LATCHKEY_GATEWAY"]
		}
	}
	if r.Gateway == "" {
		return usagef("which gateway? give --gateway URL or set LATCHKEY_GATEWAY")
	}
	return nil
}

// trust is nil for the system's certificates, else --ca.
func (r *reach) trust() (*tls.Config, error) {
	if r.CA == "" {
		return nil, nil
	}
	text, err := os.ReadFile(r.CA)
	if err != nil {
		return nil, usagef("--ca: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, usagef("--ca %s: no certificate in PEM form found", r.CA)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}

type callCmd struct {
	Action string `arg:"" help:"Name of the action, such as get_my_orders."`
	Body   string `arg:"" optional:"" default:"{}" help:"JSON of the call; - reads it from standard input."`
	WS     bool   `name:"ws" help:"Over a WebSocket session instead of REST; what is printed is the same."`
	reach
}

// Run signs the call, sends it and prints the answer. The exit code is 1 when
// the gateway or the exchange refused.
func (c *callCmd) Run(ctx context.Context, s streams) error {
	body, err := readBody(c.Body, s.in)
	if err != nil {
		return err
	}
	if c.WS {
		return c.overWS(ctx, s, body)
	}
	return c.overREST(ctx, s, body)
}

func (c *callCmd) overREST(ctx context.Context, s streams, body []byte) error {
	req, err := c.request(ctx, body)
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the gateway was not reached: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("the answer broke off; whether the call was executed is not known: %w", err)
	}
	printAnswer(s.out, answer)
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("refused with status %s", res.Status)
	}
	return nil
}

// overWS opens a session for the one call. What it prints has the form of a
// REST answer, so that a script may use either.
func (c *callCmd) overWS(ctx context.Context, s streams, body []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	line, err := c.open(ctx)
	if err == nil {
		defer line.close()
		err = c.ask(line, s, body)
	}
	if no, ok := errors.AsType[*refused](err); ok {
		printAnswer(s.out, no.answer)
	}
	return err
}

// ask sends the call in an open session and prints its answer.
func (c *callCmd) ask(line *session, s streams, body []byte) error {
	answer, err := line.ask(c.Action, body, nil)
	switch {
	case err != nil && line.last != nil && line.last.Code == "bad_request": // the call is no JSON: it went no further
		text, _ := json.Marshal(refusal{line.last.Reason, line.last.Code})
		printAnswer(s.out, text)
		return err
	case err != nil:
		return fmt.Errorf("the answer broke off; whether the call was executed is not known: %w", err)
	case answer.OK != "ok":
		return refuse("refused", answer)
	}
	printAnswer(s.out, fmt.Appendf(nil, `{"ok":"ok","data":%s}`, answer.Data))
	return nil
}

// printAnswer indents what is JSON.
func printAnswer(w io.Writer, answer []byte) {
	if json.Valid(answer) {
		var pretty bytes.Buffer
		_ = json.Indent(&pretty, answer, "", "  ")
		answer = pretty.Bytes()
	}
	fmt.Fprintln(w, string(bytes.TrimSpace(answer)))
}

// request builds the call, signed unless it is public.
func (c *callCmd) request(ctx context.Context, body []byte) (*http.Request, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	path := "/api/rest-public/"
	header := http.Header{"Content-Type": {"application/json"}}
	if !c.Public {
		path = "/api/rest/"
		stamp := signature.Timestamp(time.Now())
		header[signature.KeyHeader] = []string{c.APIKey}
		header[signature.TimestampHeader] = []string{stamp}
		header[signature.SignatureHeader] = []string{signature.SignREST([]byte(c.Secret), c.Action, stamp, body)}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(c.Gateway, "/")+path+c.Action, bytes.NewReader(body))
	if err != nil {
		return nil, usagef("--gateway: %w", err)
	}
	req.Header = header
	return req, nil
}

// client trusts the system's certificates, or --ca.
func (c *callCmd) client() (*http.Client, error) {
	client := &http.Client{Timeout: answerTime}
	trust, err := c.trust()
	if trust != nil {
		client.Transport = &http.Transport{TLSClientConfig: trust}
	}
	return client, err
}

type signCmd struct {
	Action    string `arg:"" help:"Name of the action, such as get_my_orders."`
	Body      string `arg:"" optional:"" default:"{}" help:"JSON of the call, to the byte as it will be sent; - reads it from standard input."`
	Timestamp string `placeholder:"SECONDS" help:"Unix time in seconds; now when missing."`
	JSON      bool   `name:"json" help:"Print JSON."`
	credentials
}

// Run prints what is signed and the headers that go with it.
func (c *signCmd) Run(s streams) error {
	body, err := readBody(c.Body, s.in)
	if err != nil {
		return err
	}
	if _, err := c.load(); err != nil {
		return err
	}
	if c.Timestamp == "" {
		c.Timestamp = signature.Timestamp(time.Now())
	}
	mac := signature.SignREST([]byte(c.Secret), c.Action, c.Timestamp, body)
	if _, err := signature.ParseREST([]byte(c.APIKey), []byte(c.Timestamp), []byte(mac), []byte(c.Action), body); err != nil {
		return usageError{err}
	}
	text := c.Action + c.Timestamp + string(body)
	if c.JSON {
		return printJSON(s.out, map[string]string{
			"stringToSign": text, signature.KeyHeader: c.APIKey, signature.TimestampHeader: c.Timestamp, signature.SignatureHeader: mac,
		})
	}
	_, err = fmt.Fprintf(s.out, "string to sign: %s\n%s: %s\n%s: %s\n%s: %s\n", text,
		signature.KeyHeader, c.APIKey, signature.TimestampHeader, c.Timestamp, signature.SignatureHeader, mac)
	return err
}
