package testenv_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"latchkey"
	"latchkey/internal/api"
	"latchkey/internal/authority"
	"latchkey/internal/courier"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
	"latchkey/internal/testenv/redis"
	"latchkey/signature"
)

// cage is a system on PostgreSQL and Redis, and every secret that it has met.
type cage struct {
	*testenv.System
	t        *testing.T
	log      *buffer
	redis    *redis.Server
	password string // of Redis
	database string // its URL, without the password
	mu       sync.Mutex
	hidden   map[string]string // by name
	keys     []testenv.Bot
	owner    *testenv.Person
}

func (c *cage) hide(name, secret string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hidden[fmt.Sprintf("%s (%d)", name, len(c.hidden))] = secret
	return secret
}

// fresh is a secret that nobody else has.
func (c *cage) fresh(name string) string { return c.hide(name, "canary-"+rand.Text()) }

// clumsy is a provider whose program breaks with the message in its hand.
type clumsy struct {
	*courier.Inbox
	once sync.Once
}

func (s *clumsy) Send(ctx context.Context, m latchkey.Message) error {
	if linkPattern.MatchString(m.Text) {
		s.once.Do(func() { panic(m.Text) })
	}
	return s.Inbox.Send(ctx, m)
}

// newCage starts a system whose configuration is full of secrets, too.
func newCage(t *testing.T) *cage {
	t.Setenv("TMPDIR", t.TempDir())
	c := &cage{t: t, log: &buffer{}, hidden: map[string]string{}}
	c.password = c.fresh("the password of Redis")
	c.redis = redis.Start(t, "--requirepass", c.password)
	u, err := url.Parse(server.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	c.database = u.String()
	u.User = url.UserPassword(u.User.Username(), c.fresh("the password of PostgreSQL"))
	c.System = testenv.Start(t, testenv.Options{
		Database: u.String(), Log: slog.New(slog.NewJSONHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Change: func(n *node.Config) {
			n.Limits.KeysPerAccount, n.Limits.SignInsPerSource, n.Limits.ResetsPerSource = 100, 1000, 1000
			n.Points, n.Window, n.IdentitySecret = 1<<30, 20*time.Second, []byte(c.fresh("the identity secret"))
			n.Redis.URL = "unix://:" + c.password + "@" + strings.TrimPrefix(c.redis.URL(), "unix://")
			n.Redis.Skew = 2 * time.Minute // the clock of the test stands
			n.Mail = &clumsy{Inbox: n.Mail.(*courier.Inbox)}
		},
	})
	c.hide("the owners' TOTP seed", c.Seed.Reveal())
	c.hide("the password", testenv.Password)
	for name, secret := range wholeLife(t, c.System) {
		c.hide(name, secret)
	}
	return c
}

// bots makes keys, and lets each call rightly and wrongly.
func (c *cage) bots(n int) {
	for i := range n {
		bot := c.ActiveKey(fmt.Sprintf("bot-%d", i), authority.NewKey{Permissions: readTrade})
		c.hide("a key's secret", bot.Secret.Reveal())
		c.keys = append(c.keys, bot)
		testenv.Allows(c.t, bot.Call("get_my_fee", "{}"), http.StatusOK)
		body, stamp := fmt.Sprintf(`{"n":%d}`, i), signature.Timestamp(c.Clock.Now())
		c.hide("the signature of an order", signature.SignREST([]byte(bot.Secret), "do_my_new_order", stamp, []byte(body)))
		bot.Call("do_my_new_order", body) // what the exchange makes of it is of no interest
		wrong := c.Bot(bot.KeyID, latchkey.Secret(c.fresh("a wrong secret")))
		testenv.Refuses(c.t, wrong.Call("get_my_fee", "{}"), http.StatusUnauthorized, "unauthorized")
	}
}

// guesses tries what strangers do.
func (c *cage) guesses(n int) {
	for i := range n {
		p := c.Nobody()
		testenv.Refuses(c.t, p.Do("POST", "/v1/session", map[string]string{"email": fmt.Sprintf("p%d@one.example", i), "password": c.fresh("a wrong password")}), 401, "wrong_credentials")
		p.Do("POST", "/v1/password/reset", map[string]string{"token": c.fresh("a guessed link"), "password": c.fresh("the password with a guessed link")})
		p.Do("POST", "/v1/nodes/session", map[string]string{"token": c.fresh("a guessed operator's link")})
		p.Do("POST", "/v1/setup", map[string]string{"token": c.fresh("a guessed first link"), "account": "x", "email": "x@one.example", "password": c.fresh("the password with a guessed first link")})
		req, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, c.ConsoleURL+"/v1/keys", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		req.AddCookie(&http.Cookie{Name: "latchkey", Value: c.fresh("a guessed cookie")})
		req.Header.Set("Authorization", "Bearer "+c.fresh("a token where none belongs"))
		testenv.Refuses(c.t, p.Send(req), 401, "not_signed_in")
	}
}

// owners signs in anew, and asks for a link whose letter breaks its provider.
func (c *cage) owners(n int) {
	for range n {
		c.owner = c.Owner()
		for _, cookie := range c.owner.Cookies() {
			c.hide("a cookie", cookie.Value)
		}
	}
	testenv.Allows(c.t, c.Nobody().Do("POST", "/v1/password/forgot", map[string]string{"email": testenv.OwnerEmail}), http.StatusAccepted)
	for end := time.Now().Add(10 * time.Second); !strings.Contains(c.log.String(), "panic of type"); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			c.t.Fatal("no panic is in the log")
		}
	}
	c.Clock.Advance(10 * time.Second) // the letter is tried again
	c.returns(c.hide("the link of a letter that broke its provider", mailedLink(c.t, c.System)))
}

