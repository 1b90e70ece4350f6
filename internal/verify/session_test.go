package verify_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/verify"
	"latchkey/signature"
)

// visit is a logon and a message after it, and the world that they meet. The
// visit of guest is allowed; a test spoils it.
type visit struct {
	key    latchkey.Key
	keyID  string // that the logon names
	signed latchkey.Secret
	at     string // literal timestamp
	addr   netip.Addr
	held   bool // at the logon

	change func(*latchkey.Key) // between logon and message
	stop   bool                // held between them
	action *latchkey.Action
	spent  bool // the points are used up
	twice  bool // the same message was allowed before
	points int
}

func guest() visit {
	c := good()
	return visit{key: c.key, keyID: c.keyID, signed: secret, at: "1700000040.5", addr: home, action: order, points: 200}
}

const text = `{"e":"do_my_new_order","oid":"1","data":{"a":"1"}}`

func (v visit) world() world {
	c := good()
	c.key, c.held, c.points = v.key, v.held, v.points
	return c.world()
}

func (v visit) request() verify.Logon {
	auth := fmt.Sprintf(`{"key":%q,"signature":%q,"timestamp":%s}`, v.keyID, signature.SignWS([]byte(v.signed.Reveal()), v.at, v.keyID), v.at)
	signed, err := signature.ParseWS([]byte(auth))
	return verify.Logon{Signed: signed, Malformed: err != nil, Addr: v.addr}
}

func (v visit) logon(t *testing.T, w world, want verify.Reason) *verify.Session {
	t.Helper()
	got, s := w.Logon(v.request())
	if got.Reason != want {
		t.Fatalf("the logon's verdict is %v, want %v", got.Reason, want)
	}
	if (s != nil) != (want == verify.Allowed) || got.Allowed() != (s != nil) {
		t.Fatalf("%v gives the session %v", got.Reason, s)
	}
	return s
}

func say(t *testing.T, w world, s *verify.Session, a *latchkey.Action, message string, want verify.Reason) verify.Verdict {
	t.Helper()
	v := w.Message(context.Background(), s, verify.Message{Action: a, Text: []byte(message)})
	if v.Reason != want || v.Allowed() != (want == verify.Allowed) {
		t.Errorf("the message's verdict is %v, want %v", v.Reason, want)
	}
	return v
}

// step spoils a visit in one way.
type step struct {
	name   string
	check  verify.Check
	spoil  func(*visit)
	reason verify.Reason
	text   string // part of what the caller is told
}

// logons and messages stand in the order in which they are found.
var (
	logons = []step{
		{"unknown key", verify.Known, func(v *visit) { v.keyID = "lk_two" }, verify.Unauthorized, "API key not passed or incorrect"},
		{"wrong signature", verify.Authentic, func(v *visit) { v.signed = "another" }, verify.Unauthorized, "API key not passed or incorrect"},
		{"old timestamp", verify.Fresh, func(v *visit) { v.at = "1700000020.499" }, verify.TimestampOutOfRange, "Timestamp is not in 20sec range"},
		{"state not known", verify.Settled, func(v *visit) { v.held = true }, verify.KeyStateChanging, "not executed"},
		{"inactive key", verify.Active, func(v *visit) { v.key.Status = latchkey.StatusInactive }, verify.KeyNotActivated, "API key is not activated"},
		{"foreign address", verify.Origin, func(v *visit) { v.addr = netip.MustParseAddr("198.51.100.9") }, verify.IPNotAllowed, "198.51.100.9"},
	}
	messages = []step{
		{"deleted key", verify.Known, func(v *visit) { after(v, func(k *latchkey.Key) { k.Status = latchkey.StatusDeleted }) }, verify.Unauthorized, "API key not passed"},
		{"state not known", verify.Settled, func(v *visit) { v.stop = true }, verify.KeyStateChanging, "not executed"},
		{"newer version", verify.Settled, func(v *visit) { after(v, func(k *latchkey.Key) { k.Version++ }) }, verify.KeyStateChanging, "not executed"},
		// A feed that repeats a version with other facts is at fault; the facts count.
		{"inactive key", verify.Active, func(v *visit) { after(v, func(k *latchkey.Key) { k.Status = latchkey.StatusInactive }) }, verify.KeyNotActivated, "not activated"},
		{"foreign address", verify.Origin, func(v *visit) { after(v, func(k *latchkey.Key) { k.Allowlist = allowlist("198.51.100.0/24") }) }, verify.IPNotAllowed, "192.0.2.7"},
		{"no permission", verify.Permitted, func(v *visit) { v.action = move }, verify.PermissionMissing, "Permission Funds Internal is required for do_my_internal_transfer"},
		{"points used up", verify.Paced, func(v *visit) { v.spent = true }, verify.RateLimited, "API rate limit reached"},
		{"seen before", verify.Unused, func(v *visit) { v.twice = true }, verify.Replayed, "not executed twice"},
	}
)

