package testenv_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/authority"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
	"latchkey/signature"
)

// tarpit is many clients that take their time, from twenty addresses, and come
// again when they are sent away.
type tarpit struct {
	t     *testing.T
	mu    sync.Mutex
	conns []*snail
	again atomic.Int64 // connections that were opened anew
}

// snail is one of them.
type snail struct {
	net.Conn
	from     net.Dialer
	to, says string
}

func (s *snail) open(ctx context.Context) error {
	c, err := s.from.DialContext(ctx, "tcp", s.to)
	if err != nil {
		return err
	}
	_ = c.(*net.TCPConn).SetReadBuffer(4 << 10)
	_, _ = io.WriteString(c, s.says) // it may have been sent away already
	s.Conn = c
	return nil
}

// kinds are the ways to be slow. What a connection says is its begin; a byte
// follows now and then, but nothing is ever read.
func kinds(bot testenv.Bot, s *testenv.System) map[string][2]string {
	stamp := signature.Timestamp(s.Clock.Now())
	signed := fmt.Sprintf("POST /api/rest/get_my_fee HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\n%s: %s\r\n%s: %s\r\n%s: %s\r\nContent-Length: 9000\r\n\r\n{",
		signature.KeyHeader, bot.KeyID, signature.TimestampHeader, stamp, signature.SignatureHeader, strings.Repeat("0", 128))
	public := "POST /api/rest-public/get_currencies HTTP/1.1\r\nHost: g\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
	return map[string][2]string{ // to the gateway and to the console
		"header": {"POST /api/rest/get_my_fee HTTP/1.1\r\nHost: g\r\nX-A: ", "GET /v1/keys HTTP/1.1\r\nHost: c\r\nX-A: "},
		"body":   {signed, "POST /v1/session HTTP/1.1\r\nHost: c\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{"},
		"read":   {public, strings.Repeat("GET /openapi.json HTTP/1.1\r\nHost: c\r\n\r\n", 40)},
	}
}

// open makes n connections to an address, each saying what one kind says first.
func (p *tarpit) open(url string, n int, says func(i int) string) {
	p.t.Helper()
	to := strings.TrimPrefix(strings.Replace(url, "localhost", "127.0.0.1", 1), "http://")
	var all sync.WaitGroup
	for side := range 20 {
		from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(side+1))}, Timeout: 10 * time.Second}
		all.Go(func() {
			for i := side; i < n; i += 20 {
				c := &snail{from: from, to: to, says: says(i)}
				if err := c.open(p.t.Context()); err != nil {
					p.t.Errorf("connection %d of %d: %v", i, n, err)
					return
				}
				p.mu.Lock()
				p.conns = append(p.conns, c)
				p.mu.Unlock()
			}
		})
	}
	all.Wait()
}

// drip sends a byte on every connection in turn until the context ends; one that
// was sent away is opened anew.
func (p *tarpit) drip(ctx context.Context) {
	for i := 0; ctx.Err() == nil; i++ {
		c := p.conns[i%len(p.conns)]
		_ = c.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := c.Write([]byte("a")); err != nil && ctx.Err() == nil {
			_ = c.Close()
			if c.open(ctx) == nil {
				p.again.Add(1)
			}
		}
		if i%20 == 0 {
			pace(ctx, time.Millisecond) // slow clients are what this is about
		}
	}
}

func (p *tarpit) close() {
	for _, c := range p.conns {
		_ = c.Close()
	}
}

// held counts the connections to an address that are not answered, and have not
// been closed: of those that wait for an answer nothing can be read.
func (p *tarpit) held(url string) (n int) {
	_, port, _ := strings.Cut(strings.TrimPrefix(url, "http://"), ":")
	for _, c := range p.conns {
		if !strings.HasSuffix(c.to, ":"+port) {
			continue
		}
		_ = c.SetReadDeadline(time.Now().Add(time.Millisecond))
		var late net.Error
		if _, err := c.Read(make([]byte, 1)); errors.As(err, &late) && late.Timeout() {
			n++
		}
	}
	return n
}

