package authority_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/authority"
)

// pendingRow is a pending as it lies in the database.
type pendingRow map[string]any

var pendingColumns = strings.Fields("id account_id member_id session_id operation key_id key_version draft digest state proof " +
	"factor_kind factor_id attempts sends code_sent_at code new_secret created_at expires_at")

func (w *world) rowOf(id string) pendingRow {
	w.t.Helper()
	values, into := make([]any, len(pendingColumns)), make([]any, len(pendingColumns))
	for i := range values {
		into[i] = &values[i]
	}
	query := "SELECT " + strings.Join(pendingColumns, ", ") + " FROM pending WHERE id = $1"
	w.must(w.database().QueryRowContext(w.ctx, query, id).Scan(into...))
	row := pendingRow{}
	for i, c := range pendingColumns {
		if blob, ok := values[i].([]byte); ok && len(blob) == 0 {
			values[i] = []byte{} // a nil one would be NULL
		}
		row[c] = values[i]
	}
	return row
}

// restore writes a pending's row back, and forgets what was charged.
func (w *world) restore(id string, row pendingRow) {
	w.t.Helper()
	var set []string
	args := []any{id}
	for _, c := range pendingColumns {
		args = append(args, row[c])
		set = append(set, fmt.Sprintf("%s = $%d", c, len(args)))
	}
	w.raw("UPDATE pending SET "+strings.Join(set, ", ")+" WHERE id = $1", args...)
	w.raw("DELETE FROM bucket")
}

// content is everything that a confirmed pending could have changed.
func (w *world) content() string {
	w.t.Helper()
	var out strings.Builder
	for _, query := range []string{
		"SELECT id || account_id || name || permissions || allowlist || status || version FROM api_key ORDER BY id",
		"SELECT id || member_id || kind || label || last_step FROM factor ORDER BY id",
		"SELECT member_id || hash || used_at FROM recovery_code ORDER BY hash",
		"SELECT id || member_id || token_hash FROM session ORDER BY id",
	} {
		rows, err := w.database().QueryContext(w.ctx, query)
		w.must(err)
		for rows.Next() {
			var line string
			w.must(rows.Scan(&line))
			out.WriteString(line + "\n")
		}
		w.must(rows.Err())
		rows.Close()
	}
	return out.String()
}

// mutants are values that somebody writes into one column of the pending: of
// another session, another member, another key, another pending, or of none.
func (w *world) mutants(row, another pendingRow, other latchkey.Actor, rival latchkey.Member) map[string][]any {
	w.t.Helper()
	m := map[string][]any{
		"account_id":  {rival.AccountID, "", "acc_x"},
		"member_id":   {w.sub.ID, rival.ID},
		"session_id":  {other.SessionID, "", "ses_x"},
		"key_id":      {another["key_id"], "", "lk_x", row["key_id"].(string) + " "},
		"key_version": {-1, 0, 1, 3, 4, 1 << 40},
		"digest":      {"", "00", strings.Repeat("0", 64), strings.ToUpper(row["digest"].(string)), row["digest"].(string)[1:]},
		"state":       {"confirmed", "cancelled", "dead", "void", "", "OPEN", "open "},
		"attempts":    {5, 6, 1 << 40},
		"expires_at":  {0, -1, w.clock.Now().UnixMicro(), w.clock.Now().UnixMicro() - 1},
		"new_secret":  {[]byte("x"), []byte{}},
		"factor_id":   {"fac_x"},
		"draft":       drafts(w, row["draft"].(string)),
	}
	if len(row["new_secret"].([]byte)) == 0 {
		m["new_secret"] = m["new_secret"][:1]
	}
	for _, op := range append(slices.Clone(operations), latchkey.OpSignIn, latchkey.OpEnrolFactor, latchkey.OpValidateFactor, latchkey.OpRemoveFactor, latchkey.OpRecoveryRenewal, "", "x") {
		m["operation"] = append(m["operation"], string(op))
	}
	for _, p := range []latchkey.Proof{latchkey.ProofUnknown, latchkey.ProofNone, latchkey.ProofSecondFactor, latchkey.ProofEmailCode, latchkey.ProofNewFactor, "x"} {
		m["proof"] = append(m["proof"], string(p))
	}
	for _, f := range []latchkey.FactorKind{"", latchkey.FactorTOTP, latchkey.FactorSMS, latchkey.FactorEmail, latchkey.FactorRecovery, "x"} {
		m["factor_kind"] = append(m["factor_kind"], string(f))
	}
	if len(row["code"].([]byte)) > 0 {
		m["code"] = []any{[]byte{}, []byte("123456"), another["code"]}
		m["code_sent_at"] = []any{0, w.clock.Now().UnixMicro() - 300_000_000, w.clock.Now().UnixMicro() - 400_000_000}
	}
	return m
}

