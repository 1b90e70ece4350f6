package api

import (
	"context"

	"latchkey"
	"latchkey/internal/authority"
)

// Keys are all keys of the account and how many it may have.
type Keys struct {
	Items []Key `json:"items" doc:"The keys that are not deleted."`
	Most  int   `json:"most" doc:"The most keys that an account may have." example:"5"`
}

// keys has no pages: an account has few keys, by the limit that the answer
// tells.
func (s *server) keys(ctx context.Context, c caller, _ *struct{}) (*answer[Keys], error) {
	all, err := s.Authority.Keys(ctx, c.Actor)
	if err != nil {
		return nil, err
	}
	refused, err := s.Authority.RefusedByHour(ctx, c.Actor)
	live := s.liveSessions(ctx, c)
	row := func(k latchkey.Key) Key {
		out, hours := key(k), refused[k.ID]
		out.Live = live(k.ID)
		out.Refused = hours[:] // of a key without refused calls: zeros
		return out
	}
	return &answer[Keys]{Keys{shaped(all, row), s.Limits.KeysPerAccount}}, err
}

// key answers 404 for a key of another account, as for one that never was:
// whether an id exists is nobody else's to know.
func (s *server) key(ctx context.Context, c caller, in *Ref) (*answer[Key], error) {
	k, err := s.Authority.Key(ctx, c.Actor, in.ID)
	return &answer[Key]{key(k)}, err
}

// createKeyInput keeps the raw body for the digest of the idempotency key: it
// holds no secret, and every byte of it was asked for.
type createKeyInput struct {
	Once
	RawBody []byte
	Body    struct {
		Name        string   `json:"name" doc:"1 to 64 visible characters, unique in the account." example:"bot-1"`
		Permissions []string `json:"permissions" enum:"read,trade,funds_internal,funds_wallet,funds_external" doc:"What the key may do; read is added when it is missing." example:"[\"read\",\"trade\"]"`
		Allowlist   []string `json:"allowlist" doc:"One address or prefix an entry. Empty: any address." example:"[\"192.0.2.7\",\"198.51.100.0/24\"]"`
	}
}

// createKey makes nothing yet. Id and secret come with the confirmation.
func (s *server) createKey(ctx context.Context, c caller, in *createKeyInput) (*begun, error) {
	permissions, err := latchkey.ParsePermissions(in.Body.Permissions)
	if err != nil {
		return nil, err
	}
	allowlist, err := allowlistOf(in.Body.Allowlist)
	if err != nil {
		return nil, err
	}
	want := authority.NewKey{Name: in.Body.Name, Permissions: permissions, Allowlist: allowlist}
	return begin(s.Authority.Create(ctx, c.Actor, want, in.of("POST /v1/keys", string(in.RawBody))))
}

// allowlistOf reads entries of which each is one address or prefix. Splitting
// one further would make more of it than its sender counted.
func allowlistOf(entries []string) (latchkey.Allowlist, error) {
	for _, entry := range entries {
		if _, judged := latchkey.ParseAllowlist(entry); len(judged) != 1 {
			return latchkey.Allowlist{}, latchkey.Invalid("allowlist", "invalid_allowlist", "each entry is one address or prefix, without separators")
		}
	}
	return latchkey.NewAllowlist(entries)
}

// editKeyInput tells an absent list (as it is) from an empty one (none, any
// address): the two must never be mixed up, an empty whitelist opens the key.
type editKeyInput struct {
	Ref
	Body struct {
		Version     int64    `json:"version" minimum:"1" doc:"The version that was edited." example:"3"`
		Permissions []string `json:"permissions,omitempty" enum:"read,trade,funds_internal,funds_wallet,funds_external" doc:"The new permissions; absent: as they are." example:"[\"read\",\"trade\"]"`
		Allowlist   []string `json:"allowlist,omitempty" doc:"The new list; absent: as it is, empty: any address." example:"[\"192.0.2.7\"]"`
	}
}

// editKey hands on only what was named. That something changes at all is the
// authority's to judge, against the version that the owner saw.
func (s *server) editKey(ctx context.Context, c caller, in *editKeyInput) (*begun, error) {
	var edit latchkey.Edit
	if in.Body.Permissions != nil {
		permissions, err := latchkey.ParsePermissions(in.Body.Permissions)
		if err != nil {
			return nil, err
		}
		edit.Permissions = &permissions
	}
	if in.Body.Allowlist != nil {
		allowlist, err := allowlistOf(in.Body.Allowlist)
		if err != nil {
			return nil, err
		}
		edit.Allowlist = &allowlist
	}
	return begin(s.Authority.Edit(ctx, c.Actor, in.ID, in.Body.Version, edit))
}

// activateKeyInput names the version, so that the code in the mail is for the
// permissions and addresses that were on the screen.
type activateKeyInput struct {
	Ref
	Body struct {
		Version int64 `json:"version" minimum:"1" doc:"The version that was seen." example:"4"`
	}
}

// activateKey opens the pending whose code goes out by e-mail.
func (s *server) activateKey(ctx context.Context, c caller, in *activateKeyInput) (*begun, error) {
	return begin(s.Authority.Activate(ctx, c.Actor, in.ID, in.Body.Version))
}

// Deactivated is a key that was stopped at once.
type Deactivated struct {
	Key     Key      `json:"key" doc:"The key as it is now."`
	Receipt *Receipt `json:"receipt" doc:"Where the change is in force."`
}

// deactivateKey names no version: stopping a key must work whatever has happened
// to it in the meantime.
func (s *server) deactivateKey(ctx context.Context, c caller, in *Ref) (*answer[Deactivated], error) {
	k, r, err := s.Authority.Deactivate(ctx, c.Actor, in.ID)
	return &answer[Deactivated]{Deactivated{key(k), receipt(r)}}, err
}

// deleteKeyInput has the version in the query: a DELETE has no body that every
// proxy carries.
type deleteKeyInput struct {
	Ref
	Version int64 `query:"version" required:"true" minimum:"1" doc:"The version that was seen." example:"4"`
}

// deleteKey only begins; a key that waits for its deletion still works.
func (s *server) deleteKey(ctx context.Context, c caller, in *deleteKeyInput) (*begun, error) {
	return begin(s.Authority.Delete(ctx, c.Actor, in.ID, in.Version))
}
