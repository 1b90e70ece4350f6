//go:build browser

package testenv_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/pquerna/otp/totp"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/node"
	"latchkey/internal/stepup"
	"latchkey/internal/testenv"
)

// desk is where the browser's tests move the clock, get their people and read
// what was sent. It is a server of the test: no program listens to the like.
type desk struct {
	s *testenv.System

	mu    sync.Mutex
	last  int          // person
	fresh []*node.Node // systems without an account
}

func (d *desk) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/messages", d.s.Inbox.Handler())
	mux.HandleFunc("POST /advance", served(d.advance))
	mux.HandleFunc("POST /owner", served(d.owner))
	mux.HandleFunc("POST /key", served(d.key))
	mux.HandleFunc("POST /totp", served(d.totp))
	mux.HandleFunc("POST /fresh", served(d.first))
	return mux
}

// served makes a handler of a function from JSON to JSON.
func served[In, Out any](do func(context.Context, In) (Out, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		err := json.NewDecoder(r.Body).Decode(&in)
		var out Out
		if err == nil {
			out, err = do(r.Context(), in)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(out) // fails only when the reader went away
	}
}

type moment struct {
	Now int64 `json:"now"` // milliseconds since 1970
}

// advance moves the server's clock; by 0 seconds it only tells the time.
func (d *desk) advance(_ context.Context, in struct{ Seconds int }) (moment, error) {
	d.s.Clock.Advance(time.Duration(in.Seconds) * time.Second)
	return moment{d.s.Clock.Now().UnixMilli()}, nil
}

type person struct {
	Account  string `json:"account"`
	Email    string `json:"email"`
	Password string `json:"password"`
	Phone    string `json:"phone"` // free to be enrolled
	Seed     string `json:"seed"`  // of the app; "" without one
}

// owner makes an account with an owner, who has an app where one is wanted.
func (d *desk) owner(ctx context.Context, in struct{ App bool }) (person, error) {
	d.mu.Lock()
	d.last++
	n := d.last
	d.mu.Unlock()
	op := d.s.Operator()
	p := person{Account: fmt.Sprintf("timer-%d", n), Password: testenv.Password, Phone: fmt.Sprintf("+353861%06d", n)}
	p.Email = "owner@" + p.Account + ".example"
	account, err := op.CreateAccount(ctx, p.Account)
	if err != nil {
		return p, err
	}
	member, err := op.AddMember(ctx, account, p.Email, latchkey.RoleOwner, p.Password)
	if err == nil && in.App {
		seed := stepup.NewSeed()
		p.Seed, err = seed.Reveal(), op.EnrolTOTP(ctx, member, seed)
	}
	return p, err
}

type made struct {
	ID string `json:"id"`
}

// key makes a key of the account, active or not.
func (d *desk) key(ctx context.Context, in struct {
	Account, Name string
	Active        bool
}) (made, error) {
	op := d.s.Operator()
	account, err := op.Account(ctx, in.Account)
	if err != nil {
		return made{}, err
	}
	key, _, err := op.CreateKey(ctx, account, authority.NewKey{Name: in.Name, Permissions: readTrade})
	if err == nil && in.Active {
		_, _, err = op.Move(ctx, key.ID, latchkey.OpActivate)
	}
	return made{key.ID}, err
}

type shown struct {
	Code string `json:"code"`
}

// totp is what an app shows at this moment of the server's clock.
func (d *desk) totp(_ context.Context, in struct{ Seed string }) (shown, error) {
	code, err := totp.GenerateCode(in.Seed, d.s.Clock.Now())
	return shown{code}, err
}

type link struct {
	Link string `json:"link"`
}

// first starts another system, by the same clock, that nobody has set up yet.
func (d *desk) first(ctx context.Context, _ struct{}) (link, error) {
	dir, err := os.MkdirTemp(d.s.DataDir, "fresh")
	if err != nil {
		return link{}, err
	}
	n, err := node.Start(ctx, node.Config{
		Store: node.StoreConfig{DataDir: dir}, Limits: latchkey.DefaultLimits(), Name: "Latchkey test", Setup: true,
		Console: node.Listen{Addr: "127.0.0.1:0"}, Sandbox: true, AnswerDeadline: time.Second,
		Mail: d.s.Inbox, SMS: d.s.Inbox, Now: d.s.Clock.Now, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return link{}, err
	}
	d.mu.Lock()
	d.fresh = append(d.fresh, n)
	d.mu.Unlock()
	text, err := os.ReadFile(n.SetupLink)
	return link{strings.TrimSpace(string(text))}, err
}

// close stops the systems that first has started.
func (d *desk) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var all error
	for _, n := range d.fresh {
		all = errors.Join(all, n.Stop(ctx))
	}
	if all != nil {
		d.s.T.Errorf("stopping the systems without an account: %v", all)
	}
}
