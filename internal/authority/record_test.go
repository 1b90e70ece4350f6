package authority_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"latchkey"
	"latchkey/internal/authority"
)

// blockActivities makes the database refuse every new entry.
func (w *world) blockActivities() (unblock func()) {
	w.t.Helper()
	if strings.HasPrefix(w.url, "sqlite:") {
		w.raw("CREATE TRIGGER full BEFORE INSERT ON activity BEGIN SELECT RAISE(ABORT, 'disk full'); END")
		return func() { w.raw("DROP TRIGGER full") }
	}
	w.raw(`ALTER TABLE activity ADD CONSTRAINT "full" CHECK (false) NOT VALID`)
	return func() { w.raw(`ALTER TABLE activity DROP CONSTRAINT "full"`) }
}

// everything is what must not change without an entry: all tables but the
// counters of tries.
func (w *world) everything() string {
	w.t.Helper()
	out := []string{w.content()}
	for _, query := range []string{
		"SELECT id || name FROM account ORDER BY id",
		"SELECT id || email || role || password_hash FROM member ORDER BY id",
		"SELECT id || state || draft || factor_kind || factor_id || sends FROM pending ORDER BY id",
		"SELECT member_id || request FROM idempotency ORDER BY request",
		"SELECT id FROM goqite ORDER BY id",
		"SELECT hash FROM activity ORDER BY seq",
		"SELECT key_id || version FROM key_change ORDER BY rev",
	} {
		rows, err := w.database().QueryContext(w.ctx, query)
		w.must(err)
		for rows.Next() {
			var line string
			w.must(rows.Scan(&line))
			out = append(out, line)
		}
		w.must(rows.Err())
		rows.Close()
	}
	return strings.Join(out, "\n")
}

// acts are all ways to change something, each ready to be done once.
func (w *world) acts(owner latchkey.Actor) map[string]func(ctx context.Context) error {
	w.t.Helper()
	k := w.put(w.account, latchkey.StatusActive)
	idle := w.put(w.account, latchkey.StatusInactive)
	phone := w.enrolPhone(owner, "+35312345678")
	other := w.signIn(w.owner)
	waiting := w.edit(owner, k, rw)
	sms := w.edit(owner, k, latchkey.Read)
	mail, err := w.Activate(w.ctx, owner, idle.ID, idle.Version)
	w.must(err)
	w.clock.Advance(2 * time.Minute)
	in, err := w.SignIn(w.ctx, home, w.owner.Email, password)
	w.must(err)
	half := w.who(in.Token)
	right, second := code(w.right(waiting.Pending.ID)), code(w.right(in.Step.Pending.ID))
	to := latchkey.Read
	op := w.Operator()
	return map[string]func(ctx context.Context) error{
		"Create": func(ctx context.Context) error {
			return err2(w.Create(ctx, owner, named("n"), authority.Idempotency{Key: "k", Digest: "d"}))
		},
		"Edit": func(ctx context.Context) error {
			return err2(w.Edit(ctx, owner, k.ID, k.Version, latchkey.Edit{Permissions: &to}))
		},
		"Activate": func(ctx context.Context) error { return err2(w.Activate(ctx, owner, idle.ID, idle.Version)) },
		"Delete":   func(ctx context.Context) error { return err2(w.Delete(ctx, owner, k.ID, k.Version)) },
		"Confirm":  func(ctx context.Context) error { return err2(w.Confirm(ctx, owner, waiting.Pending.ID, right)) },
		"Confirm (wrong)": func(ctx context.Context) error {
			return err2(w.Confirm(ctx, owner, mail.Pending.ID, w.wrong(mail.Pending.ID)))
		},
		"Confirm (sign-in)": func(ctx context.Context) error { return err2(w.Confirm(ctx, half, in.Step.Pending.ID, second)) },
		"Choose":            func(ctx context.Context) error { return err2(w.Choose(ctx, owner, sms.Pending.ID, phone.ID)) },
		"Resend":            func(ctx context.Context) error { return err2(w.Resend(ctx, owner, mail.Pending.ID)) },
		"Cancel":            func(ctx context.Context) error { return w.Cancel(ctx, owner, waiting.Pending.ID) },
		"Deactivate":        func(ctx context.Context) error { _, _, err := w.Deactivate(ctx, owner, k.ID); return err },
		"SignIn":            func(ctx context.Context) error { return err2(w.SignIn(ctx, home, w.owner.Email, password)) },
		"SignIn (1 factor)": func(ctx context.Context) error { return err2(w.SignIn(ctx, home, w.sub.Email, password)) },
		"EndSession":        func(ctx context.Context) error { return w.EndSession(ctx, owner, other.SessionID) },
		"SignOut":           func(ctx context.Context) error { return w.SignOut(ctx, other) },
		"ChangePassword": func(ctx context.Context) error {
			return w.ChangePassword(ctx, other, password, "another horse, another battery")
		},
		"EnrolTOTP":          func(ctx context.Context) error { return err2(w.EnrolTOTP(ctx, owner, password, once)) },
		"RemoveFactor":       func(ctx context.Context) error { return err2(w.RemoveFactor(ctx, owner, phone.ID, password)) },
		"RenewRecovery":      func(ctx context.Context) error { return err2(w.RenewRecovery(ctx, owner, password, once)) },
		"NoteRefused":        func(ctx context.Context) error { return w.NoteRefused(ctx, owner, "GET /x") },
		"operator's account": func(ctx context.Context) error { return err2(op.CreateAccount(ctx, "Southwind")) },
		"operator's member": func(ctx context.Context) error {
			return err2(op.AddMember(ctx, w.account, "n@example.com", latchkey.RoleSubuser, password))
		},
		"operator's removal":    func(ctx context.Context) error { return err2(op.RemoveMember(ctx, w.account, w.sub.Email)) },
		"operator's app":        func(ctx context.Context) error { return op.EnrolTOTP(ctx, w.owner, "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP") },
		"operator's key":        func(ctx context.Context) error { _, _, err := op.CreateKey(ctx, w.account, named("m")); return err },
		"operator's activation": func(ctx context.Context) error { _, _, err := op.Move(ctx, idle.ID, latchkey.OpActivate); return err },
	}
}

