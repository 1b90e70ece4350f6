package api

import (
	"context"
	"errors"
	"strings"
	"testing"

	"latchkey"
)

// keyring answers with one key.
type keyring struct{ *stub }

func (keyring) Keys(context.Context, latchkey.Actor) ([]latchkey.Key, error) {
	return []latchkey.Key{{ID: "lk_1", Name: "bot-1", Status: latchkey.StatusActive, Permissions: latchkey.Read}}, nil
}

// Who cannot list the keys cannot stop one either.
func TestKeysAreListedWhileNoGatewayAnswers(t *testing.T) {
	c := config(t, &stub{})
	for silent, counted := range map[error]bool{nil: true, errors.New("no node answers"): false} {
		c.Authority = keyring{&stub{silent: silent}}
		got := call{target: "GET /v1/keys", token: "owner"}.do(New(c))
		if got.Code != 200 || strings.Contains(got.Body.String(), `"liveSessions":0`) != counted {
			t.Errorf("gateways answer %v: %d %s", silent, got.Code, got.Body)
		}
	}
}
