package main

import (
	"context"
	"fmt"

	"latchkey/internal/operator"
)

type keyCmd struct {
	Create     keyCreateCmd     `cmd:"" help:"Create a key and print its id and secret, once."`
	List       keyListCmd       `cmd:"" help:"List keys."`
	Show       keyShowCmd       `cmd:"" help:"Show one key."`
	Activate   keyActivateCmd   `cmd:"" help:"Activate a key as it stands."`
	Deactivate keyDeactivateCmd `cmd:"" help:"Stop a key at once."`
	Delete     keyDeleteCmd     `cmd:"" help:"Delete a key for ever."`
	Sessions   keySessionsCmd   `cmd:"" help:"List the WebSocket sessions that bots have open with a key."`
	EndSession keyEndSessionCmd `cmd:"" help:"End one of them; the bot may open another one."`
}

type keyCreateCmd struct {
	doorFlags
	Account     string   `required:"" placeholder:"NAME" help:"Name or id of the account."`
	Name        string   `required:"" help:"Name of the key, unique in the account."`
	Permissions []string `default:"read" help:"read, trade, funds_internal, funds_wallet, funds_external; Read is always on."`
	IP          []string `name:"ip" sep:"none" placeholder:"ADDRESS" help:"Address or prefix that may use the key; any address when none is given. Repeat it for more."`
	Active      bool     `help:"Activate it at once: recorded as an act of its own."`
}

// Run creates a key.
func (c *keyCreateCmd) Run(ctx context.Context, s streams) error {
	var k operator.Key
	args := operator.KeyArgs{Account: c.Account, Name: c.Name, Permissions: c.Permissions, Allowlist: c.IP, Active: c.Active}
	if err := c.run(ctx, "key.create", args, &k); err != nil {
		return err
	}
	return c.show(s, k, func() {
		fmt.Fprintf(s.out, "id:     %s\nsecret: %s\nstatus: %s\nThe secret is not shown again.\n", k.ID, k.Secret, k.Status)
	})
}

type keyListCmd struct {
	doorFlags
	Account string `placeholder:"NAME" help:"Name or id of the account; all accounts when empty."`
}

// Run lists keys.
func (c *keyListCmd) Run(ctx context.Context, s streams) error {
	var keys []operator.Key
	if err := c.run(ctx, "key.list", operator.AccountArgs{Account: c.Account}, &keys); err != nil {
		return err
	}
	return c.show(s, keys, func() {
		for _, k := range keys {
			printKey(s, k)
		}
		if len(keys) == 0 {
			fmt.Fprintln(s.err, "no keys")
		}
	})
}

// keyIDFlags are common to the commands about one key.
type keyIDFlags struct {
	doorFlags
	ID string `arg:"" help:"Public id of the key."`
}

// about carries out one command about the key and prints it.
func (f *keyIDFlags) about(ctx context.Context, s streams, op string) error {
	var k operator.Key
	if err := f.run(ctx, op, operator.IDArgs{ID: f.ID}, &k); err != nil {
		return err
	}
	return f.show(s, k, func() {
		printKey(s, k)
		if r := k.Receipt; r != nil && r.Nodes > 0 {
			fmt.Fprintf(s.err, "%d of %d gateway nodes confirmed in %.1f ms\n", r.Confirmed, r.Nodes, r.TookMS)
		}
	})
}

type (
	keyShowCmd       struct{ keyIDFlags }
	keyActivateCmd   struct{ keyIDFlags }
	keyDeactivateCmd struct{ keyIDFlags }
	keyDeleteCmd     struct{ keyIDFlags }
)

// Run shows one key.
func (c *keyShowCmd) Run(ctx context.Context, s streams) error { return c.about(ctx, s, "key.show") }

// Run activates a key.
func (c *keyActivateCmd) Run(ctx context.Context, s streams) error {
	return c.about(ctx, s, "key.activate")
}

// Run deactivates a key.
func (c *keyDeactivateCmd) Run(ctx context.Context, s streams) error {
	return c.about(ctx, s, "key.deactivate")
}

// Run deletes a key.
func (c *keyDeleteCmd) Run(ctx context.Context, s streams) error {
	return c.about(ctx, s, "key.delete")
}
