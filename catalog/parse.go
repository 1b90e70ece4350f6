package catalog

import (
	"errors"
	"fmt"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"latchkey"
)

// parse walks over the syntax tree instead of decoding into a struct: the
// library's decoder takes "5" and 5.5 for 5, and null for nothing, without a
// word, and only the tree knows the lines.
func parse(data []byte) ([]latchkey.Action, error) {
	file, err := parser.ParseBytes(data, 0) // refuses repeated fields, however they are quoted
	if err != nil {
		return nil, syntax(err)
	}
	if len(file.Docs) > 1 {
		return nil, fault(file.Docs[1].Body, "a second YAML document begins; put all actions into one")
	}
	list, err := actionList(file)
	if err != nil {
		return nil, err
	}
	actions := make([]latchkey.Action, 0, len(list))
	// NewCatalog refuses a repeated action as well, but knows no lines.
	lines := make(map[string]int, len(list))
	var faults []error
	for _, node := range list {
		action, err := readAction(node)
		if first, twice := lines[action.Name]; twice && err == nil {
			err = fault(node, "action %q stands already in line %d; remove one of the two", action.Name, first)
		}
		if err != nil {
			faults = append(faults, err)
			continue
		}
		lines[action.Name] = line(node)
		actions = append(actions, action)
	}
	return actions, errors.Join(faults...)
}

// actionList returns the entries below the only field of the file.
func actionList(file *ast.File) ([]ast.Node, error) {
	const want = "the file must be a list of actions below one field called actions"
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, errors.New("the catalog is empty; " + want)
	}
	body := file.Docs[0].Body
	top, ok := body.(*ast.MappingNode)
	if !ok || len(top.Values) == 0 {
		return nil, fault(body, want)
	}
	if len(top.Values) > 1 {
		return nil, fault(top.Values[1], "a second field begins; %s", want)
	}
	if name, ok := top.Values[0].Key.(*ast.StringNode); !ok || name.Value != "actions" {
		return nil, fault(body, "unknown field %s; %s", top.Values[0].Key, want)
	}
	list, ok := top.Values[0].Value.(*ast.SequenceNode)
	if !ok || len(list.Values) == 0 {
		return nil, fault(top.Values[0], "there is no action below actions:; a gateway with it would refuse every call")
	}
	return list.Values, nil
}

// readAction reads one entry of the list and checks it. An entry that is wrong
// anywhere gives no action: half of one could be an action without its guard.
func readAction(node ast.Node) (latchkey.Action, error) {
	var a latchkey.Action
	fields, ok := node.(*ast.MappingNode)
	if !ok {
		return a, fault(node, "an action is a group of fields that begins with - name:")
	}
	var faults []error
	for _, v := range fields.Values {
		if err := readField(&a, v); err != nil {
			faults = append(faults, err)
		}
	}
	if len(faults) == 0 {
		if err := check(a); err != nil {
			faults = append(faults, fault(node, "%w", err))
		}
	}
	if len(faults) > 0 {
		return latchkey.Action{}, errors.Join(faults...)
	}
	return a, nil
}

// readField sets one field of the action. Anchors, aliases, merges and tags are
// no node types that it knows, so they are refused as wrong values: a permission
// must stand where it is read, not somewhere else in the file.
func readField(a *latchkey.Action, v *ast.MappingValueNode) error {
	name, ok := v.Key.(*ast.StringNode)
	if !ok {
		return fault(v, "%s is not a field", v.Key)
	}
	switch name.Value {
	case "name":
		return text(v, &a.Name)
	case "group":
		return text(v, &a.Group)
	case "purpose":
		return text(v, &a.Purpose)
	case "permission":
		return permission(v, &a.Permission)
	case "cost":
		return points(v, &a.Cost)
	case "public_cost":
		return points(v, &a.PublicCost)
	case "rest":
		return flag(v, &a.REST)
	case "ws":
		return flag(v, &a.WS)
	case "public_rest":
		return flag(v, &a.PublicREST)
	case "public_ws":
		return flag(v, &a.PublicWS)
	case "mutating":
		return flag(v, &a.Mutating)
	case "on_behalf":
		return flag(v, &a.OnBehalf)
	case "deprecated":
		return flag(v, &a.Deprecated)
	}
	return fault(v, "unknown field %.64q; the fields are name, group, permission, cost, public_cost, rest, ws, "+
		"public_rest, public_ws, mutating, on_behalf, deprecated and purpose", name.Value)
}

