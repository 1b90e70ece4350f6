package latchkey

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Action is one method of the exchange's API as the gateway enforces it.
type Action struct {
	Name       string      `json:"name"`       // do_my_new_order
	Permission Permissions `json:"-"`          // exactly one flag; 0 when only public
	Cost       int         `json:"cost"`       // points of a private call
	PublicCost int         `json:"publicCost"` // points of a public call; 0 when not public
	REST       bool        `json:"rest"`       // private over REST
	WS         bool        `json:"ws"`         // private over WebSocket
	PublicREST bool        `json:"publicRest"` // without a key over REST
	PublicWS   bool        `json:"publicWs"`   // without a key over WebSocket
	Mutating   bool        `json:"mutating"`   // changes state: a second copy of the same request is refused
	OnBehalf   bool        `json:"onBehalf"`   // X-ON-BEHALF-OF-USER-ID may pass
	Deprecated bool        `json:"deprecated"`
	Group      string      `json:"group"`   // heading on the API methods page
	Purpose    string      `json:"purpose"` // one line
}

// Private reports whether the action can be called with a key.
func (a Action) Private() bool { return a.REST || a.WS }

// Public reports whether the action can be called without a key.
func (a Action) Public() bool { return a.PublicREST || a.PublicWS }

var actionName = regexp.MustCompile(`^[a-z][a-z0-9_]{1,63}$`)

// Check returns what is wrong with the action, or nil. An action that could
// pass unguarded (no permission, no cost, no transport) is wrong.
func (a Action) Check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("action %q: %s", clip(a.Name), fmt.Sprintf(format, args...))
	}
	switch {
	case !actionName.MatchString(a.Name):
		return bad("a name is 2 to 64 characters of a-z, 0-9 and _, and starts with a letter")
	case !a.Private() && !a.Public():
		return bad("no transport: set rest, ws, public_rest or public_ws")
	case a.Private() && !a.Permission.single():
		return bad("permission must be exactly one of read, trade, funds_internal, funds_wallet, funds_external")
	case a.Private() && (a.Cost < 1 || a.Cost > 1000):
		return bad("cost must be from 1 to 1000, not %d", a.Cost)
	case a.Public() && (a.PublicCost < 1 || a.PublicCost > 1000):
		return bad("public_cost must be from 1 to 1000, not %d", a.PublicCost)
	case a.Public() && a.Mutating:
		return bad("a public action cannot be mutating: nobody signs it")
	case a.Private() && a.Permission != Read && !a.Mutating:
		return bad("permission %s changes state, so mutating must be true", a.Permission)
	case strings.TrimSpace(a.Purpose) == "" || len(a.Purpose) > 200 || strings.ContainsFunc(a.Purpose, unprintable):
		return bad("purpose must be one line of at most 200 characters")
	}
	return nil
}

// single reports whether exactly one flag is set.
func (p Permissions) single() bool { return p != 0 && p&(p-1) == 0 && p < FundsExternal<<1 }

// Catalog is the table of all actions. It does not change after it was made,
// so it may be read from many goroutines.
type Catalog struct {
	actions []Action
	byName  map[string]int
}

// NewCatalog checks every action and returns them as a table sorted by name.
func NewCatalog(actions []Action) (*Catalog, error) {
	c := &Catalog{actions: slices.Clone(actions), byName: make(map[string]int, len(actions))}
	slices.SortFunc(c.actions, func(a, b Action) int { return strings.Compare(a.Name, b.Name) })
	for i, a := range c.actions {
		if err := a.Check(); err != nil {
			return nil, err
		}
		if _, twice := c.byName[a.Name]; twice {
			return nil, fmt.Errorf("action %q stands twice in the catalog", a.Name)
		}
		c.byName[a.Name] = i
	}
	return c, nil
}

// Lookup returns the action of that exact name. The pointer must not be
// written through.
func (c *Catalog) Lookup(name string) (*Action, bool) {
	i, ok := c.byName[name]
	if !ok {
		return nil, false
	}
	return &c.actions[i], true
}

// LookupBytes is Lookup without making a string of the name.
func (c *Catalog) LookupBytes(name []byte) (*Action, bool) {
	i, ok := c.byName[string(name)]
	if !ok {
		return nil, false
	}
	return &c.actions[i], true
}

// Actions returns a copy of all actions, sorted by name.
func (c *Catalog) Actions() []Action { return slices.Clone(c.actions) }
