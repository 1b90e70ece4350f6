package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"latchkey/internal/operator"
)

// The people of the crash test.
const (
	ownerEmail    = "owner@owned.example"
	ownerPhone    = "+353861234567"
	ownerPassword = "correct horse battery"
)

// rig is a server that is killed and started again and again, with the workers
// that save meanwhile. All of them live on, and so does PostgreSQL; only the
// server dies.
type rig struct {
	t          testing.TB
	data       string
	url        string // of the database on PostgreSQL; "" is SQLite in data
	office     *office
	browser    *http.Client
	server     *process
	console    string
	complaints *os.File

	operators []*operatorLane
	owners    []*ownerLane
	heard     chan struct{} // holds one when a save was acknowledged
	happened  int           // changes that were there though their answer was lost
}

// newRig starts a server with its people and keys for the first time.
func newRig(t testing.TB, seed uint64, url string) *rig {
	t.Helper()
	office, err := openOffice()
	must(t, err)
	t.Cleanup(office.close)
	jar, err := cookiejar.New(nil)
	must(t, err)
	complaints, err := os.Create(filepath.Join(t.TempDir(), "server.err"))
	must(t, err)
	r := &rig{t: t, data: filepath.Join(t.TempDir(), "d"), url: url, office: office, browser: &http.Client{Jar: jar}, complaints: complaints, heard: make(chan struct{}, 1)}
	r.start()
	t.Cleanup(func() { r.server.kill() })
	for i := range 3 {
		l := &operatorLane{lane: r.lane("op", i, seed), data: r.data}
		l.rest = 20 * time.Millisecond
		r.operators = append(r.operators, l)
	}
	for i := range 2 {
		r.owners = append(r.owners, &ownerLane{lane: r.lane("own", i, seed), rig: r})
	}
	r.people()
	return r
}

// lane makes a worker whose choices follow from the seed alone.
func (r *rig) lane(kind string, i int, seed uint64) lane {
	return lane{name: fmt.Sprintf("%s-%d", kind, i), heard: r.heard, rng: rand.New(rand.NewPCG(seed, uint64(len(kind)*100+i)))}
}

// command is a start of the server, with limits that the workers do not reach.
func (r *rig) command() *exec.Cmd {
	path, err := exec.LookPath("latchkey")
	must(r.t, err)
	cmd := exec.Command(path, append([]string{"serve", "--data", r.data, "--upstream-url", "http://127.0.0.1:1",
		"--console-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0", "--log-level", "error",
		"--outbox-poll", "20ms", "--limit-codes-hourly", "1000000", "--limit-wrong-codes", "1000000", "--limit-keys", "1000000",
		"--limit-pendings", "1000000", "--limit-sms-number", "1000000", "--limit-sms-number-daily", "1000000",
		"--limit-sms-account", "1000000", "--limit-sms-account-daily", "1000000", "--limit-sms-source", "1000000",
		"--limit-sms-source-daily", "1000000", "--limit-sms-country-daily", "1000000", "--limit-sign-ins", "1000000"}, r.office.flags()...)...)
	if r.url != "" { // the row of a killed server stands in the way of the next one for a lease
		cmd.Args = append(cmd.Args, "--database", r.url, "--cluster-lease", "500ms")
	}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LATCHKEY_IDENTITY_SECRET=identity secret of the crash test, 32+", "LATCHKEY_SMS_SECRET=" + smsSecret}
	return cmd
}

func (r *rig) start() {
	r.t.Helper()
	if err := r.tryStart(); err != nil {
		r.t.Fatalf("after a crash the server does not start: %v", err)
	}
}

func (r *rig) tryStart() error {
	p, err := launch(r.command(), r.complaints, r.complaints)
	if err == nil {
		r.server, r.console = p, p.urls()["console"]
	}
	return err
}