func err2[T any](_ T, err error) error { return err }

func TestNoRecordNoDeed(t *testing.T) {
	onEach(t, func(w *world) {
		owner := w.signIn(w.owner)
		acts := w.acts(owner)
		before := w.everything()
		unblock := w.blockActivities()
		for name, act := range acts {
			if err := act(w.ctx); err == nil || latchkey.Code(err) != "" {
				w.t.Errorf("%s: error %v, want that of the database", name, err)
			}
			if diff := cmp.Diff(before, w.everything()); diff != "" {
				w.t.Fatalf("%s changed something without an entry (-before +after):\n%s", name, diff)
			}
		}
		unblock()
		// The twin: as soon as it can be recorded, it happens.
		for _, name := range []string{"Confirm", "Confirm (sign-in)", "SignIn", "operator's account", "operator's key"} {
			w.must(acts[name](w.ctx))
			if cmp.Equal(before, w.everything()) {
				w.t.Errorf("%s changed nothing", name)
			}
			before = w.everything()
		}
		if _, err := w.store.VerifyActivity(w.ctx); err != nil {
			w.t.Fatal(err)
		}
	})
}

func TestRefusalsAreRecordedUpToABound(t *testing.T) {
	w := newWorld(t)
	sub := w.signIn(w.sub)
	for range 70 {
		w.must(w.NoteRefused(w.ctx, sub, "GET /v1/keys"))
	}
	noted := w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActRefused}})
	is(w, "entries", len(noted), 60)
	is(w, "who", noted[0].MemberID, w.sub.ID)
	w.clock.Advance(time.Hour)
	w.must(w.NoteRefused(w.ctx, sub, "GET /v1/keys"))
	is(w, "entries", len(w.activities(latchkey.ActivityQuery{Types: []latchkey.ActivityType{latchkey.ActRefused}})), 61)
}
