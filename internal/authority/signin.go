package authority

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"time"

	"latchkey"
)

// signInWindow is the time in which the tries of a source are counted.
const signInWindow = 15 * time.Minute

// SignedIn is the answer to a right password. Step is nil when the session is
// full at once, because no factor is enrolled.
type SignedIn struct {
	Token   string
	Session latchkey.Session
	Member  latchkey.Member
	Step    *Step
}

// SignIn checks the password and opens a session. With a factor enrolled the
// session is not full until its pending was confirmed. Wrong addresses and
// wrong passwords get the same answer in the same time.
func (a *Authority) SignIn(ctx context.Context, v Visitor, email, password string) (SignedIn, error) {
	email, err := latchkey.NormalEmail(email)
	if err != nil {
		return SignedIn{}, errWrongCredentials()
	}
	member, hash, err := a.store.MemberByEmail(ctx, email)
	if err != nil && !errors.Is(err, latchkey.ErrNotFound) {
		return SignedIn{}, err
	}
	browser := a.known(v.Browser, member, hash)
	if err := a.chargeSignIn(ctx, v, email, browser); err != nil {
		return SignedIn{}, err
	}
	ok, err := a.passwords.matches(ctx, password, hash, browser != "")
	if err != nil {
		return SignedIn{}, err
	}
	actor := latchkey.Actor{Source: latchkey.SourceConsole, AccountID: member.AccountID, MemberID: member.ID, Role: member.Role, IP: v.IP, UserAgent: v.UserAgent}
	if !ok {
		return SignedIn{}, a.signInFailed(ctx, actor, email)
	}
	return a.startSession(ctx, actor, member, browser)
}

func errWrongCredentials() error {
	return latchkey.Errorf(latchkey.KindUnauthorized, "wrong_credentials", "the e-mail address or the password is wrong")
}

// chargeSignIn bounds the guesses of one source, for one address and in all.
// The address alone has no bound: a stranger could shut its owner out with it.
// Nor can a stranger of the same source: a known browser has tries of its own,
// and those of its source after them.
func (a *Authority) chargeSignIn(ctx context.Context, v Visitor, email, browser string) error {
	source, window := network(v.IP), a.now().Truncate(signInWindow)
	if browser != "" {
		own := latchkey.Bucket{Name: "sign_in_known:" + browser, Window: window, Limit: a.limits.SignInsPerAddress}
		if room, err := a.store.ChargeBucket(ctx, own); err != nil || room {
			return err
		}
	}
	sum := sha256.Sum256([]byte(email))
	for _, b := range []latchkey.Bucket{
		{Name: "sign_in:" + source, Window: window, Limit: a.limits.SignInsPerSource},
		{Name: "sign_in:" + source + ":" + hex.EncodeToString(sum[:8]), Window: window, Limit: a.limits.SignInsPerAddress},
	} {
		ok, err := a.store.ChargeBucket(ctx, b)
		if err != nil {
			return err
		}
		if !ok {
			return a.wait("too many sign-ins from here; wait a few minutes", window)
		}
	}
	return nil
}

// wait refuses until the window of time is over.
func (a *Authority) wait(message string, window time.Time) error {
	e := latchkey.Errorf(latchkey.KindLimit, "too_many_sign_ins", "%s", message)
	e.RetryAfter = int(window.Add(signInWindow).Sub(a.now())/time.Second) + 1
	return e
}

// network is the address, or its /64 for IPv6: one subscriber has all of it.
func network(ip string) string {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	if addr = addr.Unmap(); addr.Is6() {
		if p, err := addr.Prefix(64); err == nil {
			return p.String()
		}
	}
	return addr.String()
}

// signInFailed records the try, for unknown addresses too: the same work, so
// the same time.
func (a *Authority) signInFailed(ctx context.Context, actor latchkey.Actor, email string) error {
	act := a.activity(actor, latchkey.ActSignInFailed)
	if actor.MemberID != "" {
		act.Subject = email
	} else {
		act.Note = "an address that nobody has"
	}
	if err := a.store.Record(ctx, act); err != nil {
		return err
	}
	return errWrongCredentials()
}

func (a *Authority) startSession(ctx context.Context, actor latchkey.Actor, member latchkey.Member, browser string) (SignedIn, error) {
	factors, err := a.store.Factors(ctx, member.ID)
	if err != nil {
		return SignedIn{}, err
	}
	now, token := a.now(), newToken()
	session := latchkey.Session{
		ID: latchkey.NewID("ses"), MemberID: member.ID, Full: len(factors) == 0, IP: actor.IP,
		UserAgent: shorten(actor.UserAgent, 200), CreatedAt: now, LastSeen: now, EndsAt: now.Add(a.limits.SessionLife),
	}
	if !session.Full {
		session.EndsAt = now.Add(a.limits.PendingLife)
	}
	actor.SessionID = session.ID
	act := a.activity(actor, latchkey.ActSignedIn)
	act.Subject = member.Email
	in := SignedIn{Token: token, Session: session, Member: member}
	var second *latchkey.Opening
	if !session.Full {
		opening := a.open(actor, latchkey.OpSignIn, latchkey.Key{}, latchkey.Draft{Summary: "sign in", Browser: browser})
		opening.Activity.Subject, opening.Activity.Note = member.Email, "password accepted; the second factor is asked for"
		act = latchkey.Activity{} // nobody has signed in yet: that entry comes with the second factor
		a.chooseFirst(&opening, factors)
		if err := a.chargeOpening(ctx, actor, opening.Pending); err != nil {
			return SignedIn{}, err
		}
		second = &opening
		step, err := a.prompted(ctx, a.step(opening.Pending, factors))
		if err != nil {
			return SignedIn{}, err
		}
		in.Step = &step
	}
	if err := a.store.StartSession(ctx, session, hashToken(token), second, act); err != nil {
		return SignedIn{}, err
	}
	return in, nil
}