// text refuses a bare 5 or true, which other readers of the file would not take
// for text, and null, which would silently be the empty string.
func text(v *ast.MappingValueNode, to *string) error {
	value, ok := v.Value.(*ast.StringNode)
	if !ok {
		return fault(v, "%s must be text on one line; put it between quotes", v.Key)
	}
	*to = value.Value
	return nil
}

// points reads a cost. The range is that of latchkey.Action.Check, told here
// with the line of the field itself.
func points(v *ast.MappingValueNode, to *int) error {
	value, ok := v.Value.(*ast.IntegerNode)
	if !ok {
		return fault(v, "%s must be a whole number of points, without quotes", v.Key)
	}
	// The library gives int64 to negative numbers and uint64 to the rest.
	n, ok := value.Value.(uint64)
	if !ok || n < 1 || n > 1000 {
		return fault(v, "%s must be from 1 to 1000", v.Key)
	}
	*to = int(n)
	return nil
}

// flag takes what YAML 1.2 calls a boolean. YAML 1.1 also took yes and on, and
// who writes mutating: yes must learn that it is not set.
func flag(v *ast.MappingValueNode, to *bool) error {
	value, ok := v.Value.(*ast.BoolNode)
	if !ok {
		return fault(v, "%s must be true or false (not yes, on or 1, and without quotes)", v.Key)
	}
	*to = value.Value
	return nil
}

// permission reads exactly one machine name. latchkey.ParsePermissions is not
// the tool: it adds Read to what it reads.
func permission(v *ast.MappingValueNode, to *latchkey.Permissions) error {
	var name string
	if err := text(v, &name); err != nil {
		return err
	}
	for p := latchkey.Read; p <= latchkey.FundsExternal; p <<= 1 {
		if p.Names()[0] == name {
			*to = p
			return nil
		}
	}
	return fault(v, "permission must be one of read, trade, funds_internal, funds_wallet or funds_external, not %.64q", name)
}

// check adds to the rules of the noun what can only be a slip in a file.
func check(a latchkey.Action) error {
	if err := a.Check(); err != nil {
		return err
	}
	bad := func(text string) error { return fmt.Errorf("action %q: %s", a.Name, text) }
	switch {
	case reserved(a.Name):
		return bad("the name belongs to a message of the WebSocket protocol; it cannot be an action")
	case !a.Private() && (a.Permission != 0 || a.Cost != 0):
		return bad("permission and cost are for calls with a key; set rest or ws, or remove them")
	case !a.Public() && a.PublicCost != 0:
		return bad("public_cost is for calls without a key; set public_rest or public_ws, or remove it")
	}
	return nil
}

// reserved names what the protocol uses for itself. A push must not share its
// name with an action either: clients take it for the answer to a call.
func reserved(name string) bool {
	switch name {
	case "auth", "ping", "pong", "connected", "disconnected", "account_update", "order_book_increment":
		return true
	}
	return false
}

// syntax gives the library's error the form of all others.
func syntax(err error) error {
	if e, ok := errors.AsType[yaml.Error](err); ok && e.GetToken() != nil {
		return fmt.Errorf("line %d: %s", e.GetToken().Position.Line, e.GetMessage())
	}
	return fmt.Errorf("this is not YAML: %w", err)
}

// fault is an error that names the line of a node. Format may wrap with %w.
func fault(at ast.Node, format string, args ...any) error {
	return fmt.Errorf("line %d: %w", line(at), fmt.Errorf(format, args...))
}

// line returns the line where a node begins. For a group of fields that is its
// first field: its own token is the first colon, perhaps lines below.
func line(node ast.Node) int {
	switch n := node.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 {
			return line(n.Values[0])
		}
	case *ast.MappingValueNode:
		return line(n.Key)
	case nil:
		return 0
	}
	if token := node.GetToken(); token != nil {
		return token.Position.Line
	}
	return 0
}
