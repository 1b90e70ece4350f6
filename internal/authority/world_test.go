package authority_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/pquerna/otp/totp"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/cluster"
	"latchkey/internal/seal"
	"latchkey/internal/store"
	"latchkey/internal/testenv/postgres"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// server is set by TestMain before any test runs.
var server *postgres.Server

func TestMain(m *testing.M) {
	os.Exit(postgres.Main(m, func(s *postgres.Server) { server = s }))
}

// password is everybody's. Its hash is a cheap one, made once; what a real one
// costs is tested by itself.
const password = "correct horse battery staple"

var cheapHash = sync.OnceValue(func() string {
	hash, err := argon2id.CreateHash(password, &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32})
	if err != nil {
		panic(err)
	}
	return hash
})

// plenty of text messages, for tests that are about something else.
var plenty = latchkey.SMSLimits{
	Number: latchkey.Rate{Hour: 100_000, Day: 100_000}, Account: latchkey.Rate{Hour: 100_000, Day: 100_000},
	Source: latchkey.Rate{Hour: 100_000, Day: 100_000}, Country: 100_000,
}

// clock moves only when a test says so.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// world is an authority over a real store and a real gateway table, with an
// account, its owner, who has an authenticator app, and a sub-user, who has no
// second factor.
type world struct {
	*authority.Authority
	config  authority.Config
	t       *testing.T
	ctx     context.Context
	clock   *clock
	url     string
	store   *store.Store
	checker *verify.Checker
	account latchkey.Account
	owner   latchkey.Member
	sub     latchkey.Member
	app     latchkey.Factor // the owner's
	beside  *sql.DB         // see database
}

// onEach runs a test on SQLite and on PostgreSQL, each with a new database.
func onEach(t *testing.T, test func(w *world)) {
	t.Helper()
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { test(newWorld(t)) })
	t.Run("PostgreSQL", func(t *testing.T) { test(worldOn(t, server.Database(t))) })
}

// newWorld is a world on SQLite.
func newWorld(t *testing.T) *world {
	t.Helper()
	return worldOn(t, "sqlite:"+filepath.Join(t.TempDir(), "latchkey.db"))
}

func worldOn(t *testing.T, url string) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), url: url, clock: &clock{at: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}
	box, err := seal.LoadOrMake(filepath.Join(t.TempDir(), "keyset.json"))
	w.must(err)
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	w.store, err = store.Open(w.ctx, store.Config{URL: url, Seal: box, Now: w.clock.Now, Log: log})
	w.must(err)
	t.Cleanup(func() { w.store.Close() })
	table := verify.NewTable()
	feed := cluster.NewFeed(table, w.store.KeyMaterial, log)
	t.Cleanup(feed.Close)
	w.checker = verify.New(verify.Config{Table: table, Ledger: generous{}, Window: 20 * time.Second, Points: 1 << 20, PublicPoints: 1 << 20, Now: w.clock.Now})
	w.config = authority.Config{Store: w.store, Feed: feed, Limits: latchkey.DefaultLimits(), Now: w.clock.Now, Log: log, Issuer: "Latchkey"}
	w.Authority = authority.New(w.config)
	w.account, w.owner = w.tenant("Northwind", "owner@example.com")
	w.sub = w.member(w.account, "sub@example.com", latchkey.RoleSubuser)
	w.app = w.enrolApp(w.owner)
	return w
}

// other is an authority over the same store and clock whose configuration was
// changed: that is how a test takes a guard away.
func (w *world) other(change func(c *authority.Config)) *authority.Authority {
	c := w.config
	change(&c)
	return authority.New(c)
}

// tenant makes an account with its owner.
func (w *world) tenant(name, email string) (latchkey.Account, latchkey.Member) {
	w.t.Helper()
	account, err := w.Operator().CreateAccount(w.ctx, name)
	w.must(err)
	return account, w.member(account, email, latchkey.RoleOwner)
}

