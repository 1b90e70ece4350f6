package cluster_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/cluster"
	"latchkey/internal/testenv/redis"
)

func TestWhatMayHaveBeenSeenBeforeTheEpochIsRefused(t *testing.T) {
	const skew = 15 * time.Second // of open
	now := time.Now()
	for name, c := range map[string]struct {
		since time.Duration // before now
		stale time.Time
		want  error
	}{
		"signed before it":                             {time.Second, now.Add(-2*time.Second + window + 1), cluster.ErrClock},
		"signed a window after it":                     {window, now.Add(window), cluster.ErrClock},
		"signed a window and the clocks' skew after":   {window + skew + time.Second, now.Add(-time.Second + window + 1), nil},
		"the same, a moment too early":                 {window + skew + time.Second, now.Add(-time.Second + window), cluster.ErrClock},
		"signed ahead of the clock":                    {skew + time.Second, now.Add(2 * window), nil},
		"a message whose logon may be from before":     {2*window + skew - time.Second, now.Add(window + 1), cluster.ErrClock},
		"a message two windows after":                  {2*window + skew + time.Second, now.Add(window + 1), nil},
		"a message whose logon is ahead of the clock":  {skew + time.Second, now.Add(2 * window), nil},
		"a message whose logon is from about its time": {time.Second, now.Add(window + time.Second), cluster.ErrClock},
		"stale": {time.Hour, now, cluster.ErrClock},
	} {
		t.Run(name, func(t *testing.T) {
			s, e := redis.Start(t), &epoch{}
			r := open(t, s, e, nil)
			e.begin(t, r, now.Add(-c.since))
			take := read("a", 1, now)
			take.Once, take.Stale = [32]byte{1}, c.stale
			if c.want != nil {
				refuses(t, r, take, c.want)
				takes(t, r, read("a", 200, now), latchkey.TakenAll) // it cost nothing
				return
			}
			takes(t, r, take, latchkey.TakenAll)
			takes(t, r, take, latchkey.TakenSeenBefore)
		})
	}
}

func TestANodeWithAWrongClockIsRefused(t *testing.T) {
	s, e := redis.Start(t), &epoch{}
	r := open(t, s, e, nil)
	e.begin(t, r, time.Time{})
	for _, off := range []time.Duration{-time.Minute, time.Minute} {
		wrong := time.Now().Add(off)
		refuses(t, r, write("a", "one", wrong, wrong), cluster.ErrSkew)
		takes(t, r, read("a", 1, wrong), latchkey.TakenAll)
	}
	takes(t, r, write("a", "one", time.Now(), time.Now()), latchkey.TakenAll)
}

func TestARedisThatEvictsIsRefused(t *testing.T) {
	s := redis.Start(t, "--maxmemory-policy", "allkeys-lru")
	_, err := cluster.NewRedis(context.Background(), cluster.RedisConfig{URL: s.URL(), Window: window})
	if !errors.Is(err, cluster.ErrEvicts) || !strings.Contains(err.Error(), "redis-cli CONFIG SET maxmemory-policy noeviction") {
		t.Fatal(err)
	}
}

func TestWhatDoesNotFitIntoMemoryIsRefusedAndCostsNothing(t *testing.T) {
	s, e := redis.Start(t), &epoch{}
	r := open(t, s, e, nil)
	e.begin(t, r, time.Time{})
	s.Do(t, "CONFIG", "SET", "maxmemory", "1")
	take := write("a", "one", time.Now(), time.Now())
	refuses(t, r, take, cluster.ErrAway)
	s.Do(t, "CONFIG", "SET", "maxmemory", "0")
	takes(t, r, take, latchkey.TakenAll)
	takes(t, r, read("a", 199, time.Now()), latchkey.TakenAll)
}

