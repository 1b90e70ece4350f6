package cluster

import (
	"context"
	"strings"

	"github.com/redis/rueidis"
)

// Rewrite changes the script of Take, as a twin without one of its guards, or
// one whose minute is another. Both texts must be in it.
func (r *Redis) Rewrite(old, with string) {
	text := strings.Replace(takeScript, old, with, 1)
	if text == takeScript {
		panic("the script does not contain " + old)
	}
	r.take = rueidis.NewLuaScript(text)
}

// KeepOnce is one look of Keep.
func (r *Redis) KeepOnce(ctx context.Context, store EpochStore, barrier Passer) error {
	return r.keep(ctx, store, barrier)
}
