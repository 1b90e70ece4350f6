package authority

import (
	"context"
	"time"

	"latchkey"
)

// Day is the number of hours that RefusedByHour counts.
const Day = 24

// RefusedByHour counts the refused calls of each key of the owner's account in
// the last 24 hours, the oldest hour first; the last one is the hour that runs.
// Hours are those of UTC. A key without a refused call is missing.
func (a *Authority) RefusedByHour(ctx context.Context, actor latchkey.Actor) (map[string][Day]int64, error) {
	if err := mustOwn(actor); err != nil {
		return nil, err
	}
	first := a.now().UTC().Truncate(time.Hour).Add(-(Day - 1) * time.Hour)
	found, err := a.store.RefusedHours(ctx, actor.AccountID, first)
	if err != nil {
		return nil, err
	}
	out := make(map[string][Day]int64, len(found))
	for key, hours := range found {
		var row [Day]int64
		for i := range row {
			row[i] = hours[first.Add(time.Duration(i)*time.Hour)]
		}
		out[key] = row
	}
	return out, nil
}
