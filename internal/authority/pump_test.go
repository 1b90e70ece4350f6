package authority_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// pump is a client of the platform who earns by the text messages that it
// sends: accounts, members in them who are signed in, and numbers.
type pump struct {
	*world
	members []latchkey.Actor
}

// newPump makes members in accounts, who ask from any address.
func newPump(w *world, accounts, members int) *pump {
	w.t.Helper()
	x := &pump{world: w}
	for i := range accounts {
		account, _ := w.tenant(fmt.Sprint("Pump ", i), fmt.Sprintf("pump%d@example.com", i))
		for j := range members {
			x.members = append(x.members, w.signIn(w.member(account, fmt.Sprintf("m%d.%d@example.com", i, j), latchkey.RoleSubuser)))
		}
	}
	return x
}

// ask asks for a code to a number that nobody has proven yet.
func (x *pump) ask(a *authority.Authority, member int, ip, number string) error {
	actor := x.members[member]
	actor.IP = ip
	_, err := a.EnrolPhone(x.ctx, actor, password, number, authority.Idempotency{})
	return err
}

// sent counts the text messages in the outbox, by number.
func (w *world) sent() map[string]int {
	w.t.Helper()
	out := map[string]int{}
	for _, l := range w.letters() {
		if l.Kind != latchkey.LetterCode {
			continue
		}
		p, err := w.store.Pending(w.ctx, l.PendingID)
		w.must(err)
		if p.FactorKind != latchkey.FactorSMS {
			continue
		}
		number := p.NewSecret
		if p.FactorID != "" {
			_, number, _, err = w.store.FactorSecret(w.ctx, p.MemberID, p.FactorID)
			w.must(err)
		}
		out[number.Reveal()]++
	}
	return out
}

func total(sent map[string]int) (n int) {
	for _, k := range sent {
		n += k
	}
	return n
}

// open are limits that bound nothing that is asked for here.
func open(l *latchkey.Limits) {
	l.SignInsPerAddress, l.SignInsPerSource, l.CodesHourly, l.PendingsHourly = 1e6, 1e6, 1e6, 1e6
	l.SessionIdle, l.SessionLife, l.SMS = 1e6*time.Hour, 1e6*time.Hour, plenty
}

// Each cap by itself: however the other things vary, what is sent is the cap,
// in the hour and in the day.
func TestEveryCapOfTextMessagesIsExact(t *testing.T) {
	one := latchkey.Rate{Hour: 5, Day: 12}
	for name, c := range map[string]struct {
		set       func(l *latchkey.Limits)
		name      string // of the buckets
		who       func(i int) (member int, ip, number string)
		hour, day int
	}{
		"number": {func(l *latchkey.Limits) { l.SMS.Number = one }, "sms", func(i int) (int, string, string) {
			return i % 4, fmt.Sprintf("198.51.100.%d", i), "+35312345678"
		}, 5, 12},
		"account": {func(l *latchkey.Limits) { l.SMS.Account = one }, "sms", func(i int) (int, string, string) {
			return i % 2, fmt.Sprintf("198.51.100.%d", i), fmt.Sprintf("+35312345%03d", i)
		}, 5, 12},
		"address": {func(l *latchkey.Limits) { l.SMS.Source = one }, "sms", func(i int) (int, string, string) {
			return i % 4, "198.51.100.1", fmt.Sprintf("+35312345%03d", i)
		}, 5, 12},
		"country": {func(l *latchkey.Limits) { l.SMS.Country = 12 }, "sms", func(i int) (int, string, string) {
			return i % 4, fmt.Sprintf("198.51.100.%d", i), fmt.Sprintf("+35312345%03d", i)
		}, 12, 12},
		"member": {func(l *latchkey.Limits) { l.CodesHourly = 5 }, "code_sent", func(i int) (int, string, string) {
			return 0, fmt.Sprintf("198.51.100.%d", i), fmt.Sprintf("+35312345%03d", i)
		}, 5, 3 * 5},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			open(&w.config.Limits)
			c.set(&w.config.Limits)
			w.Authority = authority.New(w.config)
			x := newPump(w, 2, 2)
			w.sent()
			storm := func(a *authority.Authority) int {
				for i := range 40 {
					c := latchkey.Code(x.ask(a, first(c.who(i)), second(c.who(i)), third(c.who(i))))
					if c != "" && c != "too_many_codes" {
						t.Fatalf("refused with %q", c)
					}
				}
				return total(w.sent())
			}
			is(w, "sent in the first hour", storm(w.Authority), c.hour)
			day := c.hour
			for range 2 {
				w.clock.Advance(time.Hour)
				day += storm(w.Authority)
			}
			is(w, "sent in the first day", day, c.day)
			is(w, "sent without the cap", storm(w.without(c.name)), 40)
			w.clock.Advance(24 * time.Hour)
			is(w, "sent in the first hour of the next day", storm(w.Authority), c.hour)
		})
	}
}