// drafts are other contents: one field at a time, and what is no draft.
func drafts(w *world, text string) []any {
	w.t.Helper()
	out := []any{"", "null", "{}", "[]", text[:len(text)-1]}
	for field, values := range map[string][]any{
		"keyName":     {"bot-2", "", "bot-1 "},
		"permissions": {[]string{"read"}, []string{"read", "trade", "funds_external"}, []string{"read", "trade", "funds_internal", "funds_wallet", "funds_external"}},
		"allowlist":   {[]string{}, []string{"203.0.113.1"}, []string{"198.51.100.0/25"}, []string{"::/0"}},
		"changes":     {[]latchkey.Change{{Field: "permissions", Old: "Read", New: "Read"}}, nil},
		"factorId":    {"fac_x", w.app.ID},
		"factorKind":  {"sms", "totp", "email"},
		"factorLabel": {"x"},
		"summary":     {"", "edit key bot-1: + Trade"},
	} {
		for _, v := range values {
			var draft map[string]any
			w.must(json.Unmarshal([]byte(text), &draft))
			before, _ := json.Marshal(draft[field])
			after, _ := json.Marshal(v)
			empty := v == nil || v == ""
			if string(before) == string(after) || (empty && draft[field] == nil) {
				continue
			}
			draft[field] = v
			changed, err := json.Marshal(draft)
			w.must(err)
			out = append(out, string(changed))
		}
	}
	return out
}

// subject opens one kind of pending.
type subject struct {
	name string
	open func() (authority.Step, error)
}

func (w *world) subjects(owner latchkey.Actor) []subject {
	w.t.Helper()
	list, err := latchkey.NewAllowlist([]string{"198.51.100.0/24"})
	w.must(err)
	phone := w.enrolPhone(owner, "+35312345678")
	to, k, idle := rw, w.put(w.account, latchkey.StatusActive), w.put(w.account, latchkey.StatusInactive)
	return []subject{
		{"edit by SMS", func() (authority.Step, error) {
			return w.Choose(w.ctx, owner, w.edit(owner, w.put(w.account, latchkey.StatusActive), latchkey.Read).Pending.ID, phone.ID)
		}},
		{"edit", func() (authority.Step, error) {
			return w.Edit(w.ctx, owner, k.ID, k.Version, latchkey.Edit{Permissions: &to, Allowlist: &list})
		}},
		{"activate", func() (authority.Step, error) { return w.Activate(w.ctx, owner, idle.ID, idle.Version) }},
		{"create", func() (authority.Step, error) {
			return w.Create(w.ctx, owner, authority.NewKey{Name: "bot-1", Permissions: rt, Allowlist: list}, authority.Idempotency{})
		}},
		{"enrol factor", func() (authority.Step, error) { return w.EnrolTOTP(w.ctx, owner, password, authority.Idempotency{}) }},
		{"remove factor", func() (authority.Step, error) { return w.RemoveFactor(w.ctx, owner, phone.ID, password) }},
		{"renew recovery", func() (authority.Step, error) {
			return w.RenewRecovery(w.ctx, owner, password, authority.Idempotency{})
		}},
	}
}

