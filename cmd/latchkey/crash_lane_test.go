package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/tidwall/gjson"

	"latchkey"
	"latchkey/internal/operator"
)

// errLost means that the answer did not come: the server was killed.
var errLost = errors.New("no answer")

// lane is one worker that saves all the time, one key after the other.
type lane struct {
	name  string
	rng   *rand.Rand
	keys  []*history    // the last one is the key that it works on
	saved int           // acknowledged saves
	rest  time.Duration // the longest pause between two saves
	heard chan struct{} // is told of each
	fault error         // what a running server must not have answered
}

// key is the one that the lane works on.
func (l *lane) key() *history { return l.keys[len(l.keys)-1] }

// fresh begins with a new key when there is none yet, or it was deleted.
func (l *lane) fresh() bool {
	return len(l.keys) == 0 || l.key().now().Status == latchkey.StatusDeleted
}

// work saves until the server is gone.
func (l *lane) work(ctx context.Context, save func(context.Context) error) {
	for ctx.Err() == nil {
		err := save(ctx)
		switch {
		case err == nil:
			l.saved++
			select {
			case l.heard <- struct{}{}:
			default:
			}
			pause(ctx, time.Duration(l.rng.IntN(int(l.rest)+1)))
		case errors.Is(err, errLost):
			return
		default:
			l.fault = fmt.Errorf("%s: %w", l.name, err)
			return
		}
	}
}

// pause leaves the outbox time for codes among all the notices.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d): // the other process keeps real time
	}
}

// somePermissions are other ones than those given.
func somePermissions(rng *rand.Rand, than latchkey.Permissions) latchkey.Permissions {
	for {
		if p := latchkey.Read | latchkey.Permissions(rng.IntN(16))<<1; p != than {
			return p
		}
	}
}

// operatorLane uses the socket: create, activate, deactivate, delete.
type operatorLane struct {
	lane
	data string
}

// save does one operation that the key's status allows.
func (l *operatorLane) save(ctx context.Context) error {
	if l.fresh() {
		return l.create(ctx, "operated")
	}
	h := l.key()
	ops := map[latchkey.Status][]latchkey.Operation{
		latchkey.StatusInactive: {latchkey.OpActivate, latchkey.OpActivate, latchkey.OpActivate, latchkey.OpDelete},
		latchkey.StatusActive:   {latchkey.OpDeactivate, latchkey.OpDeactivate, latchkey.OpDeactivate, latchkey.OpDelete},
		latchkey.StatusNone:     {latchkey.OpCreate},
	}[h.now().Status]
	op := ops[l.rng.IntN(len(ops))]
	if op == latchkey.OpCreate { // the one of the round before did not happen
		return l.create(ctx, "operated")
	}
	h.send(h.next(op))
	_, err := l.call(ctx, h, "key."+string(op), operator.IDArgs{ID: h.id})
	return err
}

func (l *operatorLane) create(ctx context.Context, account string) error {
	h := &history{name: fmt.Sprintf("%s-%d", l.name, len(l.keys))}
	l.keys = append(l.keys, h)
	permissions := somePermissions(l.rng, 0)
	h.send(h.next(latchkey.OpCreate, func(s *keyState) { s.Permissions, s.Allowlist = permissions, "192.0.2.7" }))
	made, err := l.call(ctx, h, "key.create", operator.KeyArgs{Account: account, Name: h.name, Permissions: permissions.Names(), Allowlist: []string{"192.0.2.7"}})
	h.id = made.ID
	return err
}

// call sends one command and notes what became of it.
func (l *operatorLane) call(ctx context.Context, h *history, op string, args any) (made operator.Key, err error) {
	raw, err := operate(ctx, l.data, op, args)
	if err != nil {
		if !errors.Is(err, errLost) {
			h.refused()
		}
		return made, err
	}
	h.acknowledged()
	return made, json.Unmarshal(raw, &made)
}

// operate sends a command over the socket. Every error that is not the
// server's own word is errLost.
func operate(ctx context.Context, data, op string, args any) (json.RawMessage, error) {
	text, err := json.Marshal(args)
	if err != nil {
		return nil, err
	}
	raw, err := operator.Call(ctx, data, operator.Request{Op: op, Args: text})
	if _, refused := errors.AsType[*latchkey.Error](err); err != nil && !refused {
		return nil, fmt.Errorf("%w: %w", errLost, err)
	}
	return raw, err
}

// proof is a confirmation that was sent: which pending, with which code, for
// which change.
type proof struct {
	pending, code string
	change        change
}

// ownerLane uses the management API in the owner's session: edits with a code
// by SMS, activations with a code by mail.
type ownerLane struct {
	lane
	rig     *rig
	spent   []proof // happened: none may ever count again
	doubted *proof  // its answer was lost
	again   int     // proofs that were tried a second time
	late    int     // proofs that counted at the second try only
	wrong   int     // codes of an older pending
}