// after adds a change to those between logon and message.
func after(v *visit, change func(*latchkey.Key)) {
	before := v.change
	v.change = func(k *latchkey.Key) {
		if before != nil {
			before(k)
		}
		change(k)
	}
}

// message logs on, spoils what is to be spoilt, and gives the verdict on the message.
func (v visit) message(t *testing.T, off verify.Check) (world, *verify.Session, verify.Verdict) {
	t.Helper()
	w := v.world()
	s := v.logon(t, w, verify.Allowed)
	if v.twice {
		w.Off(^verify.Unused)
		say(t, w, s, v.action, text, verify.Allowed)
	}
	if v.spent {
		w.Off(^verify.Paced)
		for i := range v.points {
			w.Message(context.Background(), s, verify.Message{Action: cheap, Text: fmt.Append(nil, i)})
		}
	}
	if v.change != nil {
		v.change(&v.key)
		w.table.Put(v.key, "")
	}
	if v.stop {
		w.table.Hold(v.key.ID)
	}
	w.Off(off)
	return w, s, w.Message(context.Background(), s, verify.Message{Action: v.action, Text: []byte(text)})
}

func TestAGoodVisitIsAllowed(t *testing.T) {
	v := guest()
	w := v.world()
	s := v.logon(t, w, verify.Allowed)
	if s.KeyID != "lk_one" || s.AccountID != "acc_one" || s.Permissions != v.key.Permissions || !w.table.Holds(s) {
		t.Errorf("the session is %+v", s)
	}
	got := say(t, w, s, order, text, verify.Allowed)
	if got.Caller() == nil || got.Caller().KeyID() != "lk_one" || !got.Current() {
		t.Errorf("the verdict is %+v", got)
	}
}

func TestEachFaultOfALogonAloneAndInOrder(t *testing.T) {
	for i, first := range logons {
		for _, second := range logons[i:] {
			t.Run(first.name+" and "+second.name, func(t *testing.T) {
				v := guest()
				second.spoil(&v)
				first.spoil(&v)
				w := v.world()
				v.logon(t, w, first.reason)
				if got, _ := w.Logon(v.request()); !strings.Contains(got.Text(), first.text) {
					t.Errorf("told %q, want %q in it", got.Text(), first.text)
				}
			})
		}
	}
}

func TestEachFaultOfAMessageAloneAndInOrder(t *testing.T) {
	for i, first := range messages {
		for _, second := range messages[i:] {
			t.Run(first.name+" and "+second.name, func(t *testing.T) {
				v := guest()
				second.spoil(&v)
				first.spoil(&v)
				if _, _, got := v.message(t, 0); got.Reason != first.reason || !strings.Contains(got.Text(), first.text) {
					t.Errorf("%v %q, want %v %q", got.Reason, got.Text(), first.reason, first.text)
				}
			})
		}
	}
}

