package authority_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/operator"
	"latchkey/internal/verify"
)

// noMaintenance is for commands that need none.
type noMaintenance struct{ operator.Maintenance }

// command carries out one of the operator's commands.
func (w *world) command(op, args string) (json.RawMessage, error) {
	w.t.Helper()
	door := operator.Door{Authority: w.Operator(), Maintenance: noMaintenance{}}
	return door.Run(w.ctx, operator.Request{Op: op, Args: json.RawMessage(args)})
}

// key reads a command's answer.
func (w *world) answered(raw json.RawMessage, err error) (k operator.Key) {
	w.t.Helper()
	w.must(err)
	w.must(json.Unmarshal(raw, &k))
	return k
}

func TestOperatorsActsAreRecordedAndMailed(t *testing.T) {
	onEach(t, func(w *world) {
		w.letters()
		mark := len(w.types())
		k := w.answered(w.command("key.create", `{"account":"Northwind","name":"bot-1","permissions":["trade"],"allowlist":["203.0.113.9"],"active":true}`))
		is(w, "status", k.Status, latchkey.StatusActive)
		is(w, "version", k.Version, 2)
		is(w, "call", w.call(latchkey.Key{ID: k.ID}, latchkey.Secret(k.Secret), latchkey.Trade), verify.Allowed)
		id := `{"id":"` + k.ID + `"}`
		for _, op := range []string{"key.deactivate", "key.activate", "key.delete"} {
			changed := w.answered(w.command(op, id))
			is(w, "secret in later answers", changed.Secret, "")
			is(w, "nodes that confirmed", changed.Receipt.Confirmed, 1)
		}
		want := []latchkey.ActivityType{ // --active is two entries
			latchkey.ActKeyCreated, latchkey.ActKeyActivated, latchkey.ActKeyDeactivated, latchkey.ActKeyActivated, latchkey.ActKeyDeleted,
		}
		if diff := cmp.Diff(want, w.types()[mark:]); diff != "" {
			w.t.Fatalf("activities (-want +got):\n%s", diff)
		}
		for _, a := range w.activities(latchkey.ActivityQuery{})[mark:] {
			if a.Source != latchkey.SourceOperator || a.MemberID != "" || a.KeyID != k.ID || a.Subject != "bot-1" {
				w.t.Errorf("the entry does not say that it was the operator: %+v", a)
			}
		}
		w.mailed(5)
	})
}

// mailed demands that many notices, all to the owner.
func (w *world) mailed(n int) {
	w.t.Helper()
	letters := w.letters()
	is(w, "letters", len(letters), n)
	for _, l := range letters {
		facts, err := w.store.Facts(w.ctx, l)
		w.must(err)
		if l.Kind != latchkey.LetterNotice || facts.Member.ID != w.owner.ID || facts.Activity.Source != latchkey.SourceOperator {
			w.t.Errorf("letter %+v about %+v is no notice to the owner", l, facts.Activity)
		}
	}
}

func TestOperatorsKeyIsInactiveUnlessAskedFor(t *testing.T) {
	w := newWorld(t)
	k := w.answered(w.command("key.create", `{"account":"`+w.account.ID+`","name":"bot-1","permissions":[]}`))
	is(w, "status", k.Status, latchkey.StatusInactive)
	is(w, "permissions", strings.Join(k.Permissions, " "), "read")
	is(w, "call", w.call(latchkey.Key{ID: k.ID}, latchkey.Secret(k.Secret), latchkey.Read), verify.KeyNotActivated)
}

func TestOperatorsVersionCheckIsTheSame(t *testing.T) {
	w := newWorld(t)
	k := w.put(w.account, latchkey.StatusInactive)
	late := w.over(&loose{deed: func(d *latchkey.Deed) {
		_, _, err := w.Operator().Move(context.WithoutCancel(w.ctx), k.ID, latchkey.OpActivate)
		w.must(err)
	}})
	_, _, err := late.Operator().Move(w.ctx, k.ID, latchkey.OpActivate)
	w.refused(err, "key_changed")
	is(w, "version", w.stored(k.ID).Version, k.Version+1)
}

func TestOperatorsCommandsRefuseWhatTheyDoNotKnow(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct{ op, args, code string }{
		{"key.edit", `{}`, "unknown_command"},
		{"", `{}`, "unknown_command"},
		{"key.create", `{"account":"Northwind","name":"n","permissions":["all"]}`, "invalid_permissions"},
		{"key.create", `{"account":"Northwind","name":"n","allowlist":["0.0.0.0/0"]}`, "invalid_allowlist"},
		{"key.create", `{"account":"Northwind","name":"n","allowlist":[""]}`, "invalid_allowlist"},
		{"key.create", `{"account":"Northwind","name":"n","activate":true}`, "invalid_arguments"},
		{"key.create", `{"account":"nobody","name":"n"}`, "account_not_found"},
		{"key.activate", `{"id":"lk_x"}`, "key_not_found"},
		{"key.activate", `{"id":"lk_x"} {}`, "invalid_arguments"},
		{"key.activate", `{"id":"lk_x"}}`, "invalid_arguments"},
		{"key.activate", `{"id":`, "invalid_arguments"},
		{"member.add", `{"account":"Northwind","email":"a@example.com","role":"admin","password":"` + password + `"}`, "invalid_role"},
		{"member.add", `{"account":"Northwind","email":"a@example.com","role":"owner","password":"` + password + `"}`, "owner_exists"},
		{"member.add", `{"account":"Northwind","email":"sub@example.com","role":"subuser","password":"` + password + `"}`, "member_exists"},
		{"member.add", `{"account":"Northwind","email":"a@example.com","role":"subuser","password":"short"}`, "invalid_password"},
		{"member.remove", `{"account":"Northwind","email":"owner@example.com"}`, "owner_stays"},
		{"member.remove", `{"account":"Northwind","email":"nobody@example.com"}`, "member_not_found"},
		{"account.create", `{"account":"Northwind"}`, "account_exists"},
		{"account.create", `{"account":"North\u202ewind"}`, "invalid_name"},
	} {
		before := len(w.types())
		_, err := w.command(c.op, c.args)
		if latchkey.Code(err) != c.code {
			t.Errorf("%s %s: error %v (code %q), want code %q", c.op, c.args, err, latchkey.Code(err), c.code)
		}
		is(w, "activities after "+c.op, len(w.types()), before)
	}
}

func TestOperatorsMembersAndAccounts(t *testing.T) {
	w := newWorld(t)
	_, err := w.command("account.create", `{"account":"Southwind"}`)
	w.must(err)
	_, err = w.command("member.add", `{"account":"Southwind","email":" New@Example.com ","role":"owner","password":"`+password+`"}`)
	w.must(err)
	raw, err := w.command("member.list", `{"account":"Southwind"}`)
	w.must(err)
	is(w, "member in lower case", strings.Contains(string(raw), `"new@example.com"`), true)
	is(w, "password or hash in the answer", strings.Contains(string(raw), "argon") || strings.Contains(string(raw), password), false)
	in, err := w.SignIn(w.ctx, home, "new@example.com", password)
	w.must(err)
	is(w, "account of the new member", w.who(in.Token).AccountID == w.account.ID, false)
	raw, err = w.command("member.remove", `{"account":"Northwind","email":"SUB@example.com"}`)
	w.must(err)
	is(w, "removed", strings.Contains(string(raw), w.sub.ID), true)
	raw, err = w.command("key.list", "")
	w.must(err)
	is(w, "keys of all accounts", string(raw), "[]")
}