func first(a int, _, _ string) int     { return a }
func second(_ int, b, _ string) string { return b }
func third(_ int, _, c string) string  { return c }

// tally is the reference: counters that never forget, all of them or none.
type tally map[string]int

// take counts in every counter that is named with its cap, and notes which kind
// had no room.
func (y tally) take(caps map[string]int, met map[string]int) bool {
	room := true
	for name, most := range caps {
		if y[name] >= most {
			kind, _, _ := strings.Cut(name, " ")
			met[kind]++
			room = false
		}
	}
	if room {
		for name := range caps {
			y[name]++
		}
	}
	return room
}

// A gang asks for codes to its own numbers, whose operator shares the price of
// each message, from a thousand addresses, all day (SMS pumping). What goes out
// is what the caps allow and not one more: a tally beside it agrees on each
// number. TEXTS sets how many are asked for.
func TestPumpingSendsExactlyTheCaps(t *testing.T) {
	w := newWorld(t)
	open(&w.config.Limits)
	l := &w.config.Limits
	l.CodesHourly, l.SMS = 6, latchkey.SMSLimits{
		Number: latchkey.Rate{Hour: 2, Day: 8}, Account: latchkey.Rate{Hour: 10, Day: 100},
		Source: latchkey.Rate{Hour: 2, Day: 6}, Country: 150,
	}
	w.Authority = authority.New(w.config)
	x := newPump(w, 6, 3)
	w.sent()
	asks := get(t, "TEXTS", 2000)
	dice := rand.New(rand.NewPCG(1, 2))
	pick := func(n int) int { return dice.IntN(1 + dice.IntN(n)) } // some more often than others
	countries := []string{"353", "1", "44", "7", "372"}
	want, y, met := map[string]int{}, tally{}, map[string]int{}
	for i := range asks {
		w.clock.Advance(26 * time.Hour / time.Duration(asks))
		member, source, country := pick(len(x.members)), pick(1000), countries[pick(5)]
		number := fmt.Sprintf("+%s5550100%02d", country, pick(60))
		ip := fmt.Sprintf("198.51.%d.%d", 100+source/250, source%250)
		hour, day := w.clock.Now().Format("02T15"), w.clock.Now().Format("02")
		actor := x.members[member]
		caps := map[string]int{
			"member " + hour + actor.MemberID: l.CodesHourly, "country " + day + country: l.SMS.Country,
			"number " + hour + number: l.SMS.Number.Hour, "number " + day + number: l.SMS.Number.Day,
			"account " + hour + actor.AccountID: l.SMS.Account.Hour, "account " + day + actor.AccountID: l.SMS.Account.Day,
			"source " + hour + ip: l.SMS.Source.Hour, "source " + day + ip: l.SMS.Source.Day,
		}
		room := y.take(caps, met)
		if room {
			want[number]++
		}
		if err := x.ask(w.Authority, member, ip, number); (err == nil) != room {
			t.Fatalf("ask %d: room is %t, and the answer %v", i, room, err)
		}
	}
	got := w.sent()
	if !maps.Equal(got, want) {
		t.Fatalf("sent %v, want %v", got, want)
	}
	t.Logf("%d asked for, %d sent to %d numbers; full were %v", asks, total(got), len(got), met)
	if len(met) != 5 {
		t.Errorf("only %v were met; the test shows nothing of the others", met)
	}
}

