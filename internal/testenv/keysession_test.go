package testenv_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fasthttp/websocket"

	"latchkey/internal/authority"
	"latchkey/internal/node"
	"latchkey/internal/testenv"
	"latchkey/internal/testenv/redis"
	"latchkey/signature"
)

// talker is a bot that keeps one WebSocket session open.
type talker struct {
	t *testing.T
	*websocket.Conn
}

// talk opens a session and logs on.
func talk(t *testing.T, s *testenv.System, bot testenv.Bot) talker {
	t.Helper()
	conn, _, err := websocket.DefaultDialer.Dial(strings.Replace(s.GatewayURL, "http", "ws", 1)+"/api/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second)) // a test that waits for ever says nothing
	b := talker{t, conn}
	b.until("connected")
	stamp := fmt.Sprint(s.Clock.Now().Unix())
	b.say(fmt.Sprintf(`{"e":"auth","oid":"a","auth":{"key":%q,"timestamp":%q,"signature":%q}}`, bot.KeyID, stamp,
		signature.SignWS([]byte(bot.Secret.Reveal()), stamp, bot.KeyID)))
	if text := b.until("auth"); !strings.Contains(text, `"ok":"ok"`) {
		t.Fatalf("logon: %s", text)
	}
	return b
}

func (b talker) say(text string) {
	b.t.Helper()
	if err := b.WriteMessage(websocket.TextMessage, []byte(text)); err != nil {
		b.t.Fatal(err)
	}
}

// until reads on to the next message of that kind: the exchange may push others.
func (b talker) until(kind string) string {
	b.t.Helper()
	for {
		_, text, err := b.ReadMessage()
		if err != nil {
			b.t.Fatalf("no %s: %v", kind, err)
		}
		var m struct{ E string }
		if json.Unmarshal(text, &m) == nil && m.E == kind {
			return string(text)
		}
	}
}

// ask sends a call and returns its answer.
func (b talker) ask(action string) string {
	b.t.Helper()
	b.say(fmt.Sprintf(`{"e":%q,"oid":"1","data":{}}`, action))
	return b.until(action)
}

// over checks that the session was ended for that reason. It was told before
// the owner was, so what it reads lies there already.
func (b talker) over(status int, code string) {
	b.t.Helper()
	if text := b.until("disconnected"); !strings.Contains(text, `"code":"`+code+`"`) {
		b.t.Errorf("the bot is told %s, want %s", text, code)
	}
	if _, _, err := b.ReadMessage(); !websocket.IsCloseError(err, status) {
		b.t.Errorf("the session ends with %v, want close %d", err, status)
	}
}

// items are the sessions of a list.
func items(t *testing.T, a testenv.Answer) []map[string]any {
	t.Helper()
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal(testenv.Allows(t, a, http.StatusOK).Raw, &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestTheOwnerSeesAndEndsTheSessionsOfABot(t *testing.T) {
	t.Run("of this process", func(t *testing.T) { seeAndEnd(t, testenv.Start(t, testenv.Options{})) })
	t.Run("of another gateway", func(t *testing.T) { seeAndEnd(t, twoNodes(t)) })
}

// twoNodes is a system whose bots come to another process than its owners.
func twoNodes(t *testing.T) *testenv.System {
	var first node.Config
	shared := redis.Start(t).URL()
	s := testenv.Start(t, testenv.Options{Database: server.Database(t), Change: func(c *node.Config) {
		c.Redis.URL, c.SinglePrimary, c.NodeName = shared, true, "first"
		first = *c
	}})
	c := first
	c.NodeName, c.Store.KeysetFile, c.Store.DataDir = "second", filepath.Join(s.DataDir, "keyset.json"), t.TempDir()
	second, err := node.Start(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = second.Stop(context.Background()) })
	s.GatewayURL = second.GatewayURL
	return s
}

func seeAndEnd(t *testing.T, s *testenv.System) {
	owner, subuser, stranger := s.Owner(), s.Subuser(), s.StrangerOwner()
	bot := s.ActiveKey("bot-1", authority.NewKey{Permissions: readTrade})
	path := "/v1/keys/" + bot.KeyID + "/sessions"
	if got := items(t, owner.Do("GET", path, nil)); len(got) != 0 {
		t.Fatalf("before a bot came: %v", got)
	}

	one := talk(t, s, bot)
	s.Clock.Advance(time.Second) // they are listed by their age
	two := talk(t, s, bot)
	two.ask("get_my_fee")
	two.ask("get_my_fee")
	list := items(t, owner.Do("GET", path, nil))
	if len(list) != 2 || list[0]["messages"] != 0.0 || list[1]["messages"] != 2.0 ||
		list[0]["lastAction"] != nil || list[1]["lastAction"] != "get_my_fee" || list[0]["ip"] != "127.0.0.1" {
		t.Fatalf("two sessions, one of which called twice: %v", list)
	}
	if keys := items(t, owner.Do("GET", "/v1/keys", nil)); keys[0]["liveSessions"] != 2.0 {
		t.Errorf("count: %v", keys)
	}

	first := path + "/" + fmt.Sprint(list[0]["id"])
	testenv.Refuses(t, subuser.Do("GET", path, nil), http.StatusForbidden, "forbidden")
	testenv.Refuses(t, subuser.Do("DELETE", first, nil), http.StatusForbidden, "forbidden")
	testenv.Refuses(t, stranger.Do("GET", path, nil), http.StatusNotFound, "key_not_found")
	testenv.Refuses(t, stranger.Do("DELETE", first, nil), http.StatusNotFound, "key_not_found")
	one.ask("get_my_fee") // nobody ended it

	testenv.Allows(t, owner.Do("DELETE", first, nil), http.StatusNoContent)
	one.over(4403, "session_ended")
	testenv.Refuses(t, owner.Do("DELETE", first, nil), http.StatusNotFound, "session_not_found")
	if text := two.ask("get_my_fee"); !strings.Contains(text, `"ok":"ok"`) {
		t.Errorf("the other session: %s", text)
	}
	if left := items(t, owner.Do("GET", path, nil)); len(left) != 1 || left[0]["id"] != list[1]["id"] {
		t.Errorf("left: %v", left)
	}

	testenv.Allows(t, owner.Do("POST", "/v1/keys/"+bot.KeyID+"/deactivate", nil), http.StatusOK)
	if left := items(t, owner.Do("GET", path, nil)); len(left) != 0 {
		t.Errorf("the owner was told that the key is stopped, and it has sessions: %v", left)
	}
	two.over(4401, "key_changed")
}

// The entry is about the session that was ended, for who asks later.
func TestTheEndOfASessionIsRecorded(t *testing.T) {
	s := testenv.Start(t, testenv.Options{})
	owner := s.Owner()
	bot := s.ActiveKey("bot-1", authority.NewKey{Permissions: readTrade})
	talk(t, s, bot).ask("get_my_fee")
	path := "/v1/keys/" + bot.KeyID + "/sessions"
	id := fmt.Sprint(items(t, owner.Do("GET", path, nil))[0]["id"])
	testenv.Allows(t, owner.Do("DELETE", path+"/"+id, nil), http.StatusNoContent)
	acts := items(t, owner.Do("GET", "/v1/activities?type=key_session_ended", nil))
	want := "of 127.0.0.1, open since " + s.Clock.Now().UTC().Format(time.RFC3339) + ", messages: 1; " + id
	if len(acts) != 1 || acts[0]["note"] != want || acts[0]["subject"] != "bot-1" {
		t.Errorf("entries %v, want %q", acts, want)
	}
}
