package main

import (
	"bytes"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"latchkey/signature"

	"github.com/fasthttp/websocket"
)

// The load of one run: so many sessions, each with so many messages on the way.
const (
	busy   = 32
	window = 8
)

// result of a run: messages a second each way, and processor time a round trip
// in microseconds.
type result struct{ rate, cost float64 }

// open connects; a session at the gateway logs on.
func open(p *process, n int, logon bool) (*websocket.Conn, error) {
	conn, _, err := dialer.Dial("ws://"+p.address+"/api/ws", nil)
	if err != nil {
		return nil, err
	}
	_, _, err = conn.ReadMessage() // connected
	if err != nil || !logon {
		return conn, err
	}
	stamp := fmt.Sprint(time.Now().Unix())
	text := fmt.Sprintf(`{"e":"auth","auth":{"key":%q,"timestamp":%q,"signature":%q}}`, keyID(n), stamp, signature.SignWS([]byte(secret.Reveal()), stamp, keyID(n)))
	if err := conn.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		return nil, err
	}
	_, answer, err := conn.ReadMessage()
	if err == nil && !bytes.Contains(answer, []byte(`"ok":"ok"`)) {
		err = fmt.Errorf("logon: %s", answer)
	}
	return conn, err
}

// flood keeps a window of messages on the way in each session, for a time.
func flood(p *process, logon bool, length time.Duration) (result, error) {
	conns := make([]*websocket.Conn, busy)
	for i := range conns {
		conn, err := open(p, i, logon)
		if err != nil {
			return result{}, err
		}
		defer conn.Close()
		conns[i] = conn
	}
	if err := refuses(conns[0], logon); err != nil {
		return result{}, err
	}
	used, err := p.cpu()
	if err != nil {
		return result{}, err
	}
	var answered atomic.Int64
	var all sync.WaitGroup
	begin := time.Now()
	for _, conn := range conns {
		all.Go(func() { answered.Add(exchangeMessages(conn, begin.Add(length))) })
	}
	all.Wait()
	took := time.Since(begin).Seconds()
	after, err := p.cpu()
	n := float64(answered.Load())
	return result{rate: n / took, cost: (after - used) / n * 1e6}, err
}

// refuses makes sure that checks are made: what the key may not do is refused
// in the very set-up that is measured.
func refuses(conn *websocket.Conn, logon bool) error {
	if !logon {
		return nil
	}
	if err := conn.WriteMessage(websocket.TextMessage, []byte(`{"e":"auth","oid":"x","auth":{}}`)); err != nil {
		return err
	}
	if _, answer, err := conn.ReadMessage(); err != nil || !bytes.Contains(answer, []byte("bad_request")) {
		return errors.Join(err, fmt.Errorf("a second logon is answered with %s", answer))
	}
	return nil
}

// exchangeMessages returns how many replies came back before the end.
func exchangeMessages(conn *websocket.Conn, end time.Time) (n int64) {
	var text []byte
	say := func(oid int64) error {
		text = fmt.Appendf(text[:0], `{"e":"get_my_orders","oid":"%d","data":{"pair":"BTC-USD","pageSize":100}}`, oid)
		return conn.WriteMessage(websocket.TextMessage, text)
	}
	for i := range int64(window) {
		if say(-i) != nil {
			return 0
		}
	}
	var buf []byte
	for time.Now().Before(end) {
		_, r, err := conn.NextReader()
		if err != nil {
			return n
		}
		if buf, err = readInto(buf[:0], r); err != nil {
			return n
		}
		n++
		if say(n) != nil {
			return n
		}
	}
	return n
}

// idle opens sessions, lets them rest, and returns what each has cost, in KB.
func idle(p *process, logon bool, sessions int) (float64, error) {
	before, err := p.resident()
	if err != nil {
		return 0, err
	}
	conns := make([]*websocket.Conn, sessions)
	defer func() {
		for _, conn := range conns {
			if conn != nil {
				_ = conn.Close()
			}
		}
	}()
	failed := make(chan error, 8)
	var all sync.WaitGroup
	for side := range 8 {
		all.Go(func() {
			for i := side; i < sessions; i += 8 {
				conn, err := open(p, i, logon)
				if err != nil {
					failed <- fmt.Errorf("session %d: %w", i, err)
					return
				}
				conns[i] = conn
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return 0, err
	default:
	}
	after, err := p.resident()
	return (after - before) / float64(sessions), err
}