// people makes both accounts, signs the owner in and enrols the phone. The
// session is in the database, so it outlives every crash.
func (r *rig) people() {
	ctx := r.t.Context()
	for _, name := range []string{"owned", "operated"} {
		_, err := operate(ctx, r.data, "account.create", operator.AccountArgs{Account: name})
		must(r.t, err)
	}
	_, err := operate(ctx, r.data, "member.add", operator.MemberArgs{Account: "owned", Email: ownerEmail, Role: "owner", Password: ownerPassword})
	must(r.t, err)
	r.demand(http.StatusOK, "POST", "/v1/session", map[string]any{"email": ownerEmail, "password": ownerPassword})
	step := r.demand(http.StatusAccepted, "POST", "/v1/factors", map[string]any{"kind": "sms", "phone": ownerPhone, "password": ownerPassword})
	r.demand(http.StatusOK, "POST", "/v1/pending/"+step+"/confirm", map[string]any{"code": r.code("add phone")})
	for _, l := range r.owners {
		first := &operatorLane{lane: lane{name: l.name, rng: l.rng}, data: r.data}
		must(r.t, first.create(ctx, "owned"))
		l.keys = first.keys
	}
}

// demand sends a request that must succeed, and returns the id of its answer.
func (r *rig) demand(want int, method, path string, body map[string]any) string {
	r.t.Helper()
	status, answer, err := r.api(r.t.Context(), method, path, body)
	must(r.t, err)
	if status != want {
		r.t.Fatalf("%s %s: %d %s", method, path, status, answer)
	}
	return answer.Get("id").String()
}

func (r *rig) code(about string) string {
	ctx, cancel := within()
	defer cancel()
	code, ok := r.office.code(ctx, ownerPhone, about)
	if !ok {
		r.t.Fatalf("no code about %q came", about)
	}
	return code
}

// save lets all workers save until the server was killed: that time after the
// first save that was acknowledged, or after the begin.
func (r *rig) save(after time.Duration, acknowledged bool) {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	select {
	case <-r.heard: // of an earlier round
	default:
	}
	var working sync.WaitGroup
	for _, l := range r.operators {
		working.Go(func() { l.work(ctx, l.save) })
	}
	for _, l := range r.owners {
		working.Go(func() { l.work(ctx, l.save) })
	}
	if acknowledged {
		select {
		case <-r.heard:
		case <-time.After(readyLimit): // what it did instead is told below
		}
	}
	<-time.After(after) // real time: it is another process that is hit
	r.server.kill()
	cancel()
	working.Wait()
	for _, l := range r.lanes() {
		if l.fault != nil {
			r.t.Fatalf("while the server ran: %v", l.fault)
		}
	}
}

func (r *rig) lanes() (all []*lane) {
	for _, l := range r.operators {
		all = append(all, &l.lane)
	}
	for _, l := range r.owners {
		all = append(all, &l.lane)
	}
	return all
}

// look compares the database with what the workers know, and walks the chain.
func (r *rig) look() []string {
	rows, err := r.rows()
	must(r.t, err)
	var histories []*history
	before := map[*ownerLane]int{}
	for _, l := range r.lanes() {
		histories = append(histories, l.keys...)
	}
	for _, l := range r.owners {
		before[l] = len(l.key().done)
	}
	happened, faults := judgeAll(histories, rows)
	r.happened += happened
	for _, l := range r.owners {
		l.settle(len(l.key().done) > before[l])
	}
	if _, err := operate(r.t.Context(), r.data, "activity.verify", struct{}{}); err != nil {
		faults = append(faults, "the chain of activities: "+err.Error())
	}
	return faults
}

// sites is how many servers are killed side by side. Most of a start is waiting:
// for the next second, and on PostgreSQL for the row of the one before.
const sites = 8

