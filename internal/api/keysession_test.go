package api_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"latchkey"
)

// bots stands for gateways with sessions that no bot has to keep open.
type bots struct{ list []latchkey.KeySession }

// open adds a session of a key.
func (b *bots) open(keyID, id string) {
	b.list = append(b.list, latchkey.KeySession{
		ID: id, KeyID: keyID, IP: netip.MustParseAddr("198.51.100.7"), Since: start, Messages: 3, LastAction: "do_my_new_order", LastAt: start.Add(time.Minute),
	})
}

func (b *bots) List(_ context.Context, keyIDs ...string) ([]latchkey.KeySession, error) {
	return slices.DeleteFunc(slices.Clone(b.list), func(s latchkey.KeySession) bool { return !slices.Contains(keyIDs, s.KeyID) }), nil
}

func (b *bots) End(_ context.Context, keyID, id string) (bool, error) {
	before := len(b.list)
	b.list = slices.DeleteFunc(b.list, func(s latchkey.KeySession) bool { return s.KeyID == keyID && s.ID == id })
	return len(b.list) < before, nil
}

func TestTheOwnerSeesAndEndsTheSessionsOfAKey(t *testing.T) {
	w, owner := alone(t)
	account, err := w.operator().Account(t.Context(), "One")
	w.must(err)
	key, idle := w.key(account, "bot-1", true), w.key(account, "bot-2", true)
	w.bots.open(key, "ws_1")
	w.bots.open(key, "ws_2")

	keys := owner.want(200, "GET /v1/keys", "")
	live := map[string]any{}
	for _, item := range keys.json["items"].([]any) {
		k := item.(map[string]any)
		live[k["name"].(string)] = k["liveSessions"]
	}
	if live["bot-1"] != 2.0 || live["bot-2"] != 0.0 {
		t.Errorf("counts %v in %s", live, keys.text)
	}
	list := owner.want(200, "GET /v1/keys/"+key+"/sessions", "")
	for _, want := range []string{`"id":"ws_1"`, `"id":"ws_2"`, `"ip":"198.51.100.7"`, `"messages":3`, `"lastAction":"do_my_new_order"`, `"lastAt":"2026-03-01T12:01:00.000Z"`} {
		if !strings.Contains(list.text, want) {
			t.Errorf("no %s in %s", want, list.text)
		}
	}
	if got := owner.want(200, "GET /v1/keys/"+idle+"/sessions", ""); !strings.Contains(got.text, `"items":[]`) {
		t.Errorf("sessions of another key: %s", got.text)
	}

	wrong := owner.want(404, "DELETE /v1/keys/"+idle+"/sessions/ws_1", "")
	if wrong.at("code") != "session_not_found" {
		t.Errorf("by another key: %s", wrong.text)
	}
	owner.want(404, "DELETE /v1/keys/"+key+"/sessions/no%20id", "")
	owner.want(204, "DELETE /v1/keys/"+key+"/sessions/ws_1", "")
	if again := owner.want(404, "DELETE /v1/keys/"+key+"/sessions/ws_1", ""); again.at("code") != "session_not_found" {
		t.Errorf("a second time: %s", again.text)
	}
	if len(w.bots.list) != 1 || w.bots.list[0].ID != "ws_2" {
		t.Errorf("left: %v", w.bots.list)
	}
	if types := owner.types("/v1/activities?type=key_session_ended&key=" + key); len(types) != 1 {
		t.Errorf("entries %q, want one", types)
	}
}
