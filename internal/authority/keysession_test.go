package authority_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/operator"
)

// held stands for the gateways: it has sessions that no bot has to keep open.
// That real ones end is shown in internal/testenv.
type held struct {
	open  []latchkey.KeySession
	asked int   // how often it was asked for a list
	fails error // of End
	slips bool  // a session goes by itself before End
}

func (h *held) List(_ context.Context, keyIDs ...string) ([]latchkey.KeySession, error) {
	h.asked++
	var list []latchkey.KeySession
	for _, s := range h.open {
		if slices.Contains(keyIDs, s.KeyID) {
			list = append(list, s)
		}
	}
	return list, nil
}

func (h *held) End(_ context.Context, keyID, id string) (bool, error) {
	before := len(h.open)
	if h.fails != nil {
		return false, h.fails
	}
	h.open = slices.DeleteFunc(h.open, func(s latchkey.KeySession) bool { return s.KeyID == keyID && s.ID == id })
	return len(h.open) < before && !h.slips, nil
}

// hold gives the world's authority sessions of a key.
func (w *world) hold(keyID string, ids ...string) *held {
	w.t.Helper()
	h := &held{}
	for i, id := range ids {
		h.open = append(h.open, latchkey.KeySession{
			ID: id, KeyID: keyID, IP: netip.MustParseAddr("198.51.100.7"), Since: w.clock.Now().Add(time.Duration(i) * time.Minute), Messages: 12,
		})
	}
	w.config.Sessions = h
	w.Authority = authority.New(w.config)
	return h
}

// endings are the entries about sessions that were ended, oldest first.
func (w *world) endings() []latchkey.Activity {
	w.t.Helper()
	return w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActKeySessionEnded}})
}

func TestTheOwnerEndsOneSessionAndItIsRecorded(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		k := w.put(w.account, latchkey.StatusActive)
		h := w.hold(k.ID, "ws_1", "ws_2")
		list, err := w.KeySessions(w.ctx, owner, k.ID)
		w.must(err)
		is(w, "sessions", len(list), 2)
		w.must(w.EndKeySession(w.ctx, owner, k.ID, "ws_1"))
		is(w, "sessions that are left", len(h.open), 1)
		is(w, "the one that is left", h.open[0].ID, "ws_2")
		act := w.endings()
		is(w, "entries", len(act), 1)
		is(w, "about the key", act[0].KeyID+act[0].Subject+act[0].AccountID, k.ID+k.Name+w.account.ID)
		is(w, "who", act[0].MemberID+" "+act[0].IP, owner.MemberID+" "+owner.IP)
		is(w, "what", act[0].Note, "of 198.51.100.7, open since 2026-03-01T12:00:30Z, messages: 12; ws_1")

		// What is gone cannot be ended, and nothing says that it was.
		w.refused(w.EndKeySession(w.ctx, owner, k.ID, "ws_1"), "session_not_found")
		is(w, "entries", len(w.endings()), 1)
	})
}

func TestSessionsOfKeysAreTheOwnersAlone(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, other := w.put(w.account, latchkey.StatusActive), w.put(w.account, latchkey.StatusActive)
	h := w.hold(k.ID, "ws_1")
	for who, x := range w.strangers(owner) {
		_, err := w.KeySessions(w.ctx, x.Actor, k.ID)
		if latchkey.Code(err) != x.code {
			t.Errorf("list as %s: %v, want %s", who, err, x.code)
		}
		if err := w.EndKeySession(w.ctx, x.Actor, k.ID, "ws_1"); latchkey.Code(err) != x.code {
			t.Errorf("end as %s: %v, want %s", who, err, x.code)
		}
		counts, err := w.KeySessionCounts(w.ctx, x.Actor)
		if len(counts) > 0 || err == nil && x.code == "forbidden" {
			t.Errorf("counts as %s: %v, %v", who, counts, err)
		}
	}
	// A right key does not open the session of another one.
	w.refused(w.EndKeySession(w.ctx, owner, other.ID, "ws_1"), "session_not_found")
	deleted := w.put(w.account, latchkey.StatusDeleted)
	_, err := w.KeySessions(w.ctx, owner, deleted.ID)
	w.refused(err, "key_not_found")
	is(w, "sessions", len(h.open), 1)
	is(w, "entries", len(w.endings()), 0)
}