// With its check switched off each fault gets through: the tests above can fail.
func TestEachCheckOfASessionMatters(t *testing.T) {
	for _, f := range logons[1:] {
		t.Run("logon, "+f.name, func(t *testing.T) {
			v := guest()
			f.spoil(&v)
			w := v.world()
			w.Off(f.check)
			v.logon(t, w, verify.Allowed)
		})
	}
	for _, f := range messages[1:] {
		t.Run("message, "+f.name, func(t *testing.T) {
			v := guest()
			f.spoil(&v)
			if _, _, got := v.message(t, f.check); got.Reason != verify.Allowed {
				t.Errorf("without the check it is %v", got.Reason)
			}
		})
	}
	// A deleted key keeps nothing that could pass: all checks stand behind "known".
	v := guest()
	messages[0].spoil(&v)
	if _, _, got := v.message(t, verify.Known); got.Reason == verify.Allowed || got.Caller() != nil {
		t.Errorf("a deleted key is %v", got.Reason)
	}
}

// An unknown key takes the MAC that a known one takes, under a secret that
// nobody knows: who knew it would come as far as the next check.
func TestALogonOfAnUnknownKeyIsComputed(t *testing.T) {
	v := guest()
	v.keyID, v.signed = "lk_two", "the secret of the stranger"
	w := v.world()
	w.SetStranger(v.signed)
	v.logon(t, w, verify.Unauthorized)
	w.Off(verify.Active) // "known" refuses by itself
	v.logon(t, w, verify.Unauthorized)
	w.Off(verify.Known | verify.Active)
	v.logon(t, w, verify.Allowed)
	v.signed = "another"
	v.logon(t, w, verify.Unauthorized)
}

// Strangers learn nothing, in whatever order the checks stand.
func TestStrangersLearnNothingFromALogon(t *testing.T) {
	for _, f := range logons {
		for _, stranger := range logons[:2] {
			v := guest()
			f.spoil(&v)
			stranger.spoil(&v)
			v.logon(t, v.world(), verify.Unauthorized)
		}
		v := guest()
		f.spoil(&v)
		v.signed = "another"
		w := v.world()
		w.Off(verify.Authentic)
		if got, _ := w.Logon(v.request()); got.Reason != verify.Unauthorized && got.Reason != verify.Allowed {
			t.Errorf("%s: a stranger is told %v", f.name, got.Reason)
		}
		if got, s := w.Logon(verify.Logon{Malformed: true, Addr: home}); got.Reason != verify.Unauthorized || s != nil || got.KeyID() != "" {
			t.Errorf("%s, malformed: %v", f.name, got.Reason)
		}
	}
}

// A refused message costs nothing and takes no place.
func TestARefusedMessageConsumesNothing(t *testing.T) {
	for _, f := range messages[:6] {
		t.Run(f.name, func(t *testing.T) {
			v := guest()
			v.points = 1
			f.spoil(&v)
			w, s, _ := v.message(t, 0)
			for range 100 {
				say(t, w, s, v.action, text, f.reason)
			}
			if f.name == "deleted key" {
				return
			}
			mended := guest()
			mended.key.Version = 9
			w.table.Put(mended.key, "")
			w.table.Release(mended.key.ID)
			s = mended.logon(t, w, verify.Allowed)
			say(t, w, s, order, text, verify.Allowed)
			say(t, w, s, order, text+" ", verify.RateLimited)
		})
	}
}

// A logon costs nothing and may be repeated; a replay costs nothing.
func TestLogonsAndReplaysCostNothing(t *testing.T) {
	v := guest()
	v.points = 2
	w := v.world()
	var s *verify.Session
	for range 100 {
		s = v.logon(t, w, verify.Allowed)
	}
	say(t, w, s, order, text, verify.Allowed)
	for range 100 {
		say(t, w, s, order, text, verify.Replayed)
	}
	say(t, w, s, cheap, text, verify.Allowed)
	say(t, w, s, cheap, text, verify.RateLimited)
}

