package testenv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fasthttp/websocket"
	"go.uber.org/goleak"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
	"latchkey/internal/testenv/redis"
	"latchkey/signature"
)

// soak is a system under load for a long time.
type soak struct {
	*patient
	wires []*wire       // to all that it depends on
	bots  []testenv.Bot // the first of them is edited all the time

	allowed, refused, echoed, ended, edits, faults atomic.Int64
}

// echo is an exchange that answers calls, and messages with themselves.
func echo(t *testing.T) string {
	up := websocket.Upgrader{ReadBufferSize: 256, WriteBufferSize: 256}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !websocket.IsWebSocketUpgrade(r) {
			_, _ = io.WriteString(w, `{"ok":"ok"}`)
			return
		}
		conn, err := up.Upgrade(w, r, nil)
		if err != nil {
			return
		}
		defer conn.Close()
		for {
			kind, text, err := conn.ReadMessage()
			if err == nil {
				err = conn.WriteMessage(kind, text)
			}
			if err != nil {
				return
			}
		}
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// pace waits a moment; false when the time is over.
func pace(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// rest calls with every key in turn.
func (s *soak) rest(ctx context.Context) {
	for i := 0; pace(ctx, 4*time.Millisecond); i++ {
		action := []string{look, order}[i%2]
		if s.call(s.bots[i%len(s.bots)], action) == http.StatusOK {
			s.allowed.Add(1)
		} else {
			s.refused.Add(1)
		}
	}
}

// chat opens one session after the other, and talks until it ends.
func (s *soak) chat(ctx context.Context, b testenv.Bot) {
	d := websocket.Dialer{ReadBufferSize: 256, WriteBufferSize: 256, HandshakeTimeout: patience}
	for pace(ctx, 50*time.Millisecond) {
		conn, res, err := d.DialContext(ctx, strings.Replace(s.GatewayURL, "http", "ws", 1)+"/api/ws", nil)
		if err != nil {
			if res != nil {
				_ = res.Body.Close()
			}
			continue
		}
		stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
		stamp := fmt.Sprint(time.Now().Unix())
		text := fmt.Sprintf(`{"e":"auth","auth":{"key":%q,"timestamp":%q,"signature":%q}}`, b.KeyID, stamp, signature.SignWS([]byte(b.Secret), stamp, b.KeyID))
		for n := 0; err == nil && pace(ctx, 20*time.Millisecond); n++ {
			if err = conn.WriteMessage(websocket.TextMessage, []byte(text)); err == nil {
				_ = conn.SetReadDeadline(time.Now().Add(patience))
				_, _, err = conn.ReadMessage()
			}
			if err == nil && n > 0 {
				s.echoed.Add(1)
			}
			text = fmt.Sprintf(`{"e":"get_my_fee","oid":"%d","data":{}}`, n)
		}
		stop()
		_ = conn.Close()
		s.ended.Add(1)
	}
}

// edit stops the first key and lets it work again. While the database is ill it
// may fail.
func (s *soak) edit(ctx context.Context) {
	for pace(ctx, 100*time.Millisecond) {
		key, err := s.Operator().Key(ctx, s.bots[0].KeyID)
		op := latchkey.OpActivate
		if key.Status == latchkey.StatusActive {
			op = latchkey.OpDeactivate
		}
		if err == nil {
			_, _, err = s.Operator().Move(ctx, key.ID, op)
		}
		if err == nil {
			s.edits.Add(1)
		}
	}
}

// upset makes one thing after the other ill, in each way.
func (s *soak) upset(ctx context.Context) {
	for i := 0; pace(ctx, 500*time.Millisecond); i++ {
		w := s.wires[i%len(s.wires)]
		w.become([]ill{refused, hanging, slow, garbage}[i/len(s.wires)%4])
		pace(ctx, 300*time.Millisecond)
		w.become(well)
		s.faults.Add(1)
	}
}

// load works for so long, with everything at once.
func (s *soak) load(d time.Duration) {
	ctx, stop := context.WithTimeout(s.t.Context(), d)
	defer stop()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() { s.rest(ctx) })
	}
	for i := range 40 {
		all.Go(func() { s.chat(ctx, s.bots[i%len(s.bots)]) })
	}
	all.Go(func() { s.edit(ctx) })
	all.Go(func() { s.upset(ctx) })
	all.Wait()
}

// size is what a process uses.
type size struct{ goroutines, files, megabytes int }

