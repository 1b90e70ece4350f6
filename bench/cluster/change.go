package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"latchkey"
	"latchkey/internal/operator"
	"latchkey/signature"
)

// patience is how long a node may take until something is wrong.
const patience = 30 * time.Second

// makeKey creates the key that is changed.
func (f *fleet) makeKey(ctx context.Context) error {
	list, _ := latchkey.ParseAllowlist("127.0.0.1")
	now := time.Now()
	f.secret = latchkey.NewSecret()
	f.key = latchkey.Key{
		ID: latchkey.NewKeyID(), AccountID: account, Name: "bot", Permissions: latchkey.NewPermissions(latchkey.Read), Allowlist: list,
		Status: latchkey.StatusInactive, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if _, err := f.desk.Apply(ctx, latchkey.Deed{At: now, Key: &f.key, Secret: f.secret, KeysMost: 5, Activity: f.activity(latchkey.ActKeyCreated)}); err != nil {
		return fmt.Errorf("create a key: %w", err)
	}
	return nil
}

func (f *fleet) activity(kind latchkey.ActivityType) latchkey.Activity {
	a := latchkey.NewActivity(time.Now(), latchkey.Actor{Source: latchkey.SourceOperator, AccountID: account, IP: "local"}, kind)
	a.KeyID, a.Subject = f.key.ID, f.key.Name
	return a
}

// cold is how many changes do not count: what comes first meets cold connections.
const cold = 10

// measure switches the key off and on, and asks the last node all the time.
// Only what is switched off counts: until every node knows, a key that is
// switched on is refused everywhere.
func (f *fleet) measure(ctx context.Context, changes int) (enforced []time.Duration, err error) {
	far := f.nodes[len(f.nodes)-1]
	for n := range changes + 2*cold {
		on := n%2 == 0
		took, err := f.change(ctx, far, on)
		if err != nil {
			return nil, fmt.Errorf("change %d: %w", n+1, err)
		}
		if n >= 2*cold && !on {
			enforced = append(enforced, took)
		}
	}
	return enforced, nil
}

// receipts lets the console switch the key, and measures until it says that
// every node enforces it: what an owner waits for behind the proof.
func (f *fleet) receipts(ctx context.Context, changes int) (took []time.Duration, err error) {
	args, err := json.Marshal(operator.IDArgs{ID: f.key.ID})
	if err != nil {
		return nil, err
	}
	for n := range changes + cold {
		op := "key.activate"
		if (f.key.Status == latchkey.StatusActive) != (n%2 == 1) {
			op = "key.deactivate"
		}
		begin := time.Now()
		if _, err := operator.Call(ctx, f.data(), operator.Request{Op: op, Args: args}); err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		if n >= cold {
			took = append(took, time.Since(begin))
		}
	}
	return took, nil
}

// change switches the key, and returns how long after the commit the far node
// decides by it. It returns when every node does.
func (f *fleet) change(ctx context.Context, far *node, on bool) (enforced time.Duration, err error) {
	op, kind, want := latchkey.OpDeactivate, latchkey.ActKeyDeactivated, http.StatusUnauthorized
	if on {
		op, kind, want = latchkey.OpActivate, latchkey.ActKeyActivated, http.StatusOK
	}
	now := time.Now()
	next, err := f.key.Moved(op, now)
	if err != nil {
		return 0, err
	}
	if _, err := f.desk.Apply(ctx, latchkey.Deed{At: now, Key: &next, KeyFrom: f.key.Version, Activity: f.activity(kind)}); err != nil {
		return 0, err
	}
	committed := time.Now()
	passed := make(chan error, 1)
	go func() {
		_, err := f.barrier.Pass(ctx)
		passed <- err
	}()
	enforced, err = f.await(ctx, far, want, committed)
	f.key = next
	return enforced, errors.Join(err, <-passed)
}

// await calls a node until it decides by a change: it then allows what it has
// refused, or no longer allows. "The key is being changed" is no longer allowed.
func (f *fleet) await(ctx context.Context, n *node, want int, since time.Time) (time.Duration, error) {
	for time.Since(since) < patience {
		status, err := f.call(ctx, n)
		switch {
		case err != nil:
			return 0, err
		case want == http.StatusOK && status == want, want != http.StatusOK && status != http.StatusOK:
			return time.Since(since), nil // with the call and its answer
		}
	}
	return 0, fmt.Errorf("%s does not know of a change after %s", n.name, patience)
}

func (f *fleet) call(ctx context.Context, n *node) (int, error) {
	const action, body = "get_fee_strategy", "{}"
	stamp := signature.Timestamp(time.Now())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+n.address+"/api/rest/"+action, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set(signature.KeyHeader, f.key.ID)
	r.Header.Set(signature.TimestampHeader, stamp)
	r.Header.Set(signature.SignatureHeader, signature.SignREST([]byte(f.secret.Reveal()), action, stamp, []byte(body)))
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return res.StatusCode, err
}
