package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"latchkey"
	"latchkey/internal/operator"
)

type memberCmd struct {
	Add    memberAddCmd    `cmd:"" help:"Add a member with a first password."`
	List   memberListCmd   `cmd:"" help:"List the members of an account."`
	Remove memberRemoveCmd `cmd:"" help:"Remove a sub-user, with sessions and factors."`
}

type memberAddCmd struct {
	doorFlags
	Account      string `required:"" placeholder:"NAME" help:"Name or id of the account."`
	Email        string `required:"" help:"E-mail address, which is the sign-in name."`
	Role         string `required:"" enum:"owner,subuser" help:"owner or subuser."`
	PasswordFile string `type:"path" placeholder:"FILE" help:"File with the first password; - reads standard input. When missing, one is made and printed once."`
}

// Run adds a member.
func (c *memberAddCmd) Run(ctx context.Context, s streams) error {
	password, made, err := c.password(s.in)
	if err != nil {
		return err
	}
	var answer struct {
		operator.Member
		Password string `json:"password,omitempty"`
	}
	args := operator.MemberArgs{Account: c.Account, Email: c.Email, Role: c.Role, Password: password}
	if err := c.run(ctx, "member.add", args, &answer.Member); err != nil {
		return err
	}
	if made {
		answer.Password = password
	}
	return c.show(s, answer, func() {
		fmt.Fprintf(s.out, "%s  %s  %s of %q\n", answer.ID, answer.Email, answer.Role, answer.Account)
		if made {
			fmt.Fprintf(s.out, "first password: %s\nIt is not shown again; change it after the first sign-in.\n", password)
		}
	})
}

// password reads the first password, or makes one of 130 random bits.
func (c *memberAddCmd) password(in io.Reader) (password string, made bool, err error) {
	var text []byte
	switch c.PasswordFile {
	case "":
		return latchkey.NewID("pw"), true, nil
	case "-":
		text, err = io.ReadAll(io.LimitReader(in, 4096))
	default:
		text, err = os.ReadFile(c.PasswordFile)
	}
	if err != nil {
		return "", false, usagef("--password-file: %w", err)
	}
	return strings.TrimRight(string(text), "\r\n"), false, nil
}

type memberListCmd struct {
	doorFlags
	Account string `required:"" placeholder:"NAME" help:"Name or id of the account."`
}

// Run lists members.
func (c *memberListCmd) Run(ctx context.Context, s streams) error {
	var all []operator.Member
	if err := c.run(ctx, "member.list", operator.AccountArgs{Account: c.Account}, &all); err != nil {
		return err
	}
	return c.show(s, all, func() {
		for _, m := range all {
			fmt.Fprintf(s.out, "%s  %s  %s\n", m.ID, m.Email, m.Role)
		}
	})
}

type memberRemoveCmd struct {
	doorFlags
	Account string `required:"" placeholder:"NAME" help:"Name or id of the account."`
	Email   string `required:"" help:"E-mail address of the sub-user."`
}

// Run removes a member.
func (c *memberRemoveCmd) Run(ctx context.Context, s streams) error {
	var m operator.Member
	args := operator.MemberArgs{Account: c.Account, Email: c.Email}
	if err := c.run(ctx, "member.remove", args, &m); err != nil {
		return err
	}
	return c.show(s, m, func() { fmt.Fprintf(s.out, "removed %s\n", m.Email) })
}