// The attack: somebody who writes to the database changes one thing in a
// pending that its owner is about to confirm (dynamic linking: PSD2 RTS, 5).
func TestAlteredPendingIsRefused(t *testing.T) {
	w := newWorld(t)
	w.config.Limits.KeysPerAccount = 1000
	w.Authority = authority.New(w.config)
	owner, other := w.signIn(w.owner), w.signIn(w.owner)
	_, rival := w.tenant("Southwind", "rival@example.com")
	decoy := w.put(w.account, latchkey.StatusInactive)
	spare, err := w.Activate(w.ctx, owner, decoy.ID, decoy.Version)
	w.must(err)
	another := w.rowOf(spare.Pending.ID)
	mutants := 0
	for _, x := range w.subjects(owner) {
		step, err := x.open()
		w.must(err)
		id := step.Pending.ID
		row, before, right := w.rowOf(id), w.content(), code(w.right(id))
		for column, values := range w.mutants(row, another, other, rival) {
			for _, v := range values {
				if fmt.Sprint(v) == fmt.Sprint(row[column]) {
					continue
				}
				mutants++
				w.raw("UPDATE pending SET "+column+" = $2 WHERE id = $1", id, v)
				for _, actor := range []latchkey.Actor{owner, other} {
					if _, err := w.Confirm(w.ctx, actor, id, right); err == nil {
						t.Errorf("%s with %s = %v was accepted", x.name, column, v)
					}
				}
				w.restore(id, row)
			}
		}
		if diff := cmp.Diff(before, w.content()); diff != "" {
			t.Fatalf("%s: something changed (-before +after):\n%s", x.name, diff)
		}
		if _, err := w.Confirm(w.ctx, owner, id, right); err != nil {
			t.Fatalf("%s: the pending that nobody altered is refused: %v", x.name, err)
		}
	}
	if mutants < 200 {
		t.Fatalf("only %d mutants were tried", mutants)
	}
	t.Logf("%d mutants", mutants)
}

// Fields of a pending that say how far it is, not what it is good for.
var progress = []string{"Digest", "State", "FactorKind", "FactorID", "Attempts", "Sends", "CodeSentAt", "Code", "CreatedAt", "ExpiresAt"}

// A field that is added to Pending or Draft and not to the digest fails here.
func TestDigestCoversEveryFieldOfTheContent(t *testing.T) {
	list, _ := latchkey.NewAllowlist([]string{"203.0.113.1"})
	var p latchkey.Pending
	want := p.ContentDigest()
	var visit func(v reflect.Value, path string)
	visit = func(v reflect.Value, path string) {
		for i := range v.NumField() {
			f, name := v.Field(i), path+v.Type().Field(i).Name
			if slices.Contains(progress, name) {
				continue
			}
			old := reflect.New(f.Type()).Elem()
			old.Set(f)
			switch f.Interface().(type) {
			case latchkey.Draft:
				visit(f, name+".")
				continue
			case latchkey.Allowlist:
				f.Set(reflect.ValueOf(list))
			case []latchkey.Change:
				f.Set(reflect.ValueOf([]latchkey.Change{{Field: "x"}}))
			case int64:
				f.SetInt(7)
			case latchkey.Permissions:
				f.SetUint(uint64(latchkey.Read))
			default:
				f.SetString("x")
			}
			if p.ContentDigest() == want {
				t.Errorf("%s can be altered without changing the digest", name)
			}
			f.Set(old)
		}
	}
	visit(reflect.ValueOf(&p).Elem(), "")
}

// The twin: who can make the digest anew is not stopped by it. It protects
// against what changes by mistake or half, and keeps what was shown and what is
// done together; rights against the database itself are the operator's part.
func TestWithoutTheDigestTheAlteredContentIsApplied(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, _ := w.active(owner, "bot-1")
	step := w.edit(owner, k, latchkey.Read)
	p := step.Pending
	p.Draft.Permissions = rt | latchkey.FundsExternal
	draft, err := json.Marshal(p.Draft)
	w.must(err)
	w.raw("UPDATE pending SET draft = $2, digest = $3 WHERE id = $1", p.ID, string(draft), p.ContentDigest())
	w.confirm(owner, step)
	is(w, "permissions", w.stored(k.ID).Permissions, rt|latchkey.FundsExternal)
}