func measure(t *testing.T) size {
	t.Helper()
	debug.FreeOSMemory()
	files, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return size{runtime.NumGoroutine(), len(files), pages * os.Getpagesize() >> 20}
}

// grown says what is more than before, beyond what connections at rest and the
// collector make of chance.
func (a size) grown(before size) string {
	switch {
	case a.goroutines > before.goroutines+40:
		return "goroutines"
	case a.files > before.files+40:
		return "descriptors"
	case a.megabytes > before.megabytes*5/4+24:
		return "memory"
	}
	return ""
}

// settled waits until the last sessions have ended, and measures.
func (s *soak) settled() size {
	for last := measure(s.t); ; time.Sleep(300 * time.Millisecond) {
		s.client.CloseIdleConnections()
		now := measure(s.t)
		if now.goroutines >= last.goroutines {
			return now
		}
		last = now
	}
}

// rested waits until what the load has left behind has ended, and measures.
func (s *soak) rested(before size) (now size, what string) {
	for end := time.Now().Add(15 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		s.client.CloseIdleConnections()
		now = measure(s.t)
		if what = now.grown(before); what == "" || time.Now().After(end) {
			return now, what
		}
	}
}

// leaked waits until nothing is left of what was started since.
func leaked(since goleak.Option) (err error) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		http.DefaultClient.CloseIdleConnections()
		if err = goleak.Find(since,
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
			goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*HostClient).connsCleaner")); err == nil {
			return nil
		}
	}
	return err
}

// soaked starts the system, with something between it and all that it needs.
func soaked(t *testing.T) *soak {
	u, err := url.Parse(server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	memory := redis.Start(t)
	exchange, tables, counts := newWire(t, "tcp", echo(t)), newWire(t, "unix", u.Query().Get("host")+"/.s.PGSQL.5432"), newWire(t, "unix", strings.TrimPrefix(memory.URL(), "unix://"))
	u.Host, u.RawQuery = tables.addr, "sslmode=disable"
	s := &soak{wires: []*wire{exchange, tables, counts}}
	s.patient = admit(t, testenv.Options{Upstream: "http://" + exchange.addr, Database: u.String()}, func(c *node.Config) {
		// Whatever was signed within a window of the begin is refused.
		c.Window, c.MaxMessages, c.Redis.URL, c.Redis.Skew = 2*time.Second, 1<<30, "redis://"+counts.addr, 200*time.Millisecond
	})
	for i := range 4 {
		s.bots = append(s.bots, s.ActiveKey(fmt.Sprint("bot-", i), authority.NewKey{Permissions: readTrade}))
	}
	s.works = func() error {
		return errors.Join(is(s.call(s.good, order)), is(s.manage(http.MethodGet, "/v1/keys")))
	}
	s.until(soon, "the begin", s.works)
	return s
}

// T27: hours (SOAK=2h; 12 s) of calls and sessions, with edits, while the
// exchange, PostgreSQL and Redis fall ill in turn. What it uses after the first
// part is what it uses in the end, it works, and nothing is left when it has
// stopped.
func TestNothingGrowsUnderLoad(t *testing.T) {
	whole := 12 * time.Second
	if text := os.Getenv("SOAK"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		whole = d
	}
	known := goleak.IgnoreCurrent()
	t.Cleanup(func() { // after all has stopped
		if err := leaked(known); err != nil {
			t.Error(err)
		}
	})
	s := soaked(t)
	s.load(whole / 4)
	warm := s.settled()
	s.load(whole * 3 / 4)
	s.until(recovery, "all is well", s.works)
	now, what := s.rested(warm)
	t.Logf("after %v: %+v, before %+v; %d calls allowed, %d refused, %d messages, %d sessions, %d edits, %d faults",
		whole, now, warm, s.allowed.Load(), s.refused.Load(), s.echoed.Load(), s.ended.Load(), s.edits.Load(), s.faults.Load())
	if what != "" {
		t.Errorf("%s grew from %+v to %+v", what, warm, now)
	}
	for name, n := range map[string]int64{"calls": s.allowed.Load(), "refusals": s.refused.Load(), "messages": s.echoed.Load(), "sessions": s.ended.Load(), "edits": s.edits.Load(), "faults": s.faults.Load()} {
		if n < int64(whole/(4*time.Second)) {
			t.Errorf("only %d %s: the run shows nothing", n, name)
		}
	}
}