func (w *world) member(account latchkey.Account, email string, role latchkey.Role) latchkey.Member {
	w.t.Helper()
	m := latchkey.Member{ID: latchkey.NewID("mem"), AccountID: account.ID, Email: email, Role: role, CreatedAt: w.clock.Now()}
	act := latchkey.NewActivity(w.clock.Now(), latchkey.Actor{Source: latchkey.SourceOperator, AccountID: account.ID}, latchkey.ActMemberAdded)
	w.must(w.store.AddMember(w.ctx, m, cheapHash(), act))
	return m
}

// enrolApp gives a member an authenticator app.
func (w *world) enrolApp(m latchkey.Member) latchkey.Factor {
	w.t.Helper()
	w.must(w.Operator().EnrolTOTP(w.ctx, m, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
	factors, err := w.store.Factors(w.ctx, m.ID)
	w.must(err)
	return factors[len(factors)-1]
}

// enrolPhone gives a member a phone, by the member's own operations.
func (w *world) enrolPhone(actor latchkey.Actor, number string) latchkey.Factor {
	w.t.Helper()
	step, err := w.EnrolPhone(w.ctx, actor, password, number, authority.Idempotency{})
	w.must(err)
	out := w.confirm(actor, step)
	if out.Next != nil {
		out = w.confirm(actor, *out.Next)
	}
	return *out.Factor
}

// signIn signs in with the password and the second factor, if there is one.
func (w *world) signIn(m latchkey.Member) latchkey.Actor {
	w.t.Helper()
	actor, _ := w.signInToken(m)
	return actor
}

func (w *world) signInToken(m latchkey.Member) (latchkey.Actor, string) {
	w.t.Helper()
	in, err := w.SignIn(w.ctx, authority.Visitor{IP: "192.0.2.7", UserAgent: "test"}, m.Email, password)
	w.must(err)
	token := in.Token
	if in.Step != nil {
		token = w.confirm(w.who(token), *in.Step).Token
	}
	return w.who(token), token
}

// who is the actor that a token stands for.
func (w *world) who(token string) latchkey.Actor {
	w.t.Helper()
	actor, _, _, err := w.Authenticate(w.ctx, token, "192.0.2.7")
	w.must(err)
	return actor
}

// right is the code that proves the pending at this moment. A TOTP code is
// that of a step that was not used: the clock moves on to it.
func (w *world) right(id string) string {
	w.t.Helper()
	p, err := w.store.Pending(w.ctx, id)
	w.must(err)
	if p.SendsCode() {
		return p.Code.Reveal()
	}
	seed := p.NewSecret
	if p.Proof == latchkey.ProofSecondFactor {
		_, seed, _, err = w.store.FactorSecret(w.ctx, p.MemberID, p.FactorID)
		w.must(err)
	}
	w.clock.Advance(30 * time.Second)
	return w.totp(seed)
}

// totp is what the app of that seed shows now.
func (w *world) totp(seed latchkey.Secret) string {
	w.t.Helper()
	code, err := totp.GenerateCode(seed.Reveal(), w.clock.Now())
	w.must(err)
	return code
}

// wrong is a code that does not prove the pending.
func (w *world) wrong(id string) authority.Answer {
	w.t.Helper()
	right := w.right(id)
	return authority.Answer{Code: fmt.Sprintf("%06d", (number(right)+500_000)%1_000_000)}
}

func number(code string) (n int) {
	fmt.Sscanf(code, "%d", &n)
	return n
}

func code(text string) authority.Answer { return authority.Answer{Code: text} }

// confirm proves a pending.
func (w *world) confirm(actor latchkey.Actor, step authority.Step) authority.Outcome {
	w.t.Helper()
	out, err := w.Confirm(w.ctx, actor, step.Pending.ID, code(w.right(step.Pending.ID)))
	w.must(err)
	return out
}

// create makes a key by its owner's operations: Read and Trade from anywhere,
// inactive.
func (w *world) create(owner latchkey.Actor, name string) (latchkey.Key, latchkey.Secret) {
	w.t.Helper()
	step, err := w.Create(w.ctx, owner, authority.NewKey{Name: name, Permissions: latchkey.Read | latchkey.Trade}, authority.Idempotency{})
	w.must(err)
	out := w.confirm(owner, step)
	return *out.Key, out.Secret
}

// active makes a key and activates it.
func (w *world) active(owner latchkey.Actor, name string) (latchkey.Key, latchkey.Secret) {
	w.t.Helper()
	k, secret := w.create(owner, name)
	step, err := w.Activate(w.ctx, owner, k.ID, k.Version)
	w.must(err)
	return *w.confirm(owner, step).Key, secret
}

// edit opens an edit of a key to other permissions.
func (w *world) edit(owner latchkey.Actor, k latchkey.Key, to latchkey.Permissions) authority.Step {
	w.t.Helper()
	step, err := w.Edit(w.ctx, owner, k.ID, k.Version, latchkey.Edit{Permissions: &to})
	w.must(err)
	return step
}

// generous has points for everybody: what calls cost is not tested here.
type generous struct{}

func (generous) Take(context.Context, latchkey.Take) (latchkey.Taken, error) {
	return latchkey.TakenAll, nil
}

// call is what the gateway says to a call with the key at this moment.
func (w *world) call(k latchkey.Key, secret latchkey.Secret, needs latchkey.Permissions) verify.Reason {
	w.t.Helper()
	at := signature.Timestamp(w.clock.Now())
	mac := signature.SignREST([]byte(secret.Reveal()), "do_something", at, []byte("{}"))
	signed, err := signature.ParseREST([]byte(k.ID), []byte(at), []byte(mac), []byte("do_something"), []byte("{}"))
	w.must(err)
	action := &latchkey.Action{Name: "do_something", Permission: needs, Cost: 1, REST: true}
	return w.checker.Check(w.ctx, verify.Request{Signed: signed, Action: action, Addr: netip.MustParseAddr("203.0.113.9")}).Reason
}

// stored is the key as it stands in the database.
func (w *world) stored(id string) latchkey.Key {
	w.t.Helper()
	k, err := w.store.KeyByID(w.ctx, id)
	w.must(err)
	return k
}

// types lists the activities of the account, oldest first.
func (w *world) types() (out []latchkey.ActivityType) {
	w.t.Helper()
	for _, a := range w.activities(latchkey.ActivityQuery{}) {
		out = append(out, a.Type)
	}
	return out
}

// activities lists the entries of the account, oldest first.
func (w *world) activities(q latchkey.ActivityQuery) []latchkey.Activity {
	w.t.Helper()
	q.AccountID, q.Limit = w.account.ID, 1000
	all, err := w.store.Activities(w.ctx, q)
	w.must(err)
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// raw runs a statement beside the store, as somebody could who has the
// database but not the program.
func (w *world) raw(statement string, args ...any) {
	w.t.Helper()
	_, err := w.database().ExecContext(w.ctx, statement, args...)
	w.must(err)
}

// count reads one number beside the store.
func (w *world) count(query string, args ...any) (n int) {
	w.t.Helper()
	w.must(w.database().QueryRowContext(w.ctx, query, args...).Scan(&n))
	return n
}

// letters takes everything out of the outbox.
func (w *world) letters() (out []latchkey.Letter) {
	w.t.Helper()
	for {
		id, l, _, ok, err := w.store.ReceiveLetter(w.ctx)
		w.must(err)
		if !ok {
			return out
		}
		w.must(w.store.LetterDone(w.ctx, id))
		out = append(out, l)
	}
}

// database is a second connection to the same data.
func (w *world) database() *sql.DB {
	w.t.Helper()
	if w.beside != nil {
		return w.beside
	}
	driver, source := "pgx", w.url
	if path, ok := strings.CutPrefix(w.url, "sqlite:"); ok {
		driver, source = "sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"
	}
	db, err := sql.Open(driver, source)
	w.must(err)
	w.t.Cleanup(func() { db.Close() })
	w.beside = db
	return db
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// refused demands an *Error of that code.
func (w *world) refused(err error, code string) {
	w.t.Helper()
	if got := latchkey.Code(err); err == nil || got != code {
		w.t.Fatalf("error = %v (code %q), want code %q", err, got, code)
	}
}

// is compares two values that == can compare.
func is[T comparable](w *world, what string, got, want T) {
	w.t.Helper()
	if got != want {
		w.t.Fatalf("%s = %v, want %v", what, got, want)
	}
}
