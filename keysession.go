package latchkey

import (
	"net/netip"
	"time"
)

// KeySession is a WebSocket session that a bot has open with a key, as its
// owner sees it. It lives in the memory of the gateway node that holds it.
type KeySession struct {
	ID         string
	KeyID      string
	IP         netip.Addr // of the bot
	Since      time.Time  // of the logon
	Messages   int64      // that the bot sent since then
	LastAction string     // name in the catalog; empty before the first call
	LastAt     time.Time  // of the last message
}