// anew is a browser with the owner's cookies that opens a connection for each
// request: it has to get in each time. As a browser does it tries again when the
// connection ends without an answer; how long it takes is counted in all.
func anew(t *testing.T, s *testenv.System, owner *testenv.Person) func() (took time.Duration, tries int) {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	look := func() error {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.ConsoleURL+"/v1/keys", nil)
		if err != nil {
			return err
		}
		for _, c := range owner.Cookies() {
			req.AddCookie(c)
		}
		res, err := client.Do(req)
		if err != nil {
			return err
		}
		defer res.Body.Close()
		_, err = io.Copy(io.Discard, res.Body)
		return errors.Join(err, is(res.StatusCode))
	}
	return func() (time.Duration, int) {
		begin := time.Now()
		for tries := 1; ; tries++ {
			err := look()
			if err == nil {
				return time.Since(begin), tries
			}
			if tries == 5 {
				t.Errorf("the owner has tried %d times: %v", tries, err)
				return time.Since(begin), tries
			}
		}
	}
}

// number reads a parameter from the environment.
func number(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s=%s is not a number", name, text)
	}
	return n
}

// The attack: thousands of connections (SLOW; 1,500) that send their head or their body byte
// by byte, or read no answer, half of them to the gateway and half to the
// console, which are twice what it takes; who is sent away comes again. An owner
// who wants to stop a stolen key gets in with a new connection each time, and
// bots that sign are answered.
func TestSlowClientsKeepNobodyFromTheConsoleOrTheGateway(t *testing.T) {
	half := number(t, "SLOW", 1500) / 2
	s := testenv.Start(t, testenv.Options{Change: func(c *node.Config) {
		c.Points, c.PublicPoints, c.MaxConsoleConns = 1<<30, 1<<30, half/2
	}})
	bot, owner := s.ActiveKey("bot-1", authority.NewKey{Permissions: readTrade}), s.Owner()
	names, says := []string{"header", "body", "read"}, kinds(bot, s)
	p := &tarpit{t: t}
	t.Cleanup(p.close) // before the system ends, which waits for nobody then
	p.open(s.GatewayURL, half, func(i int) string { return says[names[i%3]][0] })
	p.open(s.ConsoleURL, half, func(i int) string { return says[names[i%3]][1] })
	if t.Failed() {
		return
	}
	held, limit := p.held(s.ConsoleURL), time.Now().Add(5*time.Second) // sooner than any of them has used up its time
	for held > half/2 && time.Now().Before(limit) {
		held = p.held(s.ConsoleURL)
	}
	if held > half/2 {
		t.Errorf("the console holds %d slow connections, and may hold %d in all", held, half/2)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var drips, bots sync.WaitGroup
	drips.Go(func() { p.drip(ctx) })

	var calls, looks []time.Duration
	bots.Go(func() {
		for range 300 {
			begin := time.Now()
			testenv.Refuses(t, bot.Call("get_my_fee", "{}"), http.StatusOK, "")
			calls = append(calls, time.Since(begin))
		}
	})
	// Long enough that many were sent away and have come again.
	look, tried, end := anew(t, s, owner), 0, time.Now().Add(time.Minute)
	for len(looks) < 300 || p.again.Load() < int64(half/3) && time.Now().Before(end) {
		took, tries := look()
		looks, tried = append(looks, took), tried+tries
	}
	bots.Wait()
	begin := time.Now()
	testenv.Allows(t, owner.Do("POST", "/v1/keys/"+bot.KeyID+"/deactivate", nil), http.StatusOK)
	stopped := time.Since(begin)
	stop()
	drips.Wait()
	t.Logf("%d slow connections, %d opened anew: the owner's console p99 %v in %d tries for %d looks, signed calls p99 %v, the key was stopped in %v",
		len(p.conns), p.again.Load(), p99(looks), tried, len(looks), p99(calls), stopped.Round(time.Millisecond))
	if p99(looks) >= time.Second || p99(calls) >= time.Second {
		t.Errorf("p99 of the console %v, of signed calls %v, want less than a second", p99(looks), p99(calls))
	}
	if p.again.Load() < int64(half/3) {
		t.Errorf("only %d connections were opened anew: who was sent away did not come again", p.again.Load())
	}
}

// p99 is what 99 of 100 took at most.
func p99(all []time.Duration) time.Duration {
	if len(all) == 0 {
		return time.Hour
	}
	all = slices.Sorted(slices.Values(all))
	return all[len(all)*99/100].Round(time.Millisecond / 10)
}
