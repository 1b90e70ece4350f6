package courier

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"latchkey"
)

// No goroutine and no connection outlives a test.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is an outbox in memory that keeps the promises of the interface.
type memory struct {
	now func() time.Time

	mu      sync.Mutex
	letters []stored // in the order in which they were put
	facts   map[latchkey.Letter]latchkey.Facts
	next    int
	waits   []time.Duration // of each LetterRetry
	// broken, when set, is asked before each call and may fail or panic.
	broken func(method string) error
	// onDone and onRetry, when set, hear of it after the letter was written.
	onDone, onRetry func()
}

type stored struct {
	id     string
	letter latchkey.Letter
	tries  int
	due    time.Time
}

func newMemory(now func() time.Time) *memory {
	return &memory{now: now, facts: map[latchkey.Letter]latchkey.Facts{}}
}

func (o *memory) put(l latchkey.Letter, f latchkey.Facts) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next++
	o.facts[l] = f
	o.letters = append(o.letters, stored{id: strconv.Itoa(o.next), letter: l, due: o.now()})
}

// change alters the facts of a letter that waits.
func (o *memory) change(l latchkey.Letter, how func(*latchkey.Facts)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	f := o.facts[l]
	how(&f)
	o.facts[l] = f
}

func (o *memory) left() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.letters)
}

func (o *memory) retries() []time.Duration {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.waits)
}

func (o *memory) fails(method string) error {
	if o.broken == nil {
		return nil
	}
	return o.broken(method)
}

