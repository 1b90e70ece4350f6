package node

import (
	"context"

	"latchkey"
	"latchkey/internal/gateway"
)

// keySessions are the sessions of bots that this process holds: with a gateway
// that does not listen there are none.
type keySessions struct{ held *gateway.Sessions }

// List never fails: the sessions are in this process's memory.
func (k keySessions) List(_ context.Context, keyIDs ...string) ([]latchkey.KeySession, error) {
	var list []latchkey.KeySession
	for _, id := range keyIDs {
		list = append(list, k.held.List(id)...)
	}
	return list, nil
}

// End returns when the bot was told, or did not listen.
func (k keySessions) End(_ context.Context, keyID, id string) (bool, error) {
	return k.held.End(keyID, id), nil
}