// dumped is every row of every table, as a dump would have it.
func (c *cage) dumped(url string) string {
	ctx := c.t.Context()
	db, err := pgx.Connect(ctx, url)
	if err != nil {
		c.t.Fatal(err)
	}
	defer db.Close(context.Background())
	rows, _ := db.Query(ctx, `SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'`) // its error comes with the rows
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	var all strings.Builder
	for _, table := range tables {
		rows, _ = db.Query(ctx, "SELECT t::text FROM "+table+" t")
		lines, fault := pgx.CollectRows(rows, pgx.RowTo[string])
		if fault != nil {
			c.t.Fatal(table, fault)
		}
		all.WriteString(table + "\n" + strings.Join(lines, "\n"))
	}
	if err != nil || len(tables) < 15 {
		c.t.Fatalf("only the tables %v, %v", tables, err)
	}
	return all.String()
}

// remembered is every name and value in Redis, in its own form of a backup.
func (c *cage) remembered() string {
	script := `local all = {} for _, k in ipairs(redis.call('KEYS', '*')) do all[#all+1] = k .. ' ' .. redis.call('DUMP', k) end return table.concat(all, '\n')`
	return c.redis.Do(c.t, "--no-auth-warning", "-a", c.password, "EVAL", script, "0")
}

// pages are all answers that the console gives to reading.
func (c *cage) pages() string {
	var all strings.Builder
	id := c.keys[0].KeyID
	for _, r := range append(api.Routes(), api.Route{Method: "GET", Path: "/"}, api.Route{Method: "GET", Path: "/settings/api-keys"}) {
		if r.Method == http.MethodGet {
			a := c.owner.Do("GET", strings.NewReplacer("{id}", id, "{session}", "x").Replace(r.Path), nil)
			all.Write(a.Raw)
			for name, values := range a.Header {
				fmt.Fprintln(&all, name, values)
			}
		}
	}
	return all.String()
}

