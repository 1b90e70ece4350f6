package courier

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"strings"
	"time"

	"latchkey"
)

// lane is one channel with room for a few messages at a time. A provider that
// hangs fills its own lane and no other.
type lane struct {
	channel latchkey.FactorKind
	sender  Sender
	places  chan struct{}
}

func newLane(channel latchkey.FactorKind, s Sender) *lane {
	return &lane{channel: channel, sender: s, places: make(chan struct{}, laneWidth)}
}

// enter takes a place, or reports false at once.
func (l *lane) enter() bool {
	select {
	case l.places <- struct{}{}:
		return true
	default:
		return false
	}
}

// leave frees the place again.
func (l *lane) leave() { <-l.places }

// deliver makes one try and tells the outbox what became of it.
func (c *Courier) deliver(ctx context.Context, l *lane, p parcel, m latchkey.Message) {
	err := guard(func() error { return c.send(ctx, l.sender, m) })
	switch {
	case err == nil:
		c.count(l.channel, OutcomeSent)
		c.cfg.Log.Info("courier: sent", c.about(p, l.channel)...)
		c.settle(ctx, p, func(ctx context.Context) error { return c.cfg.Outbox.LetterDone(ctx, p.id) })
	// Looked for before scrub, which keeps the words and loses the chain.
	case errors.Is(err, ErrPermanent):
		c.drop(ctx, p, l.channel, scrub(err, m).Error())
	default:
		c.retry(ctx, p, l.channel, "not sent", scrub(err, m))
	}
}

// send bounds one try by the timeout and by the life of the message. When the
// courier stops, a try that began gets a short grace: cutting it at once could
// hit the moment after the provider took the message, and it would go out
// again after the restart.
func (c *Courier) send(ctx context.Context, s Sender, m latchkey.Message) error {
	// Expires is measured by the injected clock, as everywhere; the timer below
	// only needs the length.
	life := c.cfg.Timeout
	if !m.Expires.IsZero() {
		life = min(life, m.Expires.Sub(c.cfg.Now()))
	}
	sendCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), life)
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		pause(sendCtx, grace)
		cancel()
	})
	defer stop()
	return s.Send(sendCtx, m)
}

// drop deletes a letter that will never be sent. why never holds content.
func (c *Courier) drop(ctx context.Context, p parcel, channel latchkey.FactorKind, why string) {
	c.count(channel, OutcomeDropped)
	c.cfg.Log.Warn("courier: dropped", append(c.about(p, channel), "reason", why)...)
	c.settle(ctx, p, func(ctx context.Context) error { return c.cfg.Outbox.LetterDone(ctx, p.id) })
}

// retry makes the letter due again, later with each try.
func (c *Courier) retry(ctx context.Context, p parcel, channel latchkey.FactorKind, what string, err error) {
	c.count(channel, OutcomeFailed)
	after := backoff(p.tries, longest(p.letter.Kind))
	c.cfg.Log.Warn("courier: "+what+"; trying again",
		append(c.about(p, channel), "after", after.String(), "error", err)...)
	c.settle(ctx, p, func(ctx context.Context) error { return c.cfg.Outbox.LetterRetry(ctx, p.id, after) })
}

// giveBack is retry without a failure: all places of the lane are taken. The
// wait grows too, else a long queue would run in circles while a provider
// hangs.
func (c *Courier) giveBack(ctx context.Context, p parcel) {
	after := backoff(p.tries, longest(p.letter.Kind))
	c.settle(ctx, p, func(ctx context.Context) error { return c.cfg.Outbox.LetterRetry(ctx, p.id, after) })
}

// settle tells the outbox, three times if need be and also after ctx ended. If
// that fails, the letter shows up again after Hold and is judged anew.
func (c *Courier) settle(ctx context.Context, p parcel, tell func(context.Context) error) {
	for try := 1; ; try++ {
		err := guard(func() error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
			defer cancel()
			return tell(ctx)
		})
		if err == nil {
			return
		}
		if try == 3 || ctx.Err() != nil {
			c.cfg.Log.Error("courier: the outbox was not told; this letter may be sent twice", "letter", p.id, "error", err)
			return
		}
		pause(ctx, backoff(try, urgentWait))
	}
}

// count tells the meter, if there is one.
func (c *Courier) count(channel latchkey.FactorKind, o Outcome) {
	if c.cfg.Meter != nil {
		c.cfg.Meter.Count(channel, o)
	}
}

// about says which letter a log line is about: ids only.
func (c *Courier) about(p parcel, channel latchkey.FactorKind) []any {
	return []any{
		"letter", p.id, "kind", string(p.letter.Kind), "channel", string(channel),
		"pending", p.letter.PendingID, "activity", p.letter.Activity, "tries", p.tries,
	}
}

// longest is the most that a letter waits between two tries. A code or a link
// lives minutes, and somebody waits for it.
func longest(kind latchkey.LetterKind) time.Duration {
	if kind == latchkey.LetterCode || kind == latchkey.LetterReset {
		return urgentWait
	}
	return longestWait
}

// backoff returns 1 s, 2 s, 4 s... up to most, less up to a quarter at random,
// so that letters which failed together do not come back together.
func backoff(tries int, most time.Duration) time.Duration {
	wait := most
	if doublings := max(tries, 1) - 1; doublings < 20 {
		wait = min(most, time.Second<<doublings)
	}
	return wait - rand.N(wait/4)
}

// pause waits, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// guard turns a panic into an error. Only the type of the value is told: the
// value itself may quote the message.
func guard(do func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic of type %T\n%s", r, debug.Stack())
		}
	}()
	return do()
}

// scrub is the second line behind the promise of Sender: an error that quotes
// the recipient or the text loses the quotation before it is logged.
func scrub(err error, m latchkey.Message) error {
	text := err.Error()
	for _, private := range []string{m.Text, m.To} {
		if private != "" {
			text = strings.ReplaceAll(text, private, "[hidden]")
		}
	}
	return errors.New(text)
}