// Strangers who know a password have a code sent at every sign-in. They use up
// half of each cap at most, so the member's own browser gets in.
func TestStrangersLeaveHalfOfTheTextMessages(t *testing.T) {
	onEach(t, func(w *world) {
		person := w.member(w.account, "phone@example.com", latchkey.RoleSubuser)
		w.enrolPhone(w.signIn(person), "+35312345678")
		in := func(v authority.Visitor) (latchkey.Secret, error) { return w.comeIn(v, person, password) }
		mark, err := in(home)
		w.must(err)
		w.clock.Advance(time.Hour)
		w.sent()
		for i := range 100 {
			_, err = w.SignIn(w.ctx, authority.Visitor{IP: fmt.Sprintf("198.51.100.%d", i)}, person.Email, password)
			if err != nil {
				w.refused(err, "too_many_codes")
			}
		}
		is(w, "sent to strangers", total(w.sent()), 8) // half of 15
		_, err = in(authority.Visitor{IP: "203.0.113.5"})
		w.refused(err, "too_many_codes")
		for range 7 {
			mark, err = in(authority.Visitor{IP: "203.0.113.5", Browser: mark})
			w.must(err)
		}
		_, err = in(authority.Visitor{IP: "203.0.113.5", Browser: mark})
		w.refused(err, "too_many_codes")
	})
}

// Who asks for codes to a number learns nothing of it: not whether somebody has
// it, not which bound was met. The signed-in owner is told, of what is the
// owner's own, and until when.
func TestRefusedTextMessagesTellOnlyTheOwnerWhy(t *testing.T) {
	w := newWorld(t)
	open(&w.config.Limits)
	w.config.Limits.SMS.Number.Hour = 3
	w.Authority = authority.New(w.config)
	owner := w.signIn(w.owner)
	phone := w.enrolPhone(owner, "+35312345678")
	x := newPump(w, 1, 2)
	say := func(a *authority.Authority, number string) string {
		err := x.ask(a, 0, "198.51.100.1", number)
		e, _ := errors.AsType[*latchkey.Error](err)
		if e == nil {
			return "sent"
		}
		return fmt.Sprintf("%s, %s, retry after %d", e.Code, e.Message, e.RetryAfter)
	}
	is(w, "answers of a known and of an unknown number", say(w.Authority, "+35312345678"), say(w.Authority, "+35387654321"))
	for range 3 {
		say(w.Authority, "+35312345678")
	}
	byNumber := say(w.Authority, "+35312345678")
	tight := func(set func(l *latchkey.Limits)) *authority.Authority {
		return w.other(func(c *authority.Config) { set(&c.Limits) })
	}
	for name, a := range map[string]*authority.Authority{
		"hour of the account": tight(func(l *latchkey.Limits) { l.SMS.Account.Hour = 1 }),
		"day of the account":  tight(func(l *latchkey.Limits) { l.SMS.Account.Day = 1 }),
		"hour of the address": tight(func(l *latchkey.Limits) { l.SMS.Source.Hour = 1 }),
		"country":             tight(func(l *latchkey.Limits) { l.SMS.Country = 1 }),
		"member":              tight(func(l *latchkey.Limits) { l.CodesHourly = 1 }),
	} {
		if got := say(a, "+35300000001"); got != byNumber || !strings.Contains(got, "too_many_codes") {
			t.Errorf("%s: %s, want %s", name, got, byNumber)
		}
	}
	step := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	_, err := w.Choose(w.ctx, owner, step.Pending.ID, phone.ID)
	w.refused(err, "too_many_codes")
	e, _ := errors.AsType[*latchkey.Error](err)
	is(w, "what the owner is told", e.Message, "too many text messages were sent to this number; wait, or use another factor")
	if e.RetryAfter < 1 || e.RetryAfter > 3600 {
		t.Errorf("the owner is told to wait for %d s", e.RetryAfter)
	}
	w.confirm(owner, step) // the app goes on working
}

