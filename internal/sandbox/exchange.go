package sandbox

import (
	"log/slog"
	"sync"
	"time"

	"github.com/shopspring/decimal"

	"latchkey"
)

// Config is what an exchange needs. All four are required.
type Config struct {
	Catalog        *latchkey.Catalog
	IdentitySecret []byte           // shared with the gateway, signs the caller's identity
	Now            func() time.Time // the exchange has no other clock
	Log            *slog.Logger
}

// Exchange is the whole sandbox exchange. Make it with New.
type Exchange struct {
	catalog *latchkey.Catalog
	secret  []byte
	now     func() time.Time
	log     *slog.Logger
	actions map[string]action
	buffers sync.Pool // of the sessions, while they write

	mu      sync.Mutex // guards all that follows
	at      time.Time  // the moment of the request that is being carried out
	clients map[string]*client
	house   *client
	markets []*market
	byPair  map[string]*market
	timed   []*order // open GTD orders
	vault   vault
	serial  serial

	sessions map[*session]struct{}           // all that are open
	audience map[topic]map[*session]struct{} // who listens to what; no empty ones
	closed   bool                            // no further session is taken
	live     sync.WaitGroup                  // sessions that have not ended
}

// serial is the last number given out of each kind.
type serial struct {
	order, entry, execution, trade int64
}

// vault is where funds are that no client holds, each by currency. What was
// minted always equals all balances plus the rest of the vault; a test says so.
type vault struct {
	minted  map[string]decimal.Decimal // demo funds ever given
	fees    map[string]decimal.Decimal // taken from trades and withdrawals
	outside map[string]decimal.Decimal // withdrawn to an external address
}

// grow adds to one currency of a vault's part.
func grow(sums map[string]decimal.Decimal, currency string, by decimal.Decimal) {
	sums[currency] = sums[currency].Add(by)
}

// New returns an exchange whose house already quotes every pair.
func New(cfg Config) *Exchange {
	x := &Exchange{
		catalog: cfg.Catalog, secret: cfg.IdentitySecret, now: cfg.Now, log: cfg.Log,
		actions: actions(),
		clients: map[string]*client{}, byPair: map[string]*market{},
		sessions: map[*session]struct{}{}, audience: map[topic]map[*session]struct{}{},
		vault: vault{map[string]decimal.Decimal{}, map[string]decimal.Decimal{}, map[string]decimal.Decimal{}},
	}
	for i := range pairs {
		m := &market{pair: &pairs[i], bounds: pairs[i].bounds()}
		x.markets, x.byPair[m.pair.name()] = append(x.markets, m), m
	}
	x.openHouse()
	x.advance(cfg.Now())
	return x
}

// advance brings the exchange to a moment: orders whose time is over end, and
// the house quotes anew. Every request does this first; see also Run.
func (x *Exchange) advance(now time.Time) {
	x.at = now
	defer x.flush()
	x.expire()
	for _, m := range x.markets {
		x.quote(m)
	}
}

// expire ends the GTD orders whose time has come.
func (x *Exchange) expire() {
	open := x.timed[:0]
	for _, o := range x.timed {
		switch {
		case o.status.final():
		case !x.at.Before(o.expires):
			x.finish(o, expired, "Canceled")
		default:
			open = append(open, o)
		}
	}
	clear(x.timed[len(open):])
	x.timed = open
}

// trim keeps the memory of a sandbox that runs for months bounded: beyond
// twice keep, the oldest entries go.
func trim[T any](list []T, keep int) []T {
	if len(list) <= 2*keep {
		return list
	}
	return append([]T(nil), list[len(list)-keep:]...)
}