func TestNoRecordNoEndOfASession(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		k := w.put(w.account, latchkey.StatusActive)
		h := w.hold(k.ID, "ws_1")
		unblock := w.blockActivities()
		if err := w.EndKeySession(w.ctx, owner, k.ID, "ws_1"); err == nil || latchkey.Code(err) != "" {
			w.t.Errorf("error %v, want that of the database", err)
		}
		is(w, "sessions", len(h.open), 1)
		unblock()
		w.must(w.EndKeySession(w.ctx, owner, k.ID, "ws_1"))
		is(w, "sessions", len(h.open), 0)
	})
}

func TestTheRecordSaysWhatIsKnownOfTheEnd(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k := w.put(w.account, latchkey.StatusActive)

	h := w.hold(k.ID, "ws_1")
	h.fails = errors.New("the node does not answer")
	if err := w.EndKeySession(w.ctx, owner, k.ID, "ws_1"); !errors.Is(err, h.fails) {
		t.Errorf("error %v", err)
	}
	act := w.endings()
	is(w, "entries", len(act), 2)
	is(w, "the newer one", act[1].Note, act[0].Note+"; its gateway did not confirm that it ended")

	// It went by itself in the same moment: it is over, as the owner wished.
	h = w.hold(k.ID, "ws_2")
	h.slips = true
	w.must(w.EndKeySession(w.ctx, owner, k.ID, "ws_2"))
	is(w, "entries", len(w.endings()), 3)

	// The browser goes away: both halves are done all the same.
	h = w.hold(k.ID, "ws_3")
	ctx, cancel := context.WithCancel(w.ctx)
	w.config.Sessions = leaver{h, cancel}
	w.Authority = authority.New(w.config)
	w.must(w.EndKeySession(ctx, owner, k.ID, "ws_3"))
	is(w, "sessions", len(h.open), 0)
	is(w, "entries", len(w.endings()), 4)
}

// leaver is a browser that goes away while the list is read.
type leaver struct {
	*held
	leave func()
}

func (l leaver) List(ctx context.Context, keyIDs ...string) ([]latchkey.KeySession, error) {
	defer l.leave()
	return l.held.List(ctx, keyIDs...)
}

func (l leaver) End(ctx context.Context, keyID, id string) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	return l.held.End(ctx, keyID, id)
}

func TestTheOperatorEndsASessionAndItIsRecorded(t *testing.T) {
	w := newWorld(t)
	k := w.put(w.account, latchkey.StatusActive)
	h := w.hold(k.ID, "ws_1", "ws_2")
	raw, err := w.command("key.sessions", `{"id":"`+k.ID+`"}`)
	w.must(err)
	var list []operator.Session
	w.must(json.Unmarshal(raw, &list))
	is(w, "sessions", len(list), 2)
	is(w, "one", list[1], operator.Session{ID: "ws_2", Key: k.ID, IP: "198.51.100.7", Since: h.open[1].Since, Messages: 12})
	_, err = w.command("key.end-session", `{"id":"`+k.ID+`","session":"ws_2"}`)
	w.must(err)
	is(w, "sessions that are left", len(h.open), 1)
	_, err = w.command("key.end-session", `{"id":"`+k.ID+`","session":"ws_2"}`)
	w.refused(err, "session_not_found")
	_, err = w.command("key.sessions", `{"id":"lk_none"}`)
	w.refused(err, "key_not_found")
	act := w.endings()
	is(w, "entries", len(act), 1)
	is(w, "by", act[0].Source, latchkey.SourceOperator)
}

func TestSessionsOfAllKeysAreCountedAtOnce(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k := w.put(w.account, latchkey.StatusActive)
	w.put(w.account, latchkey.StatusActive)
	h := w.hold(k.ID, "ws_1", "ws_2")
	h.open = append(h.open, latchkey.KeySession{ID: "ws_9", KeyID: "lk_of_another"})
	counts, err := w.KeySessionCounts(w.ctx, owner)
	w.must(err)
	is(w, "keys with sessions", len(counts), 1)
	is(w, "sessions", counts[k.ID], 2)
	is(w, "questions", h.asked, 1)
}

func TestAProcessWithoutAGatewayHasNoSessions(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k := w.put(w.account, latchkey.StatusActive)
	list, err := w.KeySessions(w.ctx, owner, k.ID)
	w.must(err)
	is(w, "sessions", len(list), 0)
	w.refused(w.EndKeySession(w.ctx, owner, k.ID, "ws_1"), "session_not_found")
}
