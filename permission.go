package latchkey

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Permissions is a set of the five independent flags that a key may carry.
// There is no ladder: Trade does not imply Funds Internal or the reverse.
// Read is part of every set, so the zero value is not valid; use NewPermissions.
type Permissions uint8

// The five permissions of the exchange's public documentation
// (heading "API Key Permission" of each method).
const (
	Read Permissions = 1 << iota
	Trade
	FundsInternal
	FundsWallet
	FundsExternal
)

// permissionNames lists each flag once, in the order in which it is shown.
var permissionNames = []struct {
	flag    Permissions
	name    string // in SQL, JSON and on the command line
	display string // in sentences that a person reads
}{
	{Read, "read", "Read"},
	{Trade, "trade", "Trade"},
	{FundsInternal, "funds_internal", "Funds Internal"},
	{FundsWallet, "funds_wallet", "Funds Wallet"},
	{FundsExternal, "funds_external", "Funds External"},
}

// NewPermissions returns the set of the given flags and Read.
func NewPermissions(flags ...Permissions) Permissions {
	set := Read
	for _, flag := range flags {
		set |= flag
	}
	return set
}

// ParsePermissions reads names such as "trade" or "funds_internal". Read is
// added when it is missing, because it cannot be switched off. An unknown name
// is an *Error with code "invalid_permissions" that lists the known ones.
func ParsePermissions(names []string) (Permissions, error) {
	set := Read
	for _, name := range names {
		flag, ok := permissionByName(strings.TrimSpace(name))
		if !ok {
			return 0, Invalid("permissions", "invalid_permissions",
				"%q is not a permission; use read, trade, funds_internal, funds_wallet or funds_external", clip(name))
		}
		set |= flag
	}
	return set, nil
}

func permissionByName(name string) (Permissions, bool) {
	for _, p := range permissionNames {
		if p.name == name {
			return p.flag, true
		}
	}
	return 0, false
}

// Has reports whether every flag of want is in the set. Asking for nothing is
// refused: an action without a stated permission must not pass.
func (p Permissions) Has(want Permissions) bool {
	return want != 0 && p&want == want
}

// Valid reports whether the set holds Read and no unknown flag.
func (p Permissions) Valid() bool {
	return p&Read != 0 && p < FundsExternal<<1
}

// Names returns the machine names in display order, never nil.
func (p Permissions) Names() []string {
	names := make([]string, 0, len(permissionNames))
	for _, n := range permissionNames {
		if p&n.flag != 0 {
			names = append(names, n.name)
		}
	}
	return names
}

// String returns the display names, such as "Read, Trade".
func (p Permissions) String() string {
	var names []string
	for _, n := range permissionNames {
		if p&n.flag != 0 {
			names = append(names, n.display)
		}
	}
	return strings.Join(names, ", ")
}

// MarshalJSON writes the machine names as an array.
func (p Permissions) MarshalJSON() ([]byte, error) { return json.Marshal(p.Names()) }

// UnmarshalJSON reads an array of machine names; see ParsePermissions.
func (p *Permissions) UnmarshalJSON(data []byte) error {
	var names []string
	if err := json.Unmarshal(data, &names); err != nil {
		return fmt.Errorf("permissions: %w", err)
	}
	set, err := ParsePermissions(names)
	if err != nil {
		return err
	}
	*p = set
	return nil
}