// socket are the answers of the operator's commands that read.
func (c *cage) socket() string {
	var all strings.Builder
	for op, args := range map[string]any{
		"account.list": struct{}{}, "member.list": map[string]string{"account": "one"}, "key.list": map[string]string{"account": "one"},
		"key.show": map[string]string{"id": c.keys[0].KeyID}, "node.list": struct{}{}, "activity.verify": struct{}{},
	} {
		raw, _ := c.command(op, args)
		all.Write(raw)
	}
	return all.String()
}

// places are all that a backup, a log shipper, a scraper, a reader of pages or
// somebody with the database and without the keyset could see: by name or path.
func (c *cage) places() map[string]string {
	c.t.Helper()
	u, err := url.Parse(c.database)
	if err != nil {
		c.t.Fatal(err)
	}
	all := map[string]string{
		"the log": c.log.String(), "the tables": c.dumped(c.database), "Redis": c.remembered(), "the pages": c.pages(), "the operator's socket": c.socket(),
		"/metrics": fetch(c.t, c.MetricsURL+"/metrics"), "/readyz": fetch(c.t, c.MetricsURL+"/readyz"), "/healthz": fetch(c.t, c.MetricsURL+"/healthz"),
	}
	cluster := u.Query().Get("host") + "/data"
	for _, dir := range []string{c.DataDir, cluster + "/pg_wal", cluster + "/base", os.TempDir()} {
		maps.Copy(all, files(c.t, dir, keysetName))
	}
	return all
}

// in tells whether a text stands in a place of this kind: a name, or a part of
// the paths.
func in(places map[string]string, kind, text string) bool {
	for place, content := range places {
		if strings.Contains(place, kind) && strings.Contains(content, text) {
			return true
		}
	}
	return false
}

// T23: more than 200 secrets, of people, bots, strangers, the operator and the
// configuration, go the ways that there are, a panic and the level debug among
// them; then every place is searched for all of them.
func TestNoCanaryIsLeftAnywhere(t *testing.T) {
	c := newCage(t)
	c.bots(40)
	c.guesses(10)
	c.talks()
	c.operates(5)
	c.stranger()
	c.owners(2)
	if len(c.hidden) < 200 {
		t.Fatalf("only %d secrets", len(c.hidden))
	}
	s, places, size := newSieve(t, c.hidden), c.places(), 0
	for place, text := range places {
		s.none(t, place, text)
		size += len(text)
	}
	t.Logf("%d secrets, %d places, %d MB", len(c.hidden), len(places), size>>20)
	// What must be there shows that the search looked in the right place.
	for kind, word := range map[string]string{
		"the log": "do_my_new_order", "the tables": "bot-7", "pg_wal": "bot-7", "Redis": "latchkey:", "the pages": "bot-7",
		"the operator's socket": "bot-7", "/metrics": "latchkey_", "/readyz": "ready", "latchkey-redis-": "Redis",
	} {
		if !in(places, kind, word) {
			t.Errorf("%q is not in %s: the search looks in the wrong place", word, kind)
		}
	}
	c.planted()
}

// planted is the twin: one secret is put where none may be, and found in each.
func (c *cage) planted() {
	c.t.Helper()
	const secret = "canary-planted-in-every-place"
	slog.New(slog.NewJSONHandler(c.log, nil)).Info("the mistake", "password", secret)
	c.redis.Do(c.t, "--no-auth-warning", "-a", c.password, "SET", "latchkey:mistake", secret)
	db, err := pgx.Connect(c.t.Context(), c.database)
	if err == nil {
		_, err = db.Exec(c.t.Context(), "UPDATE account SET name = $1 WHERE name = 'two'", secret)
	}
	if err == nil {
		err = errors.Join(db.Close(c.t.Context()), os.WriteFile(filepath.Join(os.TempDir(), "mistake"), []byte(secret), 0o600))
	}
	if err != nil {
		c.t.Fatal(err)
	}
	places := c.places()
	for _, kind := range []string{"the log", "Redis", "the tables", "pg_wal", "the operator's socket", "mistake"} {
		if !in(places, kind, secret) {
			c.t.Errorf("the secret that was planted is not found in %s", kind)
		}
	}
}
