package store

import (
	"context"
	"time"

	"latchkey"
	"latchkey/internal/store/db"
)

// countRefused adds to the hour in which the note comes, some seconds after the
// calls at most.
func (t *tx) countRefused(ctx context.Context, u latchkey.KeyUse) error {
	if u.Refused == 0 {
		return nil
	}
	hour := t.store.now().UTC().Truncate(time.Hour)
	return t.CountRefusedHour(ctx, db.CountRefusedHourParams{KeyID: u.KeyID, Begins: micros(hour), Refused: u.Refused})
}

// RefusedHours counts, for each key of the account, the calls that were refused
// in each hour from since on, by the start of the hour (UTC). An hour without
// any is missing.
func (s *Store) RefusedHours(ctx context.Context, accountID string, since time.Time) (map[string]map[time.Time]int64, error) {
	rows, err := s.read.RefusedHours(ctx, db.RefusedHoursParams{AccountID: accountID, Begins: micros(since)})
	if err != nil {
		return nil, err
	}
	out := map[string]map[time.Time]int64{}
	for _, r := range rows {
		if out[r.KeyID] == nil {
			out[r.KeyID] = map[time.Time]int64{}
		}
		out[r.KeyID][moment(r.Begins)] = r.Refused
	}
	return out, nil
}
