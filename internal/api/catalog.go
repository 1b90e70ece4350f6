package api

import (
	"context"

	"latchkey"
)

// Catalog is what the gateway enforces.
type Catalog struct {
	Permissions []Permission `json:"permissions" doc:"The five permissions, in the order in which they are shown."`
	Actions     []Action     `json:"actions" doc:"Every method, by name."`
	Gateway     string       `json:"gateway,omitempty" doc:"Base URL of the gateway as bots reach it; absent: the operator did not say."`
}

// Permission is one of the five flags.
type Permission struct {
	Name    string `json:"name" enum:"read,trade,funds_internal,funds_wallet,funds_external" doc:"For programs." example:"funds_internal"`
	Display string `json:"display" doc:"For people." example:"Funds Internal"`
}

// Action is one method of the exchange's API.
type Action struct {
	Name       string `json:"name" doc:"As a bot calls it." example:"do_my_new_order"`
	Group      string `json:"group" doc:"The heading under which it is shown." example:"Orders"`
	Purpose    string `json:"purpose" doc:"One line." example:"Place an order."`
	Permission string `json:"permission,omitempty" enum:"read,trade,funds_internal,funds_wallet,funds_external" doc:"What a key needs; absent when the method needs no key." example:"trade"`
	Cost       int    `json:"cost" doc:"Points of a call with a key." example:"1"`
	PublicCost int    `json:"publicCost" doc:"Points of a call without a key." example:"0"`
	REST       bool   `json:"rest" doc:"With a key over REST." example:"true"`
	WS         bool   `json:"ws" doc:"With a key over WebSocket." example:"true"`
	PublicREST bool   `json:"publicRest" doc:"Without a key over REST." example:"false"`
	PublicWS   bool   `json:"publicWs" doc:"Without a key over WebSocket." example:"false"`
	Mutating   bool   `json:"mutating" doc:"Changes state; a second copy of the same request is refused." example:"true"`
	OnBehalf   bool   `json:"onBehalf" doc:"May be called on behalf of another user." example:"false"`
	Deprecated bool   `json:"deprecated" doc:"Will go." example:"false"`
}

// five lists the flags in display order.
var five = []latchkey.Permissions{
	latchkey.Read, latchkey.Trade, latchkey.FundsInternal, latchkey.FundsWallet, latchkey.FundsExternal,
}

// catalog is open to anyone: it is the exchange's published documentation, and
// holds nothing of any account.
func (s *server) catalog(context.Context, caller, *struct{}) (*answer[Catalog], error) {
	return &answer[Catalog]{Catalog{shaped(five, permission), shaped(s.Catalog.Actions(), action), s.Gateway}}, nil
}

// permission is called with single flags only; Names of them has one element.
func permission(p latchkey.Permissions) Permission { return Permission{p.Names()[0], p.String()} }

// action leaves the permission out where no key can call the method: an empty
// name would read as "none needed" beside a key.
func action(a latchkey.Action) Action {
	out := Action{
		Name: a.Name, Group: a.Group, Purpose: a.Purpose, Cost: a.Cost, PublicCost: a.PublicCost, REST: a.REST, WS: a.WS,
		PublicREST: a.PublicREST, PublicWS: a.PublicWS, Mutating: a.Mutating, OnBehalf: a.OnBehalf, Deprecated: a.Deprecated,
	}
	if a.Private() {
		out.Permission = a.Permission.Names()[0]
	}
	return out
}

// checkAllowlistInput is bounded by the size of the body alone: a paste may be
// long and still be cut down by its owner.
type checkAllowlistInput struct {
	Body struct {
		Text string `json:"text" doc:"What was pasted: entries separated by spaces, semicolons, commas or newlines." example:"192.0.2.7; 10.0.0.0/8, 192.0.2.7 300.1.1.1"`
	}
}

// Checked is a pasted allowlist, entry by entry.
type Checked struct {
	Entries   []Entry  `json:"entries" doc:"Every entry with its verdict, in the order of the text."`
	Allowlist []string `json:"allowlist" doc:"The good ones in canonical form, as an edit takes them." example:"[\"10.0.0.0/8\",\"192.0.2.7\"]"`
	Valid     bool     `json:"valid" doc:"Whether no entry is invalid and the list is not too long." example:"false"`
}

// Entry is one entry of a pasted allowlist.
type Entry struct {
	Text    string `json:"text" doc:"As it was pasted, shortened when long." example:"10.0.0.0/8"`
	Verdict string `json:"verdict" enum:"valid,duplicate,warning,invalid" doc:"Duplicates are dropped; with a warning it is kept." example:"warning"`
	Prefix  string `json:"prefix,omitempty" doc:"The canonical form." example:"10.0.0.0/8"`
	Covers  string `json:"covers,omitempty" doc:"How many addresses it covers, in decimal." example:"16777216"`
	Reason  string `json:"reason,omitempty" doc:"Why it is not plainly valid." example:"private (RFC 1918): never matches a client from outside"`
}

// checkAllowlist judges with the code that a later edit judges with, so that
// the chips of the console never promise what the edit refuses.
func (s *server) checkAllowlist(_ context.Context, _ caller, in *checkAllowlistInput) (*answer[Checked], error) {
	list, judged := latchkey.ParseAllowlist(in.Body.Text)
	var whole []string // no entry at all is the empty list: any address
	if len(judged) > 0 {
		whole = []string{in.Body.Text}
	}
	_, err := latchkey.NewAllowlist(whole)
	entries := shaped(judged, func(e latchkey.Entry) Entry {
		return Entry{e.Text, string(e.Verdict), e.Prefix, e.Covers, e.Reason}
	})
	return &answer[Checked]{Checked{entries, list.Strings(), err == nil}}, nil
}

// Health is the answer of a node that serves.
type Health struct {
	Status string `json:"status" enum:"ok" doc:"A node that cannot serve answers 503." example:"ok"`
}

// health logs the cause and keeps it from the answer: anyone may ask.
func (s *server) health(ctx context.Context, _ caller, _ *struct{}) (*answer[Health], error) {
	if s.Health != nil {
		if err := s.Health(ctx); err != nil {
			s.Log.ErrorContext(ctx, "unhealthy", "error", err)
			return nil, latchkey.Errorf(latchkey.KindUnavailable, "unhealthy", "this node cannot serve now")
		}
	}
	return &answer[Health]{Health{"ok"}}, nil
}
