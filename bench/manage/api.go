package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"time"
)

func post(ctx context.Context, client *http.Client, url, body string) (int, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader([]byte(body)))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	return res.StatusCode, answer, err
}

// measureAPI signs in and asks for the keys, then for an activation: a bucket is
// charged and committed, then a pending with its activity and its mail.
func measureAPI(ctx context.Context, p place, length time.Duration) ([]string, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	status, answer, err := post(ctx, client, p.Console+"/v1/session", fmt.Sprintf(`{"email":%q,"password":%q}`, email, password))
	if err != nil || status != http.StatusOK {
		return nil, errors.Join(err, fmt.Errorf("signing in is answered with %d %s", status, answer))
	}
	read, err := repeat(length, func() error {
		res, err := client.Get(p.Console + "/v1/keys")
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return errors.Join(err, must(res.StatusCode, http.StatusOK))
	})
	if err != nil {
		return nil, err
	}
	change, err := repeat(length, func() error {
		status, _, err := post(ctx, client, p.Console+"/v1/keys/"+p.Inactive+"/activate", `{"version":1}`)
		return errors.Join(err, must(status, http.StatusAccepted))
	})
	return []string{
		row("console API: the list of keys, p50", read.Round(time.Microsecond).String(), "<= 5 ms", read <= 5*time.Millisecond),
		row("console API: an activation is asked for, 2 commits, p50", change.Round(time.Microsecond).String(), "<= 10 ms", change <= 10*time.Millisecond),
	}, err
}

func must(status, want int) error {
	if status != want {
		return fmt.Errorf("answered with %d, not %d", status, want)
	}
	return nil
}

// repeat does something again and again, and returns the p50.
func repeat(length time.Duration, do func() error) (time.Duration, error) {
	var took []time.Duration
	for begin := time.Now(); time.Since(begin) < length; {
		each := time.Now()
		if err := do(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(each))
	}
	return at(0.5, took), nil
}