// save edits an active key, and activates an inactive one.
func (l *ownerLane) save(ctx context.Context) error {
	h := l.key()
	if err := l.replay(ctx, h); err != nil {
		return err
	}
	now := h.now()
	if now.Status == latchkey.StatusInactive && l.rng.IntN(3) > 0 {
		return l.step(ctx, "POST", "/activate", map[string]any{"version": now.Version}, h.next(latchkey.OpActivate), ownerEmail, `activate key "`+h.name+`"`)
	}
	if now.Status == latchkey.StatusActive && l.rng.IntN(4) == 0 {
		return l.deactivate(ctx, h)
	}
	permissions := somePermissions(l.rng, now.Permissions)
	address := fmt.Sprintf("198.51.100.%d", l.rng.IntN(256))
	edited := h.next(latchkey.OpEdit, func(s *keyState) { s.Permissions, s.Allowlist = permissions, address })
	body := map[string]any{"version": now.Version, "permissions": permissions.Names(), "allowlist": []string{address}}
	return l.step(ctx, "PATCH", "", body, edited, ownerPhone, "edit key "+h.name)
}

// settle is told what the look after the crash found about the lost proof. One
// that happened is spent; one that did not is as good as before.
func (l *ownerLane) settle(happened bool) {
	if l.doubted != nil && happened {
		l.spent = append(l.spent, *l.doubted)
		l.doubted = nil
	}
}

// replay tries the newest proofs again: a code counts once, on whichever side
// of a crash. One whose answer was lost, and which did not happen, counts now.
func (l *ownerLane) replay(ctx context.Context, h *history) error {
	for len(l.spent) > 0 {
		status, answer, err := l.confirm(ctx, l.spent[0])
		if err != nil {
			return err
		}
		if status != http.StatusConflict || answer.Get("code").String() != "pending_confirmed" {
			return fmt.Errorf("a proof that was used is answered with %d %s", status, answer)
		}
		l.again++
		l.spent = l.spent[1:]
	}
	if p := l.doubted; p != nil {
		h.send(p.change)
		status, answer, err := l.confirm(ctx, *p)
		if err != nil {
			return err
		}
		l.doubted = nil
		if answer.Get("code").String() == "wrong_code" {
			h.refused()
			l.wrong++
			return nil
		}
		l.late++
		return l.answered(h, status, answer)
	}
	return nil
}

func (l *ownerLane) confirm(ctx context.Context, p proof) (int, gjson.Result, error) {
	return l.rig.api(ctx, "POST", "/v1/pending/"+p.pending+"/confirm", map[string]any{"code": p.code})
}

func (l *ownerLane) deactivate(ctx context.Context, h *history) error {
	h.send(h.next(latchkey.OpDeactivate))
	status, answer, err := l.rig.api(ctx, "POST", "/v1/keys/"+h.id+"/deactivate", nil)
	if err != nil {
		return err
	}
	return l.answered(h, status, answer)
}

// step opens a pending, waits for its code and confirms.
func (l *ownerLane) step(ctx context.Context, method, path string, body map[string]any, c change, to, about string) error {
	h := l.key()
	status, opened, err := l.rig.api(ctx, method, "/v1/keys/"+h.id+path, body)
	if err != nil {
		return err
	}
	if status != http.StatusAccepted {
		return fmt.Errorf("%s: %d %s", about, status, opened)
	}
	for {
		code, ok := l.rig.office.code(ctx, to, about)
		if !ok {
			return errLost
		}
		p := proof{opened.Get("id").String(), code, c}
		h.send(c)
		l.doubted = &p
		status, answer, err := l.confirm(ctx, p)
		if err != nil {
			return err
		}
		l.doubted = nil
		if answer.Get("code").String() == "wrong_code" {
			// A message of a pending from before the crash: the outbox sends
			// again what it does not know to be sent.
			h.refused()
			l.wrong++
			continue
		}
		l.spent = []proof{p} // the newest is enough
		return l.answered(h, status, answer)
	}
}

func (l *ownerLane) answered(h *history, status int, answer gjson.Result) error {
	if status != http.StatusOK {
		h.refused()
		return fmt.Errorf("refused: %d %s", status, answer)
	}
	h.acknowledged()
	return nil
}

// api sends one request in the owner's session. errLost when no whole answer
// came.
func (r *rig) api(ctx context.Context, method, path string, body map[string]any) (int, gjson.Result, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return 0, gjson.Result{}, err
		}
	}
	// Not the round's context: a request is cut off by the kill and nothing else.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.console+path, bytes.NewReader(text))
	if err != nil {
		return 0, gjson.Result{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := r.browser.Do(req)
	if err != nil {
		return 0, gjson.Result{}, fmt.Errorf("%w: %w", errLost, err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, gjson.Result{}, fmt.Errorf("%w: %w", errLost, err)
	}
	return res.StatusCode, gjson.ParseBytes(answer), nil
}