// Authenticate finds who holds a session token. The session may not be full
// yet: then the actor has no role, and only its own sign_in pending and signing
// out are within reach.
func (a *Authority) Authenticate(ctx context.Context, token, ip string) (latchkey.Actor, latchkey.Session, latchkey.Member, error) {
	refuse := func(code, text string) (latchkey.Actor, latchkey.Session, latchkey.Member, error) {
		return latchkey.Actor{}, latchkey.Session{}, latchkey.Member{}, latchkey.Errorf(latchkey.KindUnauthorized, code, "%s", text)
	}
	if token == "" {
		return refuse("not_signed_in", "sign in first")
	}
	session, member, err := a.store.SessionByToken(ctx, hashToken(token))
	if errors.Is(err, latchkey.ErrNotFound) {
		return refuse("not_signed_in", "sign in first")
	}
	if err != nil {
		return latchkey.Actor{}, latchkey.Session{}, latchkey.Member{}, err
	}
	now := a.now()
	if !now.Before(session.EndsAt) || !now.Before(session.LastSeen.Add(a.limits.SessionIdle)) {
		return refuse("session_ended", "the session has ended; sign in again")
	}
	if now.Sub(session.LastSeen) >= time.Minute { // one write a minute is exact enough for an hour
		err := a.store.TouchSession(ctx, session.ID, now)
		if errors.Is(err, latchkey.ErrNotFound) { // it was ended just now
			return refuse("not_signed_in", "sign in first")
		}
		if err != nil {
			return latchkey.Actor{}, latchkey.Session{}, latchkey.Member{}, err
		}
	}
	actor := latchkey.Actor{
		Source: latchkey.SourceConsole, AccountID: member.AccountID, MemberID: member.ID,
		SessionID: session.ID, IP: ip, UserAgent: session.UserAgent,
	}
	if session.Full {
		actor.Role = member.Role
	}
	return actor, session, member, nil
}

// SignOut ends the actor's own session; its open pendings are cancelled.
func (a *Authority) SignOut(ctx context.Context, actor latchkey.Actor) error {
	if err := mustHaveSession(actor); err != nil {
		return err
	}
	return a.store.EndSession(ctx, actor.MemberID, actor.SessionID, a.activity(actor, latchkey.ActSignedOut))
}

// Sessions lists the actor's own sessions that have not ended.
func (a *Authority) Sessions(ctx context.Context, actor latchkey.Actor) ([]latchkey.Session, error) {
	if err := mustBeMember(actor); err != nil {
		return nil, err
	}
	all, err := a.store.Sessions(ctx, actor.MemberID)
	now, live := a.now(), all[:0]
	for _, s := range all {
		if now.Before(s.EndsAt) && now.Before(s.LastSeen.Add(a.limits.SessionIdle)) {
			live = append(live, s)
		}
	}
	return live, err
}

// EndSession ends one of the actor's own sessions.
func (a *Authority) EndSession(ctx context.Context, actor latchkey.Actor, sessionID string) error {
	if err := mustBeMember(actor); err != nil {
		return err
	}
	return a.store.EndSession(ctx, actor.MemberID, sessionID, a.activity(actor, latchkey.ActSignedOut))
}

// ChangePassword sets a new password and ends all other sessions.
func (a *Authority) ChangePassword(ctx context.Context, actor latchkey.Actor, old, new string) error {
	if err := a.checkPassword(ctx, actor, old); err != nil {
		return err
	}
	member, _, err := a.store.Member(ctx, actor.MemberID)
	if err != nil {
		return err
	}
	hash, err := a.hashFor(ctx, member, new)
	if err != nil {
		return err
	}
	act := a.activity(actor, latchkey.ActPasswordChanged)
	act.Subject = member.Email
	return a.store.SetPassword(ctx, member.ID, hash, actor.SessionID, act, noticeTo(member.ID)...)
}

// checkPassword asks for the password again within a session: what changes a
// factor must not be open to who finds an unlocked screen. Guesses are bounded.
func (a *Authority) checkPassword(ctx context.Context, actor latchkey.Actor, password string) error {
	if err := mustBeMember(actor); err != nil {
		return err
	}
	window := a.now().Truncate(signInWindow)
	ok, err := a.store.ChargeBucket(ctx, latchkey.Bucket{Name: "password:" + actor.MemberID, Window: window, Limit: a.limits.SignInsPerAddress})
	if err != nil {
		return err
	}
	if !ok {
		return a.wait("too many tries of the password; wait a few minutes", window)
	}
	_, hash, err := a.store.Member(ctx, actor.MemberID)
	if err != nil {
		return err
	}
	ok, err = a.passwords.matches(ctx, password, hash, true)
	if err != nil {
		return err
	}
	if !ok {
		act := a.activity(actor, latchkey.ActRefused)
		act.Note = "the password was asked for again, and was wrong"
		if err := a.store.Record(ctx, act); err != nil {
			return err
		}
		return latchkey.Invalid("password", "wrong_password", "the password is wrong")
	}
	return nil
}

// newToken makes a session token of 256 bits.
func newToken() string {
	var raw [32]byte
	rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// hashToken is what the store keeps: a stolen database opens no session.
func hashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// shorten cuts a client's text to at most n bytes of valid UTF-8.
func shorten(s string, n int) string {
	return strings.ToValidUTF8(s[:min(n, len(s))], "")
}