func (o *memory) ReceiveLetter(context.Context) (string, latchkey.Letter, int, bool, error) {
	if err := o.fails("ReceiveLetter"); err != nil {
		return "", latchkey.Letter{}, 0, false, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range o.letters {
		if s := &o.letters[i]; !o.now().Before(s.due) {
			s.tries++
			s.due = o.now().Add(Hold)
			return s.id, s.letter, s.tries, true, nil
		}
	}
	return "", latchkey.Letter{}, 0, false, nil
}

func (o *memory) LetterDone(_ context.Context, id string) error {
	if err := o.fails("LetterDone"); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.letters = slices.DeleteFunc(o.letters, func(s stored) bool { return s.id == id })
	if o.onDone != nil {
		o.onDone()
	}
	return nil
}

func (o *memory) LetterRetry(_ context.Context, id string, after time.Duration) error {
	if err := o.fails("LetterRetry"); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waits = append(o.waits, after)
	for i := range o.letters {
		if o.letters[i].id == id {
			o.letters[i].due = o.now().Add(after)
		}
	}
	if o.onRetry != nil {
		o.onRetry()
	}
	return nil
}

func (o *memory) Facts(_ context.Context, l latchkey.Letter) (latchkey.Facts, error) {
	if err := o.fails("Facts"); err != nil {
		return latchkey.Facts{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	f, ok := o.facts[l]
	if !ok {
		return latchkey.Facts{}, latchkey.ErrNotFound
	}
	return f, nil
}

// provider is a Sender whose behaviour a test writes down.
type provider struct {
	mu   sync.Mutex
	sent []latchkey.Message
	at   []time.Time // of every try
	// do, when set, decides about try number n, from 1.
	do func(ctx context.Context, n int) error
}

func (p *provider) Send(ctx context.Context, m latchkey.Message) error {
	p.mu.Lock()
	p.at = append(p.at, time.Now())
	n := len(p.at)
	p.mu.Unlock()
	if p.do != nil {
		if err := p.do(ctx, n); err != nil {
			return err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

func (p *provider) messages() []latchkey.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

func (p *provider) tries() []time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.at)
}

// hang waits for the end of the try, as a provider that never answers.
func hang(ctx context.Context, _ int) error {
	<-ctx.Done()
	return ctx.Err()
}

var errDown = errors.New("connection refused")

// tally is a Meter.
type tally struct {
	mu     sync.Mutex
	counts map[string]int
}

func (t *tally) Count(channel latchkey.FactorKind, o Outcome) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts == nil {
		t.counts = map[string]int{}
	}
	t.counts[string(channel)+" "+string(o)]++
}

func (t *tally) of(name string) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[name]
}

// What no log line may hold.
const (
	testCode  = "123456"
	testPhone = "+35312345678"
	testMail  = "owner@example.com"
)

// smsCode is an open pending whose code was just made, and its letter.
func smsCode(now time.Time) (latchkey.Letter, latchkey.Facts) {
	p := latchkey.Pending{
		ID: latchkey.NewID("pnd"), AccountID: "acc_1", MemberID: "mem_1", Operation: latchkey.OpEdit, KeyID: "lk_1",
		State: latchkey.PendingOpen, Proof: latchkey.ProofSecondFactor, FactorKind: latchkey.FactorSMS,
		Sends: 1, CodeSentAt: now, Code: testCode, CreatedAt: now, ExpiresAt: now.Add(15 * time.Minute),
		Draft: latchkey.Draft{KeyName: "bot-1", Permissions: latchkey.NewPermissions(latchkey.Trade), Summary: "+ Trade, 2 IPs"},
	}
	return latchkey.Letter{Kind: latchkey.LetterCode, PendingID: p.ID, Send: 1}, latchkey.Facts{
		Account: latchkey.Account{ID: "acc_1", Name: "Acme"}, Pending: p, Phone: testPhone,
		Member: latchkey.Member{ID: "mem_1", AccountID: "acc_1", Email: testMail, Role: latchkey.RoleOwner},
	}
}

// mailCode is the same with an e-mail code for an activation.
func mailCode(now time.Time) (latchkey.Letter, latchkey.Facts) {
	l, f := smsCode(now)
	f.Pending.Operation, f.Pending.FactorKind, f.Phone = latchkey.OpActivate, latchkey.FactorEmail, ""
	f.Pending.Draft.Summary = "Read, Trade; any IP"
	return l, f
}

// notice is an activity about a key, and its letter.
func notice(now time.Time, seq int64, kind latchkey.ActivityType) (latchkey.Letter, latchkey.Facts) {
	_, f := smsCode(now)
	f.Pending, f.Phone = latchkey.Pending{}, ""
	f.Activity = latchkey.Activity{
		Seq: seq, At: now, AccountID: "acc_1", Type: kind, Source: latchkey.SourceConsole,
		MemberID: "mem_1", IP: "203.0.113.7", KeyID: "lk_1", Subject: "bot-1",
	}
	return latchkey.Letter{Kind: latchkey.LetterNotice, Activity: seq, MemberID: "mem_1"}, f
}

// bench is a courier with everything around it, for tests inside synctest.
type bench struct {
	outbox    *memory
	mail, sms *provider
	meter     *tally
	log       *syncBuffer
	courier   *Courier
}

func newBench() *bench {
	b := &bench{outbox: newMemory(time.Now), mail: &provider{}, sms: &provider{}, meter: &tally{}, log: &syncBuffer{}}
	b.courier = New(b.config())
	return b
}

func (b *bench) config() Config {
	return Config{
		Outbox: b.outbox, Mail: b.mail, SMS: b.sms, Limits: latchkey.DefaultLimits(), Meter: b.meter,
		Log: slog.New(slog.NewTextHandler(b.log, nil)), Name: "Latchkey", ConsoleURL: "https://console.example.com",
	}
}

// start runs the courier until the returned function is called, which waits
// for its end.
func (b *bench) start(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.courier.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// syncBuffer is a buffer that the courier's goroutines may write to at once.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// clock is a time that only the test moves, for tests with a network.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: noon} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// switchable hands on to a Sender that a test can exchange.
type switchable struct {
	mu sync.Mutex
	to Sender
}

func (s *switchable) set(to Sender) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = to
}

func (s *switchable) Send(ctx context.Context, m latchkey.Message) error {
	s.mu.Lock()
	to := s.to
	s.mu.Unlock()
	return to.Send(ctx, m)
}
