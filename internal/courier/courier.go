// Package courier sends what the outbox holds: codes by SMS or e-mail, notices
// by e-mail.
//
// A letter in the outbox carries no text. The courier makes the message from
// the facts as they are at the moment of sending, so that a code which was
// replaced, used or cancelled in the meantime never leaves the house. Delivery
// is at least once: a letter is deleted only after its provider took it.
package courier

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"latchkey"
)

// Hold is how long an Outbox must hide a letter that was received from other
// receivers: reading the facts, one send and deleting the letter fit into it.
// Were it shorter, a slow provider would make people get a message twice.
const Hold = 60 * time.Second

const (
	storeTime   = 10 * time.Second       // the most that one call of the outbox may take
	sendTime    = 30 * time.Second       // default of Config.Timeout
	grace       = 3 * time.Second        // for what is being sent when the courier stops
	pollTime    = 500 * time.Millisecond // default of Config.Poll
	laneWidth   = 4                      // messages that one channel sends at the same time
	longestWait = 5 * time.Minute        // between two tries of a notice
	// urgentWait bounds the wait where somebody sits in front of the screen, and
	// the wait for the outbox: after a failure ended, work goes on in 5 s.
	urgentWait = 5 * time.Second
)

// ErrPermanent is wrapped by a Sender's error when the same message would fail
// again: no such mailbox, not a phone number. The letter is dropped.
var ErrPermanent = errors.New("will not succeed later either")

// Sender hands one message to a provider.
type Sender interface {
	// Send returns nil when the provider took the message, and returns soon
	// after ctx ends. Its error goes to the log, so it must not hold the
	// recipient's address, the text or credentials. An error that does not
	// wrap ErrPermanent is tried again.
	Send(ctx context.Context, m latchkey.Message) error
}

// Outbox is the queue of letters, and what is known about them.
type Outbox interface {
	// ReceiveLetter takes the next letter that is due and hides it for Hold.
	// tries counts how often it was received, this time included. ok is false
	// when nothing is due.
	ReceiveLetter(ctx context.Context) (id string, l latchkey.Letter, tries int, ok bool, err error)
	// LetterDone deletes a letter: it was sent, or will never be.
	LetterDone(ctx context.Context, id string) error
	// LetterRetry makes a letter due again after that time.
	LetterRetry(ctx context.Context, id string, after time.Duration) error
	// Facts reads what the message is made from. ErrNotFound when the pending,
	// the activity or the member is gone.
	Facts(ctx context.Context, l latchkey.Letter) (latchkey.Facts, error)
}

// Outcome is what became of one try to send.
type Outcome string

// The outcomes, as they stand in the label of a metric.
const (
	OutcomeSent    Outcome = "sent"
	OutcomeFailed  Outcome = "failed"  // is tried again
	OutcomeDropped Outcome = "dropped" // is not tried again
)

// Meter counts outcomes by channel ("email", "sms", or "" when a letter was
// dropped before its channel was known). It never learns an address.
type Meter interface {
	Count(channel latchkey.FactorKind, outcome Outcome)
}

// Config is what a courier works with.
type Config struct {
	Outbox     Outbox
	Mail       Sender // nil: letters by e-mail are dropped with a log line
	SMS        Sender // nil: the same for SMS
	Limits     latchkey.Limits
	Now        func() time.Time // nil: time.Now
	Log        *slog.Logger     // nil: nothing is logged
	Meter      Meter            // nil: nothing is counted
	Name       string           // of the platform, as people know it; "" means Latchkey
	ConsoleURL string           // stands in the mails; "" leaves it out
	Poll       time.Duration    // between two looks into an empty outbox; 0 means 500 ms
	Timeout    time.Duration    // of one send, at most 30 s; 0 means 30 s
}

// Courier empties one outbox. Several may share it, in one process or many.
type Courier struct {
	cfg   Config
	lanes map[latchkey.FactorKind]*lane
}

