//go:build fault

package fault

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/operator"
	"latchkey/internal/testenv/disk"
)

// full is what a change is answered with when there is no room for it.
const full = "the disk of the database is full"

// lone is one server on SQLite, whose data folder is on a small disk.
type lone struct {
	*site
	*machine
	disk *disk.Disk
}

// newLone starts it with a few keys.
func newLone(t testing.TB, keys int) *lone {
	s := &site{t: t, dir: t.TempDir(), begin: time.Now(), codes: map[string]int{}, tally: map[string]int{}, failed: make(chan struct{})}
	s.slots = make([]atomic.Pointer[register], keys)
	s.openExchange(t)
	l := &lone{site: s, disk: disk.Make(t, 8)}
	m := &machine{name: "server", program: build(t, ""), data: filepath.Join(l.disk.Dir(), "d"), client: &http.Client{Timeout: patience}}
	m.args = []string{"serve", "--data", m.data, "--console-listen", "127.0.0.1:0", "--gateway-listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0",
		"--upstream-url", s.exchange, "--limit-points", "1000000000", "--log-level", "warn",
		"--smtp-server", "127.0.0.1:9", "--smtp-tls", "none", "--smtp-from", "keys@latchkey.example"}
	m.env = []string{"LATCHKEY_IDENTITY_SECRET=" + identitySecret}
	var err error
	m.log, err = os.Create(filepath.Join(s.dir, "log"))
	must(t, err)
	t.Cleanup(func() {
		m.kill()
		_ = m.log.Close()
	})
	l.machine, s.machines, s.consoles = m, []*machine{m}, []*machine{m}
	l.begin()
	s.openAccount()
	return l
}

// begin starts the server, which must work.
func (l *lone) begin() {
	l.t.Helper()
	if ok, err := l.start(); !ok || err != nil {
		l.t.Fatalf("the server does not start: %v %v", err, l.said(""))
	}
}

// ready is what the server says of itself.
func (l *lone) ready() (status int, text string) {
	res, err := http.Get(*l.metrics.Load() + "/readyz")
	must(l.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	must(l.t, err)
	return res.StatusCode, string(raw)
}

// try switches keys on and off until a change is refused for want of room, or
// so often that there must be room. What is acknowledged stays.
func (l *lone) try(ctx context.Context, times int) (refused error) {
	l.t.Helper()
	for i := range times {
		key := l.slots[i%len(l.slots)].Load()
		now := key.now()
		op, rights := opOn, "read,trade"
		if now.active() {
			op, rights = opOff, inactive
		}
		key.begin(rights, now.version+1, l.now())
		_, err := l.ask(ctx, op, operator.IDArgs{ID: key.id})
		if key.end(err == nil, l.now()); err != nil {
			return err
		}
	}
	return nil
}

// look calls with every key: each must be as the last acknowledged change left
// it, and calls go on.
func (l *lone) look(when string) {
	l.t.Helper()
	for i := range l.slots {
		key := l.slots[i].Load()
		want := "allowed"
		if !key.now().active() {
			want = "key_not_activated"
		}
		if c := l.call(key, l.machine, true); c.code != want {
			l.t.Errorf("%s, key %s: a call was answered with %q, not %q", when, key.name, c.code, want)
		}
		raw, err := l.ask(l.t.Context(), "key.show", operator.IDArgs{ID: key.id})
		var shown operator.Key
		if err == nil {
			err = json.Unmarshal(raw, &shown)
		}
		if err != nil || shown.Version != key.now().version {
			l.t.Errorf("%s, key %s: it has version %d, not %d (%v)", when, key.name, shown.Version, key.now().version, err)
		}
	}
}

// TestAFullDiskStopsChangesAndNothingElse fills the disk of a server on SQLite
// again and again: changes are refused and say why, what was acknowledged is
// there, calls go on; and everything works again when there is room. Every other
// time the server is killed on the full disk, and started again on it.
func TestAFullDiskStopsChangesAndNothingElse(t *testing.T) {
	ctx := t.Context()
	l := newLone(t, 4)
	refused := 0
	for round := range 8 {
		must(t, l.try(ctx, 5+round))
		l.look("before")
		must(t, l.disk.Fill())
		for range 5 {
			err := l.try(ctx, 2000)
			if err == nil || latchkey.Code(err) != "store_unavailable" || !strings.Contains(err.Error(), full) {
				t.Fatalf("on a full disk a change was answered with %v", err)
			}
			refused++
		}
		l.look("full")
		if status, text := l.ready(); status != http.StatusOK || !strings.HasPrefix(text, "ready\n") || !strings.Contains(text, full) {
			t.Errorf("full, and it says: %d %s", status, text)
		}
		if round%2 == 1 {
			l.again(fmt.Sprintf("round %d", round))
		}
		must(t, l.disk.Free())
		if !l.running() {
			l.begin()
		}
		l.look("with room again")
		must(t, l.try(ctx, 5))
		if status, text := l.ready(); status != http.StatusOK || text != "ready\n" {
			t.Errorf("with room again it says: %d %s", status, text)
		}
	}
	if _, err := l.ask(ctx, "activity.verify", struct{}{}); err != nil {
		t.Errorf("the chain of activities: %v", err)
	}
	for _, fault := range l.wrong() {
		t.Error(fault)
	}
	t.Logf("%d changes were refused for want of room", refused)
}

// again kills the server and tries to start it on the full disk. It may end, but
// must say why.
func (l *lone) again(when string) {
	l.t.Helper()
	l.kill()
	ok, err := l.start()
	must(l.t, err)
	if ok {
		l.look(when + ", started on a full disk")
		return
	}
	said := l.said("")
	l.t.Logf("%s: on a full disk it does not start: %s", when, said[len(said)-1])
	if !strings.Contains(said[len(said)-1], "full") && !strings.Contains(said[len(said)-1], "no space left") {
		l.t.Errorf("%s: it ends without saying why", when)
	}
}
