package authority

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"latchkey"
)

// ForgotPassword sends a link for a new password to an address that a member
// has. For every other address it does the same work and sends nothing: neither
// the answer nor its time tells which addresses exist (CWE-204).
func (a *Authority) ForgotPassword(ctx context.Context, v Visitor, email string) error {
	email, err := latchkey.NormalEmail(email)
	if err != nil {
		return err
	}
	if err := a.chargeSource(ctx, "reset_asked", v, time.Hour, a.limits.ResetsPerSource); err != nil {
		return err
	}
	room, err := a.chargeAddress(ctx, email)
	if err != nil || !room {
		return err // nil: the links that were sent are enough, and go on working
	}
	member, _, err := a.store.MemberByEmail(ctx, email)
	if err != nil && !errors.Is(err, latchkey.ErrNotFound) {
		return err
	}
	act := a.activity(visiting(v, member), latchkey.ActResetAsked)
	act.Subject = member.Email
	if member.ID == "" {
		act.Note = "an address that nobody has"
	}
	link := a.newLink(latchkey.LinkReset, newToken())
	link.MemberID = member.ID
	return a.store.OpenReset(ctx, link, act)
}

// chargeAddress bounds the letters to one address, whoever asks for them. It
// shuts nobody out: whoever asked, the letter goes to the owner of the address,
// and the window is as long as a link lives, so one of those letters is good
// until there is room for another.
func (a *Authority) chargeAddress(ctx context.Context, email string) (bool, error) {
	sum := sha256.Sum256([]byte(email))
	return a.store.ChargeBucket(ctx, latchkey.Bucket{
		Name: "reset_to:" + hex.EncodeToString(sum[:8]), Window: a.now().Truncate(a.limits.LinkLife), Limit: a.limits.ResetsPerAddress,
	})
}

// chargeSource bounds what one source may ask for without a session.
func (a *Authority) chargeSource(ctx context.Context, what string, v Visitor, period time.Duration, limit int) error {
	window := a.now().Truncate(period)
	ok, err := a.store.ChargeBucket(ctx, latchkey.Bucket{Name: what + ":" + network(v.IP), Window: window, Limit: limit})
	if err != nil || ok {
		return err
	}
	e := latchkey.Errorf(latchkey.KindLimit, "too_many_requests", "too many requests of this kind from here; wait a while")
	e.RetryAfter = int(window.Add(period).Sub(a.now())/time.Second) + 1
	return e
}

// visiting is a member who has no session, only a mailbox; or nobody.
func visiting(v Visitor, m latchkey.Member) latchkey.Actor {
	return latchkey.Actor{Source: latchkey.SourceConsole, AccountID: m.AccountID, MemberID: m.ID, IP: v.IP, UserAgent: v.UserAgent}
}

// newLink makes a link of a token that lives from now on.
func (a *Authority) newLink(kind latchkey.LinkKind, token string) latchkey.Link {
	now := a.now()
	return latchkey.Link{ID: latchkey.NewID("lnk"), Kind: kind, Token: latchkey.Secret(token), TokenHash: hashToken(token),
		CreatedAt: now, ExpiresAt: now.Add(a.limits.LinkLife)}
}

// ResetPassword sets a new password by the token of a link. It ends all
// sessions; the second factor is asked for at the next sign-in as ever: a
// mailbox is not enough to get in. A password that the rules refuse does not
// use the link up.
func (a *Authority) ResetPassword(ctx context.Context, v Visitor, token, password string) error {
	link, err := a.live(ctx, v, latchkey.LinkReset, token)
	if err != nil {
		return err
	}
	member, _, err := a.store.Member(ctx, link.MemberID)
	if errors.Is(err, latchkey.ErrNotFound) {
		return latchkey.ErrLink // nobody's, or of a member who is gone
	}
	if err != nil {
		return err
	}
	hash, err := a.hashFor(ctx, member, password)
	if err != nil {
		return err
	}
	act := a.activity(visiting(v, member), latchkey.ActPasswordReset)
	act.Subject = member.Email
	return a.store.ResetPassword(ctx, link, hash, a.now(), act)
}

// live finds a link that is still good, before anything that costs time is
// done for whoever sent the token.
func (a *Authority) live(ctx context.Context, v Visitor, kind latchkey.LinkKind, token string) (latchkey.Link, error) {
	if err := a.chargeSource(ctx, "link_used", v, signInWindow, a.limits.SignInsPerSource); err != nil {
		return latchkey.Link{}, err
	}
	link, err := a.store.LinkByToken(ctx, kind, hashToken(token))
	if errors.Is(err, latchkey.ErrNotFound) || (err == nil && !link.Live(a.now())) {
		return latchkey.Link{}, latchkey.ErrLink
	}
	return link, err
}

// OpenSetup makes the one-time token of the first start, while there is no
// account; "already_set_up" otherwise. It kills the token of an earlier start.
func (a *Authority) OpenSetup(ctx context.Context) (latchkey.Secret, error) {
	token := newToken()
	link := a.newLink(latchkey.LinkSetup, token)
	link.Token = "" // nobody is sent it, so nobody has to read it again
	return latchkey.Secret(token), a.store.OpenSetup(ctx, link)
}

// FirstStart is what the person at the first start says.
type FirstStart struct {
	Token    string
	Account  string // name of the account
	Email    string // of its owner
	Password string
}

// SetUp makes the first account and its owner by the token of the first start.
// The owner then signs in like everybody. What the rules refuse does not use
// the token up.
func (a *Authority) SetUp(ctx context.Context, v Visitor, f FirstStart) (latchkey.Account, latchkey.Member, error) {
	account, owner, hash, err := a.firstPeople(ctx, v, f)
	if err != nil {
		return latchkey.Account{}, latchkey.Member{}, err
	}
	actor := visiting(v, latchkey.Member{AccountID: account.ID})
	made, added := a.activity(actor, latchkey.ActAccountCreated), a.activity(actor, latchkey.ActMemberAdded)
	made.Subject, made.Note = account.Name, "by the link of the first start"
	added.Subject, added.Note = owner.Email, "as owner, by the link of the first start"
	err = a.store.SetUp(ctx, hashToken(f.Token), account, owner, hash, []latchkey.Activity{made, added})
	return account, owner, err
}

// firstPeople checks everything that was said, the token first.
func (a *Authority) firstPeople(ctx context.Context, v Visitor, f FirstStart) (latchkey.Account, latchkey.Member, string, error) {
	var account latchkey.Account
	var owner latchkey.Member
	if _, err := a.live(ctx, v, latchkey.LinkSetup, f.Token); err != nil {
		return account, owner, "", err
	}
	name, err := latchkey.NormalName("account", f.Account)
	if err != nil {
		return account, owner, "", err
	}
	email, err := latchkey.NormalEmail(f.Email)
	if err != nil {
		return account, owner, "", err
	}
	hash, err := a.hash(ctx, name, email, f.Password)
	now := a.now()
	account = latchkey.Account{ID: latchkey.NewID("acc"), Name: name, CreatedAt: now}
	owner = latchkey.Member{ID: latchkey.NewID("mem"), AccountID: account.ID, Email: email, Role: latchkey.RoleOwner, CreatedAt: now}
	return account, owner, hash, err
}
