package authority

import (
	"context"
	"slices"
	"strings"
	"time"

	"latchkey"
)

const day = 24 * time.Hour

// bound is a bucket with what is said when it is full.
type bound struct {
	latchkey.Bucket
	period time.Duration
	what   string // of it there was too much
}

// within is a bound on something in the period that runs now, by UTC.
func (a *Authority) within(period time.Duration, name string, limit int, what string) bound {
	return bound{latchkey.Bucket{Name: name, Window: a.now().Truncate(period), Limit: limit}, period, what}
}

// shared is a bound on what a member does, and beside it a smaller one on what
// strangers do who know the member's password: half of it at most, so that the
// other half is left to the member's own browser.
func (a *Authority) shared(p latchkey.Pending, period time.Duration, name, of string, limit int, what string) []bound {
	all := []bound{a.within(period, name+":"+of, limit, what)}
	if stranger(p) {
		all = append(all, a.within(period, name+"_new_browser:"+of, (limit+1)/2, what))
	}
	return all
}

// chargeOpening bounds how often a member begins something that waits for a
// proof: each is a row, an entry of the history, and perhaps a code.
func (a *Authority) chargeOpening(ctx context.Context, actor latchkey.Actor, p latchkey.Pending) error {
	all := a.shared(p, time.Hour, "pending", p.MemberID, a.limits.PendingsHourly, "operations were begun")
	full, err := a.charge(ctx, all)
	switch {
	case err != nil:
		return err
	case full == nil:
		return a.chargeSend(ctx, actor, p)
	}
	e := latchkey.Errorf(latchkey.KindLimit, "too_many_requests", "too many %s in this hour; wait before you begin another one", full.what)
	e.RetryAfter = a.untilEnd(*full)
	return e
}

// chargeSend bounds the codes that are sent: each SMS costs money, and a
// mailbox can be flooded. All bounds count the code, or none does.
func (a *Authority) chargeSend(ctx context.Context, actor latchkey.Actor, p latchkey.Pending) error {
	if !p.SendsCode() {
		return nil
	}
	all := a.shared(p, time.Hour, "code_sent", p.MemberID, a.limits.CodesHourly, "codes were sent to you")
	if p.FactorKind == latchkey.FactorSMS {
		sms, err := a.smsBounds(ctx, actor, p)
		if err != nil {
			return err
		}
		all = append(sms, all...)
	}
	full, err := a.charge(ctx, all)
	if err != nil || full == nil {
		return err
	}
	return a.tooManyCodes(actor, p, *full)
}

// smsBounds are those of a text message: who asks, who pays, who gets it.
func (a *Authority) smsBounds(ctx context.Context, actor latchkey.Actor, p latchkey.Pending) ([]bound, error) {
	phone := p.NewSecret
	if p.FactorID != "" {
		var err error
		if _, phone, _, err = a.store.FactorSecret(ctx, p.MemberID, p.FactorID); err != nil {
			return nil, err
		}
	}
	if err := a.allowed(phone.Reveal()); err != nil {
		return nil, err
	}
	l, source := a.limits.SMS, network(actor.IP)
	number := a.store.MAC("number of a text message", phone.Reveal()) // numbers are sealed at rest, here too
	country := latchkey.CallingCode(phone.Reveal())
	const here, account = "text messages were asked for from your address", "text messages were sent for your account"
	const there, land = "text messages were sent to this number", "text messages were sent to this country"
	return slices.Concat(
		a.shared(p, time.Hour, "sms_from", source, l.Source.Hour, here),
		a.shared(p, day, "sms_daily_from", source, l.Source.Day, here),
		a.shared(p, time.Hour, "sms_account", p.AccountID, l.Account.Hour, account),
		a.shared(p, day, "sms_daily_account", p.AccountID, l.Account.Day, account),
		a.shared(p, time.Hour, "sms_to", number, l.Number.Hour, there),
		a.shared(p, day, "sms_daily_to", number, l.Number.Day, there),
		a.shared(p, day, "sms_country", country, l.Country, land),
	), nil
}

// allowed refuses numbers of countries where nobody is expected: messages to
// them are what fraud is paid by.
func (a *Authority) allowed(phone string) error {
	for _, prefix := range a.countries {
		if strings.HasPrefix(phone, "+"+prefix) {
			return nil
		}
	}
	if len(a.countries) == 0 {
		return nil
	}
	return latchkey.Errorf(latchkey.KindForbidden, "sms_forbidden", "no text messages are sent to numbers of this country; use an authenticator app or another number")
}

// charge counts in all buckets or in none, and returns the one that was full.
func (a *Authority) charge(ctx context.Context, all []bound) (*bound, error) {
	buckets := make([]latchkey.Bucket, len(all))
	for i, b := range all {
		buckets[i] = b.Bucket
	}
	name, err := a.store.ChargeBuckets(ctx, buckets)
	if err != nil || name == "" {
		return nil, err
	}
	for _, b := range all {
		if b.Name == name {
			return &b, nil
		}
	}
	return &all[0], nil
}

// tooManyCodes says to a signed-in owner what was too much and until when. To
// everybody else, and of a number that is not proven to be the owner's, all
// bounds look alike: nobody learns who else is sent codes.
func (a *Authority) tooManyCodes(actor latchkey.Actor, p latchkey.Pending, full bound) error {
	if !actor.Owner() || p.Operation == latchkey.OpValidateFactor {
		e := latchkey.Errorf(latchkey.KindLimit, "too_many_codes", "too many codes were sent lately; wait, or use another factor")
		e.RetryAfter = a.untilEnd(a.within(time.Hour, "", 0, ""))
		return e
	}
	e := latchkey.Errorf(latchkey.KindLimit, "too_many_codes", "too many %s; wait, or use another factor", full.what)
	e.RetryAfter = a.untilEnd(full)
	return e
}

// untilEnd is how many seconds are left of the period.
func (a *Authority) untilEnd(b bound) int {
	return int(b.Window.Add(b.period).Sub(a.now())/time.Second) + 1
}
