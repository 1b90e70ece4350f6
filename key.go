package latchkey

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Key is an API key without its secret.
type Key struct {
	ID          string
	AccountID   string
	Name        string // unique in the account while the key is not deleted
	Permissions Permissions
	Allowlist   Allowlist
	Status      Status
	Version     int64 // 1 at creation, one more with each change
	CreatedAt   time.Time
	UpdatedAt   time.Time
	LastUsed    time.Time // zero: never; follows the gateway with a delay of seconds
}

// Edit is what an owner wants to change. A nil field stays as it is.
type Edit struct {
	Permissions *Permissions
	Allowlist   *Allowlist
}

// Change is one line of a diff: what a person sees as "old > new".
type Change struct {
	Field string `json:"field"`
	Old   string `json:"old"`
	New   string `json:"new"`
}

// Edited returns the key with the permissions and the allowlist of the edit,
// and what changes. It does not touch k. Status and version stay: Moved makes
// the key inactive when the edit is carried out. An edit that changes nothing
// is an *Error with code "nothing_changed".
func (k Key) Edited(e Edit) (Key, []Change, error) {
	after := k
	if e.Permissions != nil {
		after.Permissions = *e.Permissions
	}
	if e.Allowlist != nil {
		after.Allowlist = *e.Allowlist
	}
	if !after.Permissions.Valid() {
		return Key{}, nil, Invalid("permissions", "invalid_permissions", "Read cannot be switched off")
	}
	changes := k.diff(after)
	if len(changes) == 0 {
		return Key{}, nil, Invalid("edit", "nothing_changed", "the edit changes neither permissions nor the IP whitelist")
	}
	return after, changes, nil
}

// Moved returns the key after an operation: the status of the lifecycle's row,
// the next version, and the time. It fails where the table has no cell.
func (k Key) Moved(op Operation, at time.Time) (Key, error) {
	rule, err := RuleFor(op, k.Status)
	if err != nil {
		return Key{}, err
	}
	k.Status, k.UpdatedAt = rule.To, at
	k.Version++
	return k, nil
}

// diff lists what differs in the fields that an owner can edit.
func (k Key) diff(after Key) []Change {
	var changes []Change
	if k.Permissions != after.Permissions {
		changes = append(changes, Change{"permissions", k.Permissions.String(), after.Permissions.String()})
	}
	if !k.Allowlist.Equal(after.Allowlist) {
		changes = append(changes, Change{"allowlist", k.Allowlist.String(), after.Allowlist.String()})
	}
	return changes
}

// Summary says in a few words what the key may do: "Read, Trade; 2 IPs".
func (k Key) Summary() string { return k.Permissions.String() + "; " + k.Allowlist.count() }

// SummaryOf says in a few words what an edit does, for a text message:
// "+ Trade, - Funds Wallet, 2 IPs".
func (k Key) SummaryOf(after Key) string {
	var parts []string
	for _, p := range permissionNames {
		had, has := k.Permissions&p.flag != 0, after.Permissions&p.flag != 0
		switch {
		case has && !had:
			parts = append(parts, "+ "+p.display)
		case had && !has:
			parts = append(parts, "- "+p.display)
		}
	}
	if !k.Allowlist.Equal(after.Allowlist) {
		parts = append(parts, after.Allowlist.count())
	}
	return strings.Join(parts, ", ")
}

func (a Allowlist) count() string {
	switch n := len(a.prefixes); n {
	case 0:
		return "any IP"
	case 1:
		return "1 IP"
	default:
		return strconv.Itoa(n) + " IPs"
	}
}

// Added returns the entries that are in a and not in b, in order.
func (a Allowlist) Added(b Allowlist) []string {
	var out []string
	for _, p := range a.prefixes {
		if !slices.Contains(b.prefixes, p) {
			out = append(out, prefixText(p))
		}
	}
	return out
}