// The same text is the same message on every session of the key, whatever the
// moment, until it is forgotten; after that it counts once again.
func TestAMessageIsAllowedOnceAWindow(t *testing.T) {
	for _, skew := range []time.Duration{-20 * time.Second, 0, 3 * time.Second, 20 * time.Second} {
		v := guest()
		v.at = fmt.Sprintf("%d.5", now.Add(skew).Unix())
		w := v.world()
		sessions := []*verify.Session{v.logon(t, w, verify.Allowed), v.logon(t, w, verify.Allowed)}
		say(t, w, sessions[0], order, text, verify.Allowed)
		end := max(skew, 0) + window // of the logon, or of a window after the message
		for *w.later = 0; *w.later <= end; *w.later += 250 * time.Millisecond {
			say(t, w, sessions[int(*w.later/(250*time.Millisecond))%2], order, text, verify.Replayed)
		}
		*w.later = end + 11*time.Second // a slot of the ledger may hold it a little longer
		say(t, w, sessions[1], order, text, verify.Allowed)
		say(t, w, sessions[0], order, text, verify.Replayed)
	}
}

// What is not the same text, not the same key or changes nothing may repeat.
func TestWhatIsNoReplay(t *testing.T) {
	v := guest()
	w := v.world()
	s := v.logon(t, w, verify.Allowed)
	for _, message := range []string{text, text + " ", " " + text, strings.Replace(text, `"oid":"1"`, `"oid":"2"`, 1), ""} {
		say(t, w, s, order, message, verify.Allowed)
		say(t, w, s, order, message, verify.Replayed)
	}
	for range 10 {
		say(t, w, s, list, text, verify.Allowed)
	}
	other := v
	other.key.ID, other.keyID = "lk_two", "lk_two"
	w.table.Put(other.key, secret)
	say(t, w, other.logon(t, w, verify.Allowed), order, text, verify.Allowed)
}

// The ledger's bound on how long it remembers leaves room for the latest logon
// that is allowed, and a clock that is set back refuses and forgets nothing.
func TestTheLedgerRemembersForTheLatestLogon(t *testing.T) {
	v := guest()
	v.at = "1700000060.5" // 20 s ahead: the last that is fresh
	w := v.world()
	s := v.logon(t, w, verify.Allowed)
	say(t, w, s, order, text, verify.Allowed)
	*w.later = -900 * time.Millisecond
	say(t, w, s, order, text, verify.Replayed)
	*w.later = -5 * time.Second
	say(t, w, s, order, text+" ", verify.Unavailable)
	*w.later = 0
	say(t, w, s, order, text, verify.Replayed)
	v.at = "1700000060.501"
	v.logon(t, w, verify.TimestampOutOfRange)
}

// Holds says which changes end a session; a hold ends none.
func TestWhatASessionHoldsOnTo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*latchkey.Key)
		holds  bool
	}{
		"the same again": {func(*latchkey.Key) {}, true},
		"older news":     {func(k *latchkey.Key) { k.Version--; k.Status = latchkey.StatusInactive }, true},
		"newer":          {func(k *latchkey.Key) { k.Version++ }, false},
		"inactive":       {func(k *latchkey.Key) { k.Version++; k.Status = latchkey.StatusInactive }, false},
		"same, inactive": {func(k *latchkey.Key) { k.Status = latchkey.StatusInactive }, false},
		"deleted":        {func(k *latchkey.Key) { k.Status = latchkey.StatusDeleted }, false},
	} {
		t.Run(name, func(t *testing.T) {
			v := guest()
			w := v.world()
			s := v.logon(t, w, verify.Allowed)
			w.table.Hold(s.KeyID)
			if !w.table.Holds(s) {
				t.Error("a hold ends the session")
			}
			say(t, w, s, cheap, text, verify.KeyStateChanging)
			key := v.key
			c.change(&key)
			w.table.Put(key, "")
			w.table.Release(s.KeyID)
			if got := w.table.Holds(s); got != c.holds {
				t.Errorf("it holds: %v, want %v", got, c.holds)
			}
			if got := w.Message(context.Background(), s, verify.Message{Action: cheap, Text: []byte(text)}); got.Allowed() != c.holds {
				t.Errorf("a message is %v", got.Reason)
			}
		})
	}
	if verify.NewTable().Holds(&verify.Session{KeyID: "lk_one"}) || guest().world().table.Holds(&verify.Session{KeyID: "lk_one"}) {
		t.Error("a session that nobody allowed holds")
	}
}