func TestAWrongPasswordIsToldButNotQuoted(t *testing.T) {
	s := redis.Start(t, "--requirepass", "right-horse")
	with := func(user string) string { return strings.Replace(s.URL(), "unix://", "unix://"+user+"@", 1) }
	for _, c := range []struct{ url, want string }{
		{with(":wrong-horse"), "WRONGPASS"},
		{with("nobody:wrong-horse"), "WRONGPASS"},
		{s.URL(), "NOAUTH"},
		{"redis://user:wrong-horse#@localhost", "URL"},
		{"redis://user:wrong-horse/%zz@localhost/0", "URL"},
		{"redis://:wrong-horse@localhost/wrong-horse", "URL"},
		{"http://user:wrong-horse@localhost", "URL"},
		{"wrong-horse", "URL"},
		{"", "URL"},
		{"redis://user:wrong-horse@127.0.0.1:1/0", "127.0.0.1:1"},
		{"rediss://user:wrong-horse@localhost?skip_verify=true", "CA"},
	} {
		_, err := cluster.NewRedis(context.Background(), cluster.RedisConfig{URL: c.url, Window: window})
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v", c.url, err)
		}
	}
	r, err := cluster.NewRedis(context.Background(), cluster.RedisConfig{URL: with(":right-horse"), Window: window, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	takes(t, r, read("a", 1, time.Now()), latchkey.TakenAll)
}

func TestAUserOfRedisNeedsNoMoreThanItIsSaid(t *testing.T) {
	s, e := redis.Start(t), &epoch{}
	s.Do(t, "ACL", "SETUSER", "gateway", "on", ">right-horse", "~latchkey:*", "+eval", "+evalsha", "+get", "+set", "+info", "+time")
	r := open(t, s, e, func(c *cluster.RedisConfig) {
		c.URL = strings.Replace(c.URL, "unix://", "unix://gateway:right-horse@", 1)
	})
	e.begin(t, r, time.Time{})
	order := write("a", "order", time.Now(), time.Now())
	takes(t, r, order, latchkey.TakenAll)
	takes(t, r, order, latchkey.TakenSeenBefore)
}

func TestOverTLSOnlyTheRightServerIsBelieved(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir)
	port := strconv.Itoa(redis.Port(t))
	s := redis.Start(t, "--tls-port", port, "--tls-cert-file", filepath.Join(dir, "cert"), "--tls-key-file", filepath.Join(dir, "key"),
		"--tls-ca-cert-file", filepath.Join(dir, "cert"), "--tls-auth-clients", "no")
	try := func(url, ca string) error {
		r, err := cluster.NewRedis(context.Background(), cluster.RedisConfig{URL: url, CAFile: ca, Window: window, Timeout: 5 * time.Second})
		if err == nil {
			takes(t, r, read("a", 1, time.Now()), latchkey.TakenAll)
			r.Close()
		}
		return err
	}
	if err := try("rediss://127.0.0.1:"+port, filepath.Join(dir, "cert")); err != nil {
		t.Fatal(err)
	}
	if points := s.Do(t, "--raw", "KEYS", "*points*"); points == "" {
		t.Error("the call was not counted in the server")
	}
	for name, c := range map[string]struct{ url, ca, want string }{
		"unknown CA":      {"rediss://127.0.0.1:" + port, "", "certificate"},
		"another name":    {"rediss://localhost:" + port, filepath.Join(dir, "cert"), "certificate"},
		"no TLS":          {"redis://127.0.0.1:" + port, "", "connecting"},
		"CA without TLS":  {s.URL(), filepath.Join(dir, "cert"), "rediss://"},
		"no certificate":  {"rediss://127.0.0.1:" + port, filepath.Join(dir, "key"), "no certificate"},
		"no file of a CA": {"rediss://127.0.0.1:" + port, filepath.Join(dir, "none"), "CA file"},
	} {
		if err := try(c.url, c.ca); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// certify writes a certificate for 127.0.0.1 that signs itself.
func certify(t *testing.T, dir string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{"cert": {Type: "CERTIFICATE", Bytes: cert}, "key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Two primaries, each with half of the slots: every script finds its keys on
// one of them, and each has marks of its own.
func TestARedisClusterIsOneLedger(t *testing.T) {
	var servers []*redis.Server
	var ports []string
	for range 2 {
		port := redis.Port(t)
		for port+10_000 > 65_535 { // the port of the cluster's own traffic
			port = redis.Port(t)
		}
		ports = append(ports, strconv.Itoa(port))
		servers = append(servers, redis.Start(t, "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--cluster-enabled", "yes"))
	}
	servers[0].Do(t, "CLUSTER", "ADDSLOTSRANGE", "0", "8191")
	servers[1].Do(t, "CLUSTER", "ADDSLOTSRANGE", "8192", "16383")
	servers[1].Do(t, "CLUSTER", "SET-CONFIG-EPOCH", "2")
	servers[0].Do(t, "CLUSTER", "MEET", "127.0.0.1", ports[1])
	for _, s := range servers {
		for end := time.Now().Add(20 * time.Second); !strings.Contains(s.Do(t, "CLUSTER", "INFO"), "cluster_state:ok"); time.Sleep(50 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal(s.Do(t, "CLUSTER", "INFO"))
			}
		}
	}
	e := &epoch{}
	r := open(t, servers[0], e, func(c *cluster.RedisConfig) { c.URL = "redis://127.0.0.1:" + ports[0] })
	e.begin(t, r, time.Time{})
	for i := range 64 {
		take := write(fmt.Sprint("key", i), "order", time.Now(), time.Now())
		takes(t, r, take, latchkey.TakenAll)
		takes(t, r, take, latchkey.TakenSeenBefore)
	}
	for _, s := range servers {
		if seen := strings.Fields(s.Do(t, "KEYS", "*seen*")); len(seen) < 8 {
			t.Errorf("%d of 64 places on one of two servers", len(seen))
		}
	}
	name, _ := e.accepted()
	if holds, err := r.Holds(context.Background(), name); !holds || err != nil {
		t.Fatal(holds, err)
	}
	servers[1].Do(t, "FLUSHALL") // half of the memory is gone
	if holds, err := r.Holds(context.Background(), name); holds || err != nil {
		t.Fatal(holds, err)
	}
}