// Fraud is paid by messages to far countries: where nobody is expected none
// is sent, not even to a number that was enrolled before.
func TestTextMessagesStayInTheCountriesThatAreAllowed(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	phone := w.enrolPhone(owner, "+8801712345678")
	w.sent()
	narrow := w.other(func(c *authority.Config) { c.SMSCountries = []string{"353", "1212"} })
	for number, want := range map[string]string{
		"+35312345678": "", "+12125550100": "", "+18765550100": "sms_forbidden", "+447700900123": "sms_forbidden", "+3535": "invalid_phone",
	} {
		_, err := narrow.EnrolPhone(w.ctx, owner, password, number, authority.Idempotency{})
		is(w, number, latchkey.Code(err), want)
	}
	step := w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read)
	_, err := narrow.Choose(w.ctx, owner, step.Pending.ID, phone.ID)
	w.refused(err, "sms_forbidden")
	is(w, "sent", total(w.sent()), 0)
	_, err = w.Choose(w.ctx, owner, step.Pending.ID, phone.ID) // the twin: without the list
	w.must(err)
	is(w, "sent without the list", total(w.sent()), 1)
}

// The numbers of phones are sealed at rest. What counts for them must not tell
// them either: there are few enough numbers to try them all on a plain hash.
func TestBucketsDoNotTellNumbers(t *testing.T) {
	w := newWorld(t)
	w.enrolPhone(w.signIn(w.owner), "+35312345678")
	is(w, "buckets of numbers", w.count("SELECT count(*) FROM bucket WHERE name LIKE 'sms_to:%'"), 1)
	is(w, "buckets that tell", w.count("SELECT count(*) FROM bucket WHERE name LIKE '%12345678%'"), 0)
}

// Somebody opens operations without end and confirms none: each is a row and an
// entry of the history that nobody removes (CWE-770). Who knows the password
// alone uses up half, and the twin shows what happens without the bound.
func TestOperationsThatAreBegunAreBounded(t *testing.T) {
	onEach(t, func(w *world) {
		w.config.Limits.PendingsHourly = 10
		w.Authority = authority.New(w.config)
		owner := w.signIn(w.owner) // one of the ten, and of the strangers' five
		k := w.put(w.account, latchkey.StatusActive)
		strangers := 0
		for i := range 20 {
			_, err := w.SignIn(w.ctx, authority.Visitor{IP: fmt.Sprintf("198.51.100.%d", i)}, w.owner.Email, password)
			if err != nil {
				w.refused(err, "too_many_requests")
				continue
			}
			strangers++
		}
		is(w, "sign-ins of strangers", strangers, 4)
		begin := func(a *authority.Authority) (n int, err error) {
			for range 20 {
				if _, err = a.Delete(w.ctx, owner, k.ID, k.Version); err != nil {
					return n, err
				}
				n++
			}
			return n, nil
		}
		n, err := begin(w.Authority)
		is(w, "operations of the owner", n, 5)
		w.refused(err, "too_many_requests")
		if e, _ := errors.AsType[*latchkey.Error](err); e.RetryAfter < 1 || e.RetryAfter > 3601 {
			w.t.Errorf("Retry-After is %d", e.RetryAfter)
		}
		n, err = begin(w.without("pending:"))
		w.must(err)
		is(w, "operations without the bound", n, 20)
		_, _, err = w.Deactivate(w.ctx, owner, k.ID) // what only takes rights away waits for nothing
		w.must(err)
		w.clock.Advance(time.Hour)
		_, err = w.Delete(w.ctx, w.signIn(w.owner), k.ID, w.stored(k.ID).Version)
		w.must(err)
	})
}
