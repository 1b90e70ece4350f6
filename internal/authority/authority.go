// Package authority is the management plane: the only code that changes keys,
// members and factors. Each operation on a key either happens at once or opens
// a pending, which Confirm carries out when its proof was given.
package authority

import (
	"context"
	"log/slog"
	"time"

	"latchkey"
)

// Feed brings a change to every gateway node.
type Feed interface {
	// Publish returns when the change is in force. secret is set for a new key
	// only; the nodes keep the one they have otherwise.
	Publish(ctx context.Context, key latchkey.Key, secret latchkey.Secret) (latchkey.Receipt, error)
	// Doubt stops a key whose newest state is not known: the outcome of a
	// commit was lost. It is refused until its state was read again.
	Doubt(keyID string)
}

// Config is what an Authority needs. All fields are required but Log, Sessions
// and Passkeys.
type Config struct {
	Store Store
	Feed  Feed
	// Sessions reaches the sessions of bots. Nil: this process reaches no
	// gateway, and no key has one.
	Sessions KeySessions
	Limits   latchkey.Limits
	Now      func() time.Time
	Log      *slog.Logger
	// Issuer is the name that authenticator apps show.
	Issuer string
	// ForbidSMS refuses new phone numbers as second factor (ASVS 6.6.1).
	ForbidSMS bool
	// SMSCountries are what phone numbers may begin with, in digits without the
	// "+": a country calling code, or more than that. None: all.
	SMSCountries []string
	// Passkeys checks passkeys. Nil: the console is not reached in a way that
	// browsers allow them, and none is enrolled or accepted.
	Passkeys Passkeys
}

// Authority changes keys, members and factors. It is safe for use from many
// goroutines and keeps no state of its own: what counts is in the store.
type Authority struct {
	store     Store
	feed      Feed
	sessions  KeySessions
	limits    latchkey.Limits
	now       func() time.Time
	log       *slog.Logger
	issuer    string
	forbidSMS bool
	countries []string
	passkeys  Passkeys
	passwords passwords
}

// New returns an Authority.
func New(c Config) *Authority {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Sessions == nil {
		c.Sessions = noSessions{}
	}
	return &Authority{
		store: c.Store, feed: c.Feed, sessions: c.Sessions, limits: c.Limits, now: c.Now, log: c.Log,
		issuer: c.Issuer, forbidSMS: c.ForbidSMS, countries: c.SMSCountries, passkeys: c.Passkeys, passwords: newPasswords(),
	}
}

// Visitor is who knocks before there is a session.
type Visitor struct {
	IP        string
	UserAgent string
	Browser   latchkey.Secret // what Outcome gave this browser to keep; "" for a new one
}

// Step is a pending as its member may see it.
type Step struct {
	Pending       latchkey.Pending
	Factors       []latchkey.Factor // to choose from, where a second factor proves
	TriesLeft     int
	SendsLeft     int
	CodeExpiresAt time.Time  // zero: no code was sent
	ResendAt      time.Time  // zero: nothing can be sent any more
	Enrolment     *Enrolment // only in the answer that makes a new TOTP factor
	Passkey       *Prompt    // what the browser needs while a passkey is to prove
	Repeated      bool       // the request was seen before under its idempotency key
}

// Enrolment is what an authenticator app needs, shown once.
type Enrolment struct {
	Secret latchkey.Secret // the seed in base 32
	URI    latchkey.Secret // otpauth://...
}

// Outcome is what a confirmation made. Only what the operation made is set.
type Outcome struct {
	Operation     latchkey.Operation
	Key           *latchkey.Key
	Secret        latchkey.Secret // of a key just created, shown once
	Receipt       latchkey.Receipt
	Token         string          // the session's new token after a sign-in
	Browser       latchkey.Secret // after a sign-in: for the browser to keep, see Visitor
	Session       *latchkey.Session
	Factor        *latchkey.Factor
	RecoveryCodes []string // shown once
	Next          *Step    // what has to be confirmed next
}

// NewKey is what an owner asks for with create.
type NewKey struct {
	Name        string
	Permissions latchkey.Permissions
	Allowlist   latchkey.Allowlist
}

// Idempotency lets a repeated request find what the first one opened. The zero
// value means that the caller sent no idempotency key.
type Idempotency struct {
	Key    string
	Digest string // of the request, so that another request is told apart
}

// Answer is the proof that a person gave. Exactly one field is set.
type Answer struct {
	Code     string // of the chosen factor, or from the e-mail
	Recovery string // a recovery code
	Passkey  []byte // what the browser's WebAuthn returned, as JSON
}

// mustHaveSession lets anybody pass who gave a right password, also one whose
// second step is still open: enough for that step and for signing out.
func mustHaveSession(actor latchkey.Actor) error {
	if actor.Source != latchkey.SourceConsole || actor.MemberID == "" || actor.SessionID == "" {
		return latchkey.ErrForbidden
	}
	return nil
}

// mustBeMember lets any signed-in member pass. Authenticate gives no role to a
// session that is not full, so that one passes neither here nor as an owner.
func mustBeMember(actor latchkey.Actor) error {
	if actor.Role != latchkey.RoleOwner && actor.Role != latchkey.RoleSubuser {
		return latchkey.ErrForbidden
	}
	return mustHaveSession(actor)
}

// mustOwn lets the signed-in owner pass, and nobody else.
func mustOwn(actor latchkey.Actor) error {
	if !actor.Owner() {
		return latchkey.ErrForbidden
	}
	return mustHaveSession(actor)
}

// activity starts an entry about something that the actor does now.
func (a *Authority) activity(actor latchkey.Actor, kind latchkey.ActivityType) latchkey.Activity {
	return latchkey.NewActivity(a.now(), actor, kind)
}

// notice asks for a mail to the account's owner about the deed's activity.
func notice() []latchkey.Letter {
	return []latchkey.Letter{{Kind: latchkey.LetterNotice}}
}

// noticeTo asks for a mail to one member about the deed's activity.
func noticeTo(memberID string) []latchkey.Letter {
	return []latchkey.Letter{{Kind: latchkey.LetterNotice, MemberID: memberID}}
}
