package node

import (
	"context"

	"latchkey"
	"latchkey/internal/authority"
	"latchkey/internal/gateway"
)

// keySessions are the sessions of bots that gateways hold: on a shared database
// all of them are asked.
func (n *Node) keySessions() authority.KeySessions {
	if n.rollCall != nil {
		return n.rollCall
	}
	return ownSessions{n.sessions}
}

// ownSessions are those that this process holds: with a gateway that does not
// listen there are none.
type ownSessions struct{ held *gateway.Sessions }

// List never fails: the sessions are in this process's memory.
func (s ownSessions) List(_ context.Context, keyIDs ...string) ([]latchkey.KeySession, error) {
	var list []latchkey.KeySession
	for _, id := range keyIDs {
		list = append(list, s.held.List(id)...)
	}
	return list, nil
}

// End returns when the bot was told, or did not listen.
func (s ownSessions) End(_ context.Context, keyID, id string) (bool, error) {
	return s.held.End(keyID, id), nil
}
