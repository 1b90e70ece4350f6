//go:build fault

package fault

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/cluster"
	"latchkey/internal/operator"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/testenv/postgres"
	"latchkey/internal/testenv/redis"
)

// site is everything: machines, their database, the exchange, keys and bots.
type site struct {
	t        testing.TB
	dir      string
	begin    time.Time
	lease    time.Duration
	hurry    float64 // how many times as often as usual bots call; 0 is 1
	db       *postgres.Pair
	redis    *redis.Server // remembers points and signatures; no part of the promise
	exchange string
	machines []*machine
	consoles []*machine
	// desk is a third console, in this process: it edits keys, and looks what
	// became of a change whose answer was lost.
	desk     *store.Store
	deskLine *line
	barrier  *cluster.Barrier
	account  string // id

	slots  []atomic.Pointer[register] // the keys that there are
	buried atomic.Pointer[register]   // one that was deleted

	number       atomic.Int64
	acknowledged atomic.Uint64
	calls        sync.Map // by id: *call

	mu        sync.Mutex
	registers []*register
	landed    []*call // that reached the exchange
	chatted   int     // of them, over WebSocket
	answered  []*call // with an answer that says something about the key
	codes     map[string]int
	tally     map[string]int // of faults and changes
	receipts  []time.Duration
	faults    []string
	failed    chan struct{} // closed at the first fault
}

// plan is how a site is made.
type plan struct {
	program string
	older   bool // the program is a predecessor: this process cannot work with its database
	env     []string
	clocks  bool // of the machines can be set; for a program built with its tag
	apart   bool // each machine has a Redis of its own
	lease   time.Duration
	window  time.Duration // of timestamps; 0 is 30 s
	keys    int
}

// newSite starts three gateways, two consoles and a few keys.
func newSite(t testing.TB, db *postgres.Pair, p plan) *site {
	t.Helper()
	dir, err := os.MkdirTemp("", "lkf") // a socket's path must be short
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &site{t: t, dir: dir, begin: time.Now(), lease: p.lease, db: db, codes: map[string]int{}, tally: map[string]int{}, failed: make(chan struct{})}
	s.slots = make([]atomic.Pointer[register], p.keys)
	s.redis = redis.Start(t)
	s.openExchange(t)
	name := db.Database("t" + strconv.FormatInt(time.Now().UnixNano(), 36))
	s.openDesk(p, name)
	for i := range 2 {
		s.machines = append(s.machines, s.newMachine(p, name, true, i))
	}
	s.consoles = s.machines[:2:2]
	must(t, db.Admin(name, `DO $$ BEGIN CREATE ROLE gw LOGIN IN ROLE latchkey_gateway; EXCEPTION WHEN duplicate_object THEN NULL; END $$`))
	for i := range 3 {
		s.machines = append(s.machines, s.newMachine(p, name, false, i))
	}
	var starting sync.WaitGroup
	for _, m := range s.machines {
		starting.Go(func() {
			if ok, err := m.start(); !ok || err != nil {
				t.Errorf("%s does not start: %v\n%v", m.name, err, m.said(""))
			}
		})
	}
	starting.Wait()
	if t.Failed() {
		t.FailNow()
	}
	s.openAccount()
	return s
}

// openDesk makes keyset and schema, and opens the third console.
func (s *site) openDesk(p plan, database string) {
	t := s.t
	s.deskLine = newLine(t, s.db.Socket())
	url := s.url(s.db.Role(), s.deskLine, database)
	migrate := exec.Command(p.program, "migrate", "--data", s.dir, "--database", url)
	if out, err := migrate.CombinedOutput(); err != nil {
		t.Fatalf("migrate: %v\n%s", err, out)
	}
	if p.older {
		return
	}
	box, err := seal.Load(s.keyset())
	must(t, err)
	log := slog.New(slog.DiscardHandler)
	s.desk, err = store.Open(t.Context(), store.Config{URL: url, Seal: box, Now: time.Now, Log: log})
	must(t, err)
	t.Cleanup(func() { _ = s.desk.Close() })
	s.barrier = cluster.NewBarrier(s.desk, cluster.RealClock(), log, nil)
}

func (s *site) keyset() string { return filepath.Join(s.dir, "keyset.json") }

func (s *site) url(user string, l *line, database string) string {
	return fmt.Sprintf("postgres://%s@127.0.0.1:%d/%s?sslmode=disable", user, l.port(), database)
}

func (s *site) newMachine(p plan, database string, console bool, i int) *machine {
	m := &machine{console: console, program: p.program, line: newLine(s.t, s.db.Socket()), name: fmt.Sprintf("gateway-%d", i)}
	user, args := "gw", []string{"gateway"}
	if console {
		m.name, user = fmt.Sprintf("console-%d", i), s.db.Role()
		m.data = filepath.Join(s.dir, strconv.Itoa(i))
		args = []string{"serve", "--data", m.data, "--console-listen", "127.0.0.1:0", "--limit-keys", "100000",
			"--smtp-server", "127.0.0.1:9", "--smtp-tls", "none", "--smtp-from", "keys@latchkey.example"}
	}
	m.args = append(args, "--database", s.url(user, m.line, database), "--keyset-file", s.keyset(), "--gateway-listen", "127.0.0.1:0",
		"--metrics", "127.0.0.1:0", "--upstream-url", s.exchange, "--limit-points", "1000000000", "--limit-window", cmp.Or(p.window, 30*time.Second).String(),
		"--log-level", "warn", "--cluster-node", m.name, "--cluster-lease", s.lease.String())
	memory := s.redis
	if p.apart {
		memory = redis.Start(s.t)
	}
	m.env = append([]string{"LATCHKEY_IDENTITY_SECRET=" + identitySecret, "LATCHKEY_REDIS=" + memory.URL()}, p.env...)
	if p.clocks {
		m.clock = newClock(s.t, filepath.Join(s.dir, m.name+".clock"))
		m.env = append(m.env, "LATCHKEY_FAULTY_CLOCK="+m.clock.file.Name())
	}
	m.client = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: mostWaiting, DisableCompression: true}}
	var err error
	m.log, err = os.Create(filepath.Join(s.dir, m.name+".log"))
	must(s.t, err)
	s.t.Cleanup(func() {
		m.kill()
		m.client.CloseIdleConnections()
		_ = m.log.Close()
	})
	return m
}

// openAccount makes the account and its first keys.
func (s *site) openAccount() {
	raw, err := s.consoles[0].ask(s.t.Context(), "account.create", operator.AccountArgs{Account: "fund"})
	must(s.t, err)
	var account operator.Account
	must(s.t, json.Unmarshal(raw, &account))
	s.account = account.ID
	for i := range s.slots {
		must(s.t, s.createKey(s.t.Context(), s.consoles[0], i, "k"+strconv.Itoa(i)))
	}
}

func (s *site) now() time.Duration { return time.Since(s.begin) }

// fault notes what must not happen.
func (s *site) fault(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults = append(s.faults, fmt.Sprintf(format, args...)); len(s.faults) == 1 {
		close(s.failed)
	}
}

func (s *site) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tally[what]++
}

func (s *site) wrong() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.faults...)
}

// work lets bots call every machine until the context ends.
func (s *site) work(ctx context.Context, seed uint64, working *sync.WaitGroup) {
	for i, m := range s.machines {
		working.Go(func() { s.load(ctx, m, rand.New(rand.NewPCG(seed, uint64(100+i)))) })
		for j := range 2 {
			working.Go(func() { s.chat(ctx, m, rand.New(rand.NewPCG(seed, uint64(110+10*i+j)))) })
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
