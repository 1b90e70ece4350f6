package latchkey

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"
)

// Limits are the timers and bounds of the product. The zero value is not
// usable; take DefaultLimits and change what the configuration says.
type Limits struct {
	CodeLife         time.Duration // an SMS or e-mail code lives this long
	ResendAfter      time.Duration // from then on another code may be asked for
	MaxSends         int           // codes a pending: the first and the resends
	MaxAttempts      int           // evaluations a pending, right or wrong
	WrongCodesHourly int           // wrong codes a member and hour; sign-ins count apart
	CodesHourly      int           // codes sent, a member and hour
	PendingsHourly   int           // operations begun that wait for a proof, a member and hour
	PendingLife      time.Duration
	KeysPerAccount   int
	SessionIdle      time.Duration
	SessionLife      time.Duration
	// Sign-ins, right or wrong, in a quarter of an hour: of one source in all,
	// and of one source for one address.
	SignInsPerSource  int
	SignInsPerAddress int
	LinkLife          time.Duration // a one-time link lives this long
	// Resets of a forgotten password that are asked for: by one source in an
	// hour, and for one address by anybody while such a link lives.
	ResetsPerSource  int
	ResetsPerAddress int
	// KnownBrowser is how long a browser is known after it signed a member in.
	KnownBrowser time.Duration
	SMS          SMSLimits
}

// SMSLimits bound the codes by SMS, each of which costs money, beyond what
// bounds all codes.
type SMSLimits struct {
	Number  Rate // to one number
	Account Rate // for all members of an account
	Source  Rate // asked for from one address
	Country int  // to one country calling code, in a day
}

// Rate is how often something may happen in an hour and in a day, by UTC.
type Rate struct {
	Hour int
	Day  int
}

// DefaultLimits returns the product's defaults.
func DefaultLimits() Limits {
	return Limits{
		CodeLife:         5 * time.Minute,
		ResendAfter:      2 * time.Minute,
		MaxSends:         3,
		MaxAttempts:      5,
		WrongCodesHourly: 10,
		CodesHourly:      60,
		PendingsHourly:   300,
		PendingLife:      15 * time.Minute,
		KeysPerAccount:   5,
		SessionIdle:      time.Hour,
		SessionLife:      24 * time.Hour,

		SignInsPerSource:  100,
		SignInsPerAddress: 20,

		LinkLife:         30 * time.Minute,
		ResetsPerSource:  20,
		ResetsPerAddress: 5,

		KnownBrowser: 180 * 24 * time.Hour,
		SMS: SMSLimits{
			Number: Rate{15, 40}, Account: Rate{60, 300}, Source: Rate{60, 300}, Country: 2000,
		},
	}
}

// PendingState says whether a pending can still be confirmed.
type PendingState string

// The states. Only an open pending can change anything.
const (
	PendingOpen      PendingState = "open"
	PendingConfirmed PendingState = "confirmed"
	PendingCancelled PendingState = "cancelled"
	PendingDead      PendingState = "dead" // five evaluations without success
	PendingVoid      PendingState = "void" // the key changed under it
)

// Draft is what will be written when a pending is confirmed, whole and frozen:
// never a difference that is applied to whatever is there by then.
type Draft struct {
	KeyName     string      `json:"keyName,omitempty"`
	Permissions Permissions `json:"permissions,omitempty"`
	Allowlist   Allowlist   `json:"allowlist"`
	Changes     []Change    `json:"changes,omitempty"`
	FactorID    string      `json:"factorId,omitempty"`   // the factor that is enrolled or removed
	FactorKind  FactorKind  `json:"factorKind,omitempty"` //
	FactorLabel string      `json:"factorLabel,omitempty"`
	Summary     string      `json:"summary"`           // what the code is for, as the message says it
	Browser     string      `json:"browser,omitempty"` // of a sign-in: the known browser that began it
}