// The attack: make a second-factor pending ask for the e-mail code instead, by
// one column. Then the code would go to the mailbox, by a resend or because it
// was not sent yet.
func TestEmailCodeIsNeverASecondFactor(t *testing.T) {
	w := newWorld(t)
	o := texted(w)
	k := w.stored(o.shown().Pending.KeyID)
	answer := o.sent()
	for _, factor := range []string{w.app.ID, ""} {
		w.raw("UPDATE pending SET factor_kind = 'email', factor_id = $2 WHERE id = $1", o.id, factor)
		if o.try(answer) == nil {
			t.Fatal("what needs a second factor was confirmed by e-mail")
		}
		w.clock.Advance(2 * time.Minute)
		if o.resend() == nil {
			t.Fatal("a code was sent by e-mail for what needs a second factor")
		}
	}
	is(w, "version", w.stored(k.ID).Version, k.Version)
}

func TestSecondFactorIsNoEmailCode(t *testing.T) {
	w := newWorld(t)
	o := mailed(w)
	phone := w.enrolPhone(o.owner, "+35312345678")
	_, seed, _, err := w.store.FactorSecret(w.ctx, w.owner.ID, w.app.ID)
	w.must(err)
	answers := map[string]authority.Answer{phone.ID: o.sent(), w.app.ID: code(w.totp(seed))}
	for _, f := range []latchkey.Factor{phone, w.app} {
		for _, id := range []string{f.ID, ""} {
			w.raw("UPDATE pending SET factor_kind = $2, factor_id = $3 WHERE id = $1", o.id, string(f.Kind), id)
			if o.try(answers[f.ID]) == nil {
				t.Fatalf("an activation was confirmed by %s", f.Kind)
			}
		}
	}
	is(w, "status", w.stored(o.shown().Pending.KeyID).Status, latchkey.StatusInactive)
}

// Not even with a digest made anew: which proof an operation needs is read in
// the table of the life, not in the row.
func TestProofIsThatOfTheTable(t *testing.T) {
	w := newWorld(t)
	owner := w.signIn(w.owner)
	k, secret := w.active(owner, "bot-1")
	p := w.edit(owner, k, rw).Pending
	p.Proof = latchkey.ProofEmailCode
	w.raw("UPDATE pending SET proof = 'email_code', factor_kind = 'email', factor_id = '', digest = $2, code_sent_at = $3 WHERE id = $1",
		p.ID, p.ContentDigest(), w.clock.Now().Add(-2*time.Minute).UnixMicro())
	if _, err := w.Resend(w.ctx, owner, p.ID); err == nil {
		t.Error("a code was sent by e-mail for what needs a second factor")
	}
	if _, err := w.Confirm(w.ctx, owner, p.ID, code("123456")); err == nil || latchkey.Code(err) != "" {
		t.Errorf("error %v, want that of an altered pending", err)
	}
	w.stillAs(k, secret)
}

// A new app whose row says that it is a phone would have its seed used as the
// number that a code goes to.
func TestNewFactorProvesItselfAsWhatItIs(t *testing.T) {
	w := newWorld(t)
	sub := w.signIn(w.sub)
	step, err := w.EnrolTOTP(w.ctx, sub, password, authority.Idempotency{})
	w.must(err)
	for _, kind := range []string{"sms", "email", "recovery", ""} {
		w.raw("UPDATE pending SET factor_kind = $2 WHERE id = $1", step.Pending.ID, kind)
		if _, err := w.Resend(w.ctx, sub, step.Pending.ID); err == nil {
			t.Errorf("a code was sent to a new app as %q", kind)
		}
	}
	is(w, "letters", len(w.letters()), 0)
}

// A factor that is chosen in the row must be one of the kind that the row says.
func TestChosenFactorIsOfItsKind(t *testing.T) {
	w := newWorld(t)
	o := texted(w)
	answer := o.sent()
	w.raw("UPDATE pending SET factor_id = $2 WHERE id = $1", o.id, w.app.ID)
	w.refused(o.try(answer), "factor_not_found")
}
