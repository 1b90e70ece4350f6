package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/passkey"
)

// setupName is the file in the data folder that holds the link of the first
// start. Who can read it may make the first account; nobody else.
const setupName = "setup-link"

// openAuthority makes the management plane, with passkeys where browsers allow
// them.
func (n *Node) openAuthority(context.Context) error {
	c := n.config
	var keys authority.Passkeys
	checker, err := passkey.New(passkey.Config{ConsoleURL: n.ConsoleURL, Name: c.Name, Log: c.Log})
	if err == nil {
		keys = checker // not before: a nil pointer in an interface is not nil
	} else if n.console != nil {
		c.Log.Info("members cannot use passkeys", "reason", err)
	}
	n.authority = authority.New(authority.Config{
		Store: n.storage.store, Feed: n.publisher(), Sessions: n.keySessions(), Limits: c.Limits, Now: c.Now,
		Log: c.Log, Issuer: c.Name, ForbidSMS: c.ForbidSMS, SMSCountries: c.SMSCountries, Passkeys: keys,
	})
	return nil
}

// openSetup writes the link of the first start while there is no account, and
// removes the one of an earlier start otherwise.
func (n *Node) openSetup(ctx context.Context) error {
	if !n.config.Setup || n.console == nil {
		return nil
	}
	path := filepath.Join(n.config.Store.DataDir, setupName)
	token, err := n.authority.OpenSetup(ctx)
	if latchkey.Code(err) == "already_set_up" {
		return removeLink(path)
	}
	if err == nil {
		err = WriteFile(path, []byte(n.ConsoleURL+"/setup#"+token.Reveal()+"\n"), 0o600)
	}
	if err != nil {
		return fmt.Errorf("the link of the first start: %w", err)
	}
	n.SetupLink = path
	return nil
}

func removeLink(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the link of the first start, which is over: %w", err)
	}
	return nil
}

// firstStart is the authority for the API; it removes the file once its link
// was used.
type firstStart struct {
	*authority.Authority
	path string // "": there is no such file
	log  *slog.Logger
}

// SetUp makes the first account. A file that cannot be removed does not undo
// it: its link is worth nothing any more.
func (f firstStart) SetUp(ctx context.Context, v authority.Visitor, s authority.FirstStart) (latchkey.Account, latchkey.Member, error) {
	account, owner, err := f.Authority.SetUp(ctx, v, s)
	if err == nil && f.path != "" {
		if err := removeLink(f.path); err != nil {
			f.log.WarnContext(ctx, "remove this file by hand", "path", f.path, "error", err)
		}
	}
	return account, owner, err
}