// Pending is an operation that waits for its proof. It is bound to one member,
// one session, one version of the key and one content.
type Pending struct {
	ID         string
	AccountID  string
	MemberID   string
	SessionID  string
	Operation  Operation
	KeyID      string // "" where no key is concerned, or none exists yet
	KeyVersion int64
	Draft      Draft
	Digest     string // hex; see ContentDigest
	State      PendingState
	Proof      Proof
	FactorKind FactorKind // which factor proves; "" until one is chosen
	FactorID   string
	Attempts   int // evaluations so far, charged before the comparison
	Sends      int // codes sent so far
	CodeSentAt time.Time
	Code       Secret // the newest code, or the random part of a passkey's challenge; sealed at rest
	NewSecret  Secret // seed or phone number of a factor that is being enrolled; sealed at rest
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// ContentDigest binds what was shown to what is applied (PSD2 RTS article 5,
// dynamic linking): SHA-256 over everything that the proof is good for, in
// hex. It is stored with the pending and computed again before it is applied.
func (p Pending) ContentDigest() string {
	content, err := json.Marshal([]any{
		"latchkey pending v1", p.ID, p.AccountID, p.MemberID, p.SessionID, p.Operation,
		p.KeyID, p.KeyVersion, p.Draft, p.Proof, p.NewSecret.Reveal(),
	})
	if err != nil {
		return "" // cannot happen for these types; and "" never equals a stored digest
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}

// SendsCode reports whether the chosen factor needs a code to be sent.
func (p Pending) SendsCode() bool {
	return p.FactorKind == FactorSMS || p.FactorKind == FactorEmail
}

// CodeExpiresAt is the first moment at which the newest code is refused; zero
// when none was sent.
func (p Pending) CodeExpiresAt(l Limits) time.Time {
	if p.CodeSentAt.IsZero() {
		return time.Time{}
	}
	return p.CodeSentAt.Add(l.CodeLife)
}

// ResendAt is the first moment at which another code may be sent; zero when
// none will be. An expired code may be replaced at once.
func (p Pending) ResendAt(l Limits) time.Time {
	switch {
	case !p.SendsCode() || p.Sends >= l.MaxSends:
		return time.Time{}
	case p.CodeSentAt.IsZero():
		return p.CreatedAt
	}
	return p.CodeSentAt.Add(min(l.ResendAfter, l.CodeLife))
}

// CheckOpen says why the pending cannot go on at that moment, or nil.
func (p Pending) CheckOpen(l Limits, now time.Time) error {
	switch {
	case p.State == PendingConfirmed:
		return Errorf(KindConflict, "pending_confirmed", "this was confirmed already")
	case p.State == PendingCancelled:
		return Errorf(KindConflict, "pending_cancelled", "this was cancelled; nothing was changed")
	case p.State == PendingVoid:
		return Errorf(KindConflict, "key_changed", "the key was changed in the meantime; nothing was changed by this; look at the key again and start anew")
	case p.State == PendingDead || p.Attempts >= l.MaxAttempts:
		return Errorf(KindConflict, "pending_dead", "too many codes were tried; nothing was changed; start anew")
	case !now.Before(p.ExpiresAt):
		return Errorf(KindConflict, "pending_expired", "this waited too long for its confirmation; nothing was changed; start anew")
	case p.State != PendingOpen:
		return Errorf(KindConflict, "pending_closed", "this cannot be confirmed any more; nothing was changed")
	}
	return nil
}

// CheckResend says why no code may be sent at that moment, or nil.
func (p Pending) CheckResend(l Limits, now time.Time) error {
	if err := p.CheckOpen(l, now); err != nil {
		return err
	}
	if !p.SendsCode() {
		return Errorf(KindConflict, "no_code_to_send", "this factor makes its own codes; nothing is sent")
	}
	if p.Sends >= l.MaxSends {
		return Errorf(KindLimit, "no_sends_left", "%d codes were sent already; cancel and start anew", p.Sends)
	}
	if at := p.ResendAt(l); now.Before(at) {
		e := Errorf(KindLimit, "resend_too_early", "another code can be sent in %s", at.Sub(now).Round(time.Second))
		e.RetryAfter = int((at.Sub(now) + time.Second - 1) / time.Second)
		return e
	}
	return nil
}

// Letter is a message that waits in the outbox. It carries no text and no
// code: the message is made when it is sent, from what is true by then.
type Letter struct {
	Kind      LetterKind `json:"kind"`
	PendingID string     `json:"pendingId,omitempty"` // code: which pending
	Send      int        `json:"send,omitempty"`      // code: which of its sends; an older one is not sent any more
	Activity  int64      `json:"activity,omitempty"`  // notice: about which activity
	MemberID  string     `json:"memberId,omitempty"`  // notice: to whom
	LinkID    string     `json:"linkId,omitempty"`    // reset: which link; its token stands sealed there
}

// LetterKind is a kind of message.
type LetterKind string

// The kinds of messages.
const (
	LetterCode   LetterKind = "code"   // a code by SMS or e-mail
	LetterNotice LetterKind = "notice" // "your key was activated", by e-mail
	LetterReset  LetterKind = "reset"  // the link of a forgotten password, by e-mail
)

// Message is a letter made ready for one channel.
type Message struct {
	Channel FactorKind // FactorEmail or FactorSMS
	To      string
	Subject string // e-mail only
	Text    string
	// Expires is when sending it has no sense any more; zero: never.
	Expires time.Time
}

// Receipt says how many gateway nodes have applied a change.
type Receipt struct {
	Nodes     int           `json:"nodes"`
	Confirmed int           `json:"confirmed"`
	Silent    []string      `json:"silent,omitempty"` // names of those that did not confirm: they stop by themselves
	Took      time.Duration `json:"-"`
}
