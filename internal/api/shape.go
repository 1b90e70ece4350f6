package api

import (
	"time"

	"github.com/danielgtaylor/huma/v2"

	"latchkey"
)

// Moment is a time in answers: RFC 3339, UTC, milliseconds.
type Moment time.Time

// MarshalJSON writes the one form.
func (m Moment) MarshalJSON() ([]byte, error) {
	return []byte(time.Time(m).UTC().Format(`"2006-01-02T15:04:05.000Z"`)), nil
}

// Schema describes a Moment in the OpenAPI document.
func (Moment) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "date-time", Examples: []any{"2026-03-01T12:00:00.000Z"}}
}

// moment returns nil for the zero time, which leaves the member out.
func moment(t time.Time) *Moment {
	if t.IsZero() {
		return nil
	}
	m := Moment(t)
	return &m
}

// answer is a success with a body.
type answer[T any] struct{ Body T }

// List is an object around items, so that members can join it later.
type List[T any] struct {
	Items []T `json:"items" doc:"Everything there is."`
}

// listOf shapes a whole list.
func listOf[F, T any](from []F, shape func(F) T) *answer[List[T]] {
	return &answer[List[T]]{List[T]{shaped(from, shape)}}
}

// shaped converts a slice; never nil, which JSON would show as null.
func shaped[F, T any](from []F, shape func(F) T) []T {
	out := make([]T, len(from))
	for i, f := range from {
		out[i] = shape(f)
	}
	return out
}

// Person is a member of an account.
type Person struct {
	ID    string `json:"id" doc:"The member's id." example:"mem_0v4k8m2q6t1x5z9c3f7h0j4n8p"`
	Email string `json:"email" doc:"The address that signs in and gets the codes." example:"owner@example.com"`
	Role  string `json:"role" enum:"owner,subuser" doc:"An account has exactly one owner; only the owner reaches keys." example:"owner"`
}

// person leaves out the account: all members that one sees are of one's own.
func person(m latchkey.Member) Person { return Person{m.ID, m.Email, string(m.Role)} }

// Session is one sign-in of the member.
type Session struct {
	ID        string `json:"id" doc:"The session's id; not its token." example:"ses_1w5m9q3t7x0z4c8f2h6j1n5p9r"`
	Current   bool   `json:"current" doc:"Whether this request came with it." example:"true"`
	Full      bool   `json:"full" doc:"False while the second factor of the sign-in is missing; such a session reaches nothing else." example:"true"`
	IP        string `json:"ip" doc:"Where it was opened from." example:"198.51.100.7"`
	UserAgent string `json:"userAgent" doc:"What the browser called itself." example:"Mozilla/5.0"`
	CreatedAt Moment `json:"createdAt" doc:"When it was opened."`
	LastSeen  Moment `json:"lastSeen" doc:"When it was used last, to the minute."`
	IdleAt    Moment `json:"idleAt" doc:"When it ends unless it is used before."`
	EndsAt    Moment `json:"endsAt" doc:"When it ends in any case."`
}

// session shows a session to its member, who came with the current one.
func (s *server) session(of latchkey.Session, current string) Session {
	idle := of.LastSeen.Add(s.Limits.SessionIdle)
	if idle.After(of.EndsAt) {
		idle = of.EndsAt
	}
	return Session{
		ID: of.ID, Current: of.ID == current, Full: of.Full, IP: of.IP, UserAgent: of.UserAgent,
		CreatedAt: Moment(of.CreatedAt), LastSeen: Moment(of.LastSeen), IdleAt: Moment(idle), EndsAt: Moment(of.EndsAt),
	}
}

// Factor is a second factor of the member.
type Factor struct {
	ID        string  `json:"id" doc:"The factor's id." example:"fac_2x6n0r4v8z1d5g9j3m7q1t5w9y"`
	Kind      string  `json:"kind" enum:"totp,sms,passkey" doc:"An authenticator app, text messages, or a passkey." example:"totp"`
	Label     string  `json:"label" doc:"How the member tells it; of a phone only the last digits, of a passkey its name." example:"Authenticator app"`
	CreatedAt Moment  `json:"createdAt" doc:"When it was enrolled."`
	LastUsed  *Moment `json:"lastUsed,omitempty" doc:"When it proved something last; absent: never."`
}

