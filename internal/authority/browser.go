package authority

import (
	"context"
	"strconv"
	"strings"
	"time"

	"latchkey"
)

// browserMark is the purpose of the MAC that a known browser keeps.
const browserMark = "known browser"

// A browser that has signed a member in, second factor and all, is known to
// that member: what strangers try uses none of its bounds up. It is no factor
// and no session; it opens nothing (docs/decisions/0017-known-browser.md).

// known finds the browser that keeps the token: its id, "" for a stranger's, an
// old one, or one of another member. The hash of the password is part of the
// MAC, so a new password ends all that were made before it. For an address that
// nobody has the work is the same.
func (a *Authority) known(token latchkey.Secret, member latchkey.Member, passwordHash string) string {
	id, rest, _ := strings.Cut(token.Reveal(), ".")
	ends, mac, _ := strings.Cut(rest, ".")
	ok := a.store.CheckMAC(mac, browserMark, id, ends, member.ID, passwordHash)
	until, err := strconv.ParseInt(ends, 10, 64)
	if !ok || err != nil || id == "" || member.ID == "" || !a.now().Before(time.Unix(until, 0)) {
		return ""
	}
	return id
}

// know makes what the browser keeps from now on. One that was known keeps its
// id, and with it what was counted for it.
func (a *Authority) know(ctx context.Context, memberID, id string) (latchkey.Secret, error) {
	_, hash, err := a.store.Member(ctx, memberID)
	if err != nil {
		return "", err
	}
	if id == "" {
		id = latchkey.NewID("brw")
	}
	ends := strconv.FormatInt(a.now().Add(a.limits.KnownBrowser).Unix(), 10)
	mac := a.store.MAC(browserMark, id, ends, memberID, hash)
	return latchkey.Secret(id + "." + ends + "." + mac), nil
}

// stranger reports whether anybody who knows a password can have opened the
// pending: a sign-in from a browser that is not known.
func stranger(p latchkey.Pending) bool {
	return p.Operation == latchkey.OpSignIn && p.Draft.Browser == ""
}