// New makes a courier. Nothing happens before Run.
func New(cfg Config) *Courier {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Name = plain(cfg.Name, longestName); cfg.Name == "" {
		cfg.Name = "Latchkey"
	}
	if cfg.Poll <= 0 {
		cfg.Poll = pollTime
	}
	// A longer send would outlive Hold, and the letter be sent twice.
	if cfg.Timeout <= 0 || cfg.Timeout > sendTime {
		cfg.Timeout = sendTime
	}
	return &Courier{cfg: cfg, lanes: map[latchkey.FactorKind]*lane{
		latchkey.FactorEmail: newLane(latchkey.FactorEmail, cfg.Mail),
		latchkey.FactorSMS:   newLane(latchkey.FactorSMS, cfg.SMS),
	}}
}

// parcel is one letter as it was received.
type parcel struct {
	id     string
	letter latchkey.Letter
	tries  int
}

// Run works until ctx ends and what is being sent is done or given back. Its
// error, at once, is about an unusable configuration; failures of the outbox
// and of providers are logged and waited out.
func (c *Courier) Run(ctx context.Context) error {
	if c.cfg.Outbox == nil {
		return errors.New("courier: no outbox: set Config.Outbox")
	}
	if l := c.cfg.Limits; l.CodeLife <= 0 || l.MaxAttempts <= 0 {
		return errors.New("courier: no limits: set Config.Limits, else every code counts as expired")
	}
	var sending sync.WaitGroup
	defer sending.Wait()
	for failures := 0; ctx.Err() == nil; {
		worked, err := c.step(ctx, &sending)
		switch {
		case err != nil && ctx.Err() == nil:
			failures++
			c.cfg.Log.Error("courier: the outbox cannot be read; trying again", "error", err)
			pause(ctx, backoff(failures, urgentWait))
		case err == nil && !worked:
			failures = 0
			pause(ctx, c.cfg.Poll)
		case err == nil:
			failures = 0
		}
	}
	return nil
}

// step takes one letter from the outbox to its lane. False: nothing was due.
func (c *Courier) step(ctx context.Context, sending *sync.WaitGroup) (worked bool, err error) {
	var p parcel
	err = guard(func() (err error) {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		p.id, p.letter, p.tries, worked, err = c.cfg.Outbox.ReceiveLetter(ctx)
		return err
	})
	if err != nil || !worked {
		return false, err
	}
	c.handle(ctx, p, sending)
	return true, nil
}

// handle makes the message and starts to send it. It never waits for a
// provider: a full lane gives the letter back, so that the other lane goes on.
func (c *Courier) handle(ctx context.Context, p parcel, sending *sync.WaitGroup) {
	m, why, err := c.prepare(ctx, p.letter)
	if err != nil {
		c.retry(ctx, p, m.Channel, "the facts could not be read", err)
		return
	}
	lane := c.lanes[m.Channel]
	switch {
	case why != "":
		c.drop(ctx, p, m.Channel, why)
	case lane == nil || lane.sender == nil:
		c.drop(ctx, p, m.Channel, "no provider is configured for this channel")
	case lane.enter():
		sending.Go(func() {
			defer lane.leave()
			c.deliver(ctx, lane, p, m)
		})
	default:
		c.giveBack(ctx, p)
	}
}

// prepare reads the facts and writes the message. why says why there is
// nothing to send (any more).
func (c *Courier) prepare(ctx context.Context, l latchkey.Letter) (m latchkey.Message, why string, err error) {
	err = guard(func() error {
		ctx, cancel := context.WithTimeout(ctx, storeTime)
		defer cancel()
		facts, err := c.cfg.Outbox.Facts(ctx, l)
		if errors.Is(err, latchkey.ErrNotFound) {
			why = "what it was about is gone"
			return nil
		}
		if err != nil {
			return fmt.Errorf("facts: %w", err)
		}
		m, why = c.write(l, facts)
		return nil
	})
	return m, why, err
}