// factor never has more of a phone than its label, which is masked already.
func factor(f latchkey.Factor) Factor {
	return Factor{f.ID, string(f.Kind), f.Label, Moment(f.CreatedAt), moment(f.LastUsed)}
}

// Key is an API key without its secret.
type Key struct {
	ID          string   `json:"id" doc:"The public id that a bot sends with each call." example:"lk_7m2q9t4x0z5c1f6h3j8n"`
	Name        string   `json:"name" doc:"The owner's name for it, unique in the account." example:"bot-1"`
	Status      string   `json:"status" enum:"inactive,active,deleted" doc:"Only an active key works. A deleted one is shown once, by its deletion." example:"active"`
	Permissions []string `json:"permissions" enum:"read,trade,funds_internal,funds_wallet,funds_external" doc:"What the key may do; read is always there." example:"[\"read\",\"trade\"]"`
	Allowlist   []string `json:"allowlist" doc:"The addresses and prefixes that may use it, in canonical form. Empty: any address." example:"[\"192.0.2.7\",\"198.51.100.0/24\"]"`
	Version     int64    `json:"version" minimum:"1" doc:"Goes up with each change; operations name the version that was seen." example:"3"`
	CreatedAt   Moment   `json:"createdAt" doc:"When it was created."`
	UpdatedAt   Moment   `json:"updatedAt" doc:"When it was changed last."`
	LastUsed    *Moment  `json:"lastUsed,omitempty" doc:"When a call with it was allowed last, to some seconds; absent: never."`
	Refused     []int64  `json:"refusedByHour,omitempty" minItems:"24" maxItems:"24" doc:"In the list of keys: refused calls of the last 24 hours, the oldest hour first; the last one runs. Hours begin as those of UTC." example:"[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,3,1]"`
	Live        *int     `json:"liveSessions,omitempty" minimum:"0" doc:"In the list of keys: WebSocket sessions that bots have open with it now; absent: not known at the moment." example:"2"`
}

// key has no way to the secret: latchkey.Key does not carry it.
func key(k latchkey.Key) Key {
	return Key{
		ID: k.ID, Name: k.Name, Status: string(k.Status), Permissions: k.Permissions.Names(), Allowlist: k.Allowlist.Strings(),
		Version: k.Version, CreatedAt: Moment(k.CreatedAt), UpdatedAt: Moment(k.UpdatedAt), LastUsed: moment(k.LastUsed),
	}
}

// Change is one line of a diff.
type Change struct {
	Field string `json:"field" doc:"What changes." example:"permissions"`
	Old   string `json:"old" doc:"As it is, in words." example:"Read"`
	New   string `json:"new" doc:"As it will be, in words." example:"Read, Trade"`
}

// change converts: both have the same fields, only the tags differ.
func change(c latchkey.Change) Change { return Change(c) }

// Receipt says how many gateway nodes confirmed that they apply a change.
type Receipt struct {
	Nodes     int      `json:"nodes" doc:"Nodes that were running." example:"4"`
	Confirmed int      `json:"confirmed" doc:"Nodes that confirmed; the others stop by themselves." example:"3"`
	Silent    []string `json:"silent,omitempty" doc:"Names of the others. Each refuses every signed call by now." example:"[\"gateway-3\"]"`
	TookMs    int64    `json:"tookMs" doc:"Milliseconds until the change was in force everywhere." example:"12"`
}

// receipt writes the time in milliseconds; a Duration would be nanoseconds.
func receipt(r latchkey.Receipt) *Receipt {
	return &Receipt{r.Nodes, r.Confirmed, r.Silent, r.Took.Milliseconds()}
}