// TestKilledServerLosesNothing kills servers in the middle of saves, KILLS times
// (200) on each database. After each: every acknowledged change is there with
// its entry, what was in flight happened whole or not at all, nothing else did,
// no key is active with what its activation did not confirm, and no proof counts
// twice.
func TestKilledServerLosesNothing(t *testing.T) {
	rounds, seed := crashRounds(t), crashSeed(t)
	for _, b := range bases(t) {
		t.Run(b.name, func(t *testing.T) {
			var running sync.WaitGroup         // t.Parallel is bound by the processors, which have little to do here
			n := min(sites, max(1, rounds/10)) // else one of them may come to nothing
			var operated, owned atomic.Int64
			for i := range n {
				running.Go(func() {
					t.Run(strconv.Itoa(i), func(t *testing.T) {
						by, of := crash(t, seed+uint64(i), (rounds+i)/n, b.place(t))
						operated.Add(int64(by))
						owned.Add(int64(of))
					})
				})
			}
			running.Wait()
			// A test that saves nothing shows nothing. On PostgreSQL many kills come
			// before an answer (see crash).
			if operated.Load() < int64(rounds)/2 || owned.Load() < max(1, int64(rounds)/10) {
				t.Errorf("too little was saved in %d rounds: %d times by operators, %d times by owners", rounds, operated.Load(), owned.Load())
			}
		})
	}
}

func crash(t *testing.T, seed uint64, rounds int, url string) (operated, owned int) {
	rng := rand.New(rand.NewPCG(seed, 0))
	r := newRig(t, seed, url)
	for round := range rounds {
		if round%10 == 9 { // now and then it is hit while it starts
			r.cutShort(time.Duration(rng.IntN(300)) * time.Millisecond)
		}
		// On PostgreSQL the first changes wait until the row of the killed server is
		// gone: a part of the kills hits those that are written and not acknowledged.
		acknowledged := url != "" && rng.IntN(4) > 0
		r.save(time.Duration(5+rng.IntN(246))*time.Millisecond, acknowledged)
		r.start()
		if faults := r.look(); len(faults) > 0 {
			t.Fatalf("round %d of seed %d:\n%s", round, seed, strings.Join(faults, "\n"))
		}
	}
	return r.finish(rounds)
}

// cutShort starts the server and kills it before it may be ready.
func (r *rig) cutShort(after time.Duration) {
	r.server.kill()
	cmd := r.command()
	must(r.t, cmd.Start())
	<-time.After(after)
	_ = cmd.Process.Kill()
	_ = cmd.Wait() // it says "killed"
	r.start()
}

// finish stops the server as an operator would, looks at what is left, and says
// how much was saved.
func (r *rig) finish(rounds int) (operated, owned int) {
	t := r.t
	code, err := r.server.stop()
	must(t, err)
	if code != 0 {
		t.Errorf("the server ended with %d", code)
	}
	must(t, r.intact())
	for _, text := range r.office.faults {
		t.Error(text)
	}
	again, late, wrong := 0, 0, 0
	for _, l := range r.owners {
		again, late, wrong, owned = again+l.again, late+l.late, wrong+l.wrong, owned+l.saved
	}
	for _, l := range r.operators {
		operated += l.saved
	}
	t.Logf("acknowledged were %d saves of operators and %d of owners", operated, owned)
	t.Logf("%d kills; %d changes had happened though their answer was lost", rounds, r.happened)
	t.Logf("%d used proofs were refused again, %d lost ones counted at the second try, %d codes were of older pendings", again, late, wrong)
	if again == 0 && owned > 5 {
		t.Error("no used proof was tried again")
	}
	said, err := os.ReadFile(r.complaints.Name())
	must(t, err)
	if strings.Contains(string(said), "panic") {
		t.Errorf("the server panicked:\n%s", said)
	}
	return operated, owned
}

// crashRounds is KILLS, or 200, or 10 with -short.
func crashRounds(t *testing.T) int {
	text := os.Getenv("KILLS")
	switch {
	case text == "" && testing.Short():
		return 10
	case text == "":
		return 200
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("KILLS=%s is not a number of rounds", text)
	}
	return n
}

// crashSeed is SEED, to see the same choices again, or a new one.
func crashSeed(t *testing.T) uint64 {
	seed := rand.Uint64()
	if text := os.Getenv("SEED"); text != "" {
		var err error
		seed, err = strconv.ParseUint(text, 10, 64)
		must(t, err)
	}
	t.Logf("SEED=%d repeats the choices of this run", seed)
	return seed
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
