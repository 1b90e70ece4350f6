package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/signature"
)

// The load of signed calls: so many a second, over so many connections. It is
// far from what the gateway can do, so that waiting is what shows.
const (
	callRate  = 400
	callLanes = 8
	stormers  = 64 // clients that sign in without a pause
)

// onServer measures a whole server: the API, then signed calls without and with
// a storm of sign-ins, in pairs.
func onServer(ctx context.Context, s settings) ([]string, error) {
	upstream, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	exchange := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"ok":"ok","data":{}}`)
	})}
	go exchange.Serve(upstream)
	defer exchange.Close()
	c, err := startChild(filepath.Join(s.dir, "server"), "http://"+upstream.Addr().String())
	if err != nil {
		return nil, err
	}
	defer c.stop()
	b := &bot{place: c.place, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callLanes}, Timeout: 10 * time.Second}}
	if err := b.refused(ctx); err != nil {
		return nil, err
	}
	rows, err := measureAPI(ctx, c.place, s.length)
	if err != nil {
		return nil, err
	}
	storm, err := b.pairs(ctx, s, c)
	return append(rows, storm), err
}

// pairs compares in pairs: what else the machine does hits both.
func (b *bot) pairs(ctx context.Context, s settings, c *child) (string, error) {
	var quiet, loud []time.Duration
	var ratios []float64
	var signIns int64
	before, err := c.resident()
	if err != nil {
		return "", err
	}
	most := before
	for range s.rounds {
		q, err := b.load(ctx, s.length)
		if err != nil {
			return "", err
		}
		end, n := begin(ctx, b.Console)
		l, err := b.load(ctx, s.length)
		now, failed := c.resident()
		if err := errors.Join(err, failed, end()); err != nil {
			return "", err
		}
		most, signIns = max(most, now), signIns+n.Load()
		quiet, loud, ratios = append(quiet, at(0.5, q)), append(loud, at(0.5, l)), append(ratios, float64(at(0.5, l))/float64(at(0.5, q)))
	}
	fmt.Printf("storm: %d clients, %.0f sign-ins a second, %.0f MB more memory; a signed call takes %s, and %s without it (p50 at %d a second)\n",
		stormers, float64(signIns)/(float64(s.rounds)*s.length.Seconds()), most-before,
		at(0.5, loud).Round(time.Microsecond), at(0.5, quiet).Round(time.Microsecond), callRate)
	ratio := at(0.5, ratios)
	return row(fmt.Sprintf("p50 of signed calls while %d clients sign in, beside without", stormers), fmt.Sprintf("%.2f", ratio), "<= 1.5 x", ratio <= 1.5), nil
}

// bot makes signed calls.
type bot struct {
	place
	client *http.Client
	number atomic.Int64
}

// call sends one. Each has another body, so each has a signature of its own.
func (b *bot) call(ctx context.Context, secret string) (status int, err error) {
	body := fmt.Appendf(nil, `{"n":%d}`, b.number.Add(1))
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.Gateway+"/api/rest/get_my_orders", bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	stamp := signature.Timestamp(time.Now())
	req.Header = http.Header{"Content-Type": {"application/json"}, signature.KeyHeader: {b.Key}, signature.TimestampHeader: {stamp},
		signature.SignatureHeader: {signature.SignREST([]byte(secret), "get_my_orders", stamp, body)}}
	res, err := b.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}

// refused makes sure that calls are judged in the very set-up that is measured.
func (b *bot) refused(ctx context.Context) error {
	status, err := b.call(ctx, "another secret")
	if err == nil && status != http.StatusUnauthorized {
		err = fmt.Errorf("a wrong signature is answered with %d", status)
	}
	return err
}

// load makes calls at the times at which they are due, and counts each from then
// on: one that waits for another is slow, too.
func (b *bot) load(ctx context.Context, length time.Duration) (took []time.Duration, err error) {
	var mu sync.Mutex
	var all sync.WaitGroup
	start, gap := time.Now(), time.Second*callLanes/callRate
	for lane := range callLanes {
		all.Go(func() {
			var mine []time.Duration
			var failed error
			for due := start.Add(gap * time.Duration(lane) / callLanes); failed == nil && due.Sub(start) < length; due = due.Add(gap) {
				time.Sleep(time.Until(due))
				var status int
				if status, failed = b.call(ctx, b.Secret); failed == nil && status != http.StatusOK {
					failed = fmt.Errorf("a signed call is answered with %d", status)
				}
				mine = append(mine, time.Since(due))
			}
			mu.Lock()
			defer mu.Unlock()
			took, err = append(took, mine...), errors.Join(err, failed)
		})
	}
	all.Wait()
	return took, err
}

// begin lets clients sign in with wrong passwords until end is called. n is how
// many were answered.
func begin(ctx context.Context, console string) (end func() error, n *atomic.Int64) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	n = new(atomic.Int64)
	var failed atomic.Pointer[error]
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: stormers}}
	for i := range stormers {
		who := email
		if i%2 == 1 {
			who = fmt.Sprintf("nobody-%d@bench.example", i)
		}
		all.Go(func() {
			for ctx.Err() == nil {
				status, _, err := post(ctx, client, console+"/v1/session", fmt.Sprintf(`{"email":%q,"password":"not the password"}`, who))
				if err == nil && status != http.StatusUnauthorized && status != http.StatusServiceUnavailable {
					err = fmt.Errorf("a wrong password is answered with %d", status)
				}
				if err != nil && ctx.Err() == nil {
					failed.Store(&err)
					return
				}
				n.Add(1)
			}
		})
	}
	return func() error {
		cancel()
		all.Wait()
		client.CloseIdleConnections()
		if err := failed.Load(); err != nil {
			return *err
		}
		return nil
	}, n
}