func TestASessionOfTheZeroValueIsRefused(t *testing.T) {
	w := guest().world()
	for _, s := range []*verify.Session{{}, {KeyID: "lk_one"}, {KeyID: "lk_two"}} {
		if v := w.Message(context.Background(), s, verify.Message{Action: cheap, Text: []byte(text)}); v.Allowed() {
			t.Errorf("%+v is allowed", s)
		}
	}
	v := guest()
	s := v.logon(t, w, verify.Allowed)
	say(t, w, s, nil, text, verify.PermissionMissing)
	for _, l := range []brokenLedger{{latchkey.TakenAll, context.Canceled}, {latchkey.TakenNothing, nil}, {latchkey.Taken(77), nil}} {
		c := verify.New(verify.Config{Table: w.table, Ledger: l, Window: window, Points: 200, Now: func() time.Time { return now }})
		say(t, world{c, w.table, nil}, s, order, text, verify.Unavailable)
	}
}

// A session that was recorded before the process began, and is played again
// after it, is not opened: nobody knows what its messages did.
func TestALogonFromBeforeTheStartIsRefused(t *testing.T) {
	for at, want := range map[string]verify.Reason{
		"1700000040": verify.Allowed, "1700000040.5": verify.Allowed, "1700000041": verify.Allowed,
		"1700000039.999": verify.Unavailable, "1700000039": verify.Unavailable, "1700000021": verify.Unavailable, "1700000020": verify.TimestampOutOfRange,
	} {
		v := guest()
		v.at = at
		w := v.world()
		w.Start = now
		v.logon(t, w, want)
		if want == verify.Unavailable {
			w.Off(verify.Unused)
			v.logon(t, w, verify.Allowed)
		}
	}
}

// Neither a refused logon nor a message leaves garbage that a flood could pile up.
func TestASessionAllocatesLittle(t *testing.T) {
	v := guest()
	w := v.world()
	c := verify.New(verify.Config{Table: w.table, Ledger: free{}, Window: window, Points: 200, Now: func() time.Time { return now }})
	s := v.logon(t, w, verify.Allowed)
	unknown, wrong := guest(), guest()
	unknown.keyID, wrong.signed = "lk_two", "another"
	u, x, m := unknown.request(), wrong.request(), []byte(text)
	for name, one := range map[string]struct {
		most float64
		work func()
	}{
		"unknown key":     {0, func() { c.Logon(u) }},
		"wrong signature": {0, func() { c.Logon(x) }},
		"a read":          {0, func() { c.Message(context.Background(), s, verify.Message{Action: list, Text: m}) }},
		"an order":        {1, func() { c.Message(context.Background(), s, verify.Message{Action: order, Text: m}) }},
	} {
		if got := testing.AllocsPerRun(200, one.work); got > one.most+forgotten {
			t.Errorf("%s: %v allocations, at most %v are allowed", name, got, one.most)
		}
	}
}

// noted is a ledger that notes what it was asked for.
type noted struct{ takes *[]latchkey.Take }

func (n noted) Take(_ context.Context, t latchkey.Take) (latchkey.Taken, error) {
	*n.takes = append(*n.takes, t)
	return latchkey.TakenAll, nil
}

// Two bots of two owners run the same program, whose first order is the same
// text. The ledger remembers a place, not whose it is: the two must not be one.
func TestTheSameTextOfTwoKeysIsTwoMessages(t *testing.T) {
	var takes []latchkey.Take
	table := verify.NewTable()
	c := verify.New(verify.Config{Table: table, Ledger: noted{&takes}, Window: window, Points: 200, Now: func() time.Time { return now }})
	for _, id := range []string{"lk_one", "lk_two"} {
		v := guest()
		v.key.ID, v.keyID = id, id
		table.Put(v.key, secret)
		w := world{c, table, nil}
		s := v.logon(t, w, verify.Allowed)
		c.Message(t.Context(), s, verify.Message{Action: order, Text: []byte(text)})
	}
	if len(takes) != 2 || takes[0].Once == takes[1].Once {
		t.Errorf("the places are %v", takes)
	}
}
