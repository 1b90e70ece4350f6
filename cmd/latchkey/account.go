package main

import (
	"context"
	"fmt"

	"latchkey/internal/operator"
)

type accountCmd struct {
	Create accountCreateCmd `cmd:"" help:"Create an account."`
	List   accountListCmd   `cmd:"" help:"List accounts."`
	Show   accountShowCmd   `cmd:"" help:"Show one account."`
}

type accountCreateCmd struct {
	doorFlags
	Name string `arg:"" help:"Name of the account."`
}

// Run creates an account.
func (c *accountCreateCmd) Run(ctx context.Context, s streams) error {
	return c.one(ctx, s, "account.create", c.Name)
}

type accountShowCmd struct {
	doorFlags
	Name string `arg:"" help:"Name or id of the account."`
}

// Run shows an account.
func (c *accountShowCmd) Run(ctx context.Context, s streams) error {
	return c.one(ctx, s, "account.show", c.Name)
}

// one carries out a command that answers one account, and prints it.
func (f doorFlags) one(ctx context.Context, s streams, op, name string) error {
	var a operator.Account
	if err := f.run(ctx, op, operator.AccountArgs{Account: name}, &a); err != nil {
		return err
	}
	return f.show(s, a, func() { fmt.Fprintf(s.out, "%s  %q\n", a.ID, a.Name) })
}

type accountListCmd struct{ doorFlags }

// Run lists accounts.
func (c *accountListCmd) Run(ctx context.Context, s streams) error {
	var all []operator.Account
	if err := c.run(ctx, "account.list", struct{}{}, &all); err != nil {
		return err
	}
	return c.show(s, all, func() {
		for _, a := range all {
			fmt.Fprintf(s.out, "%s  %q\n", a.ID, a.Name)
		}
	})
}
