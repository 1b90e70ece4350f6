package store

import (
	"context"
	"errors"

	"latchkey"
)

// errFullBucket undoes a transaction that found one of its buckets full.
var errFullBucket = latchkey.Errorf(latchkey.KindLimit, "too_many_requests", "one of several limits was reached")

// ChargeBuckets counts one more in each bucket, or in none of them: the name of
// the first that is full, else "". What one bound refuses must not use another
// one up. Callers give buckets of one kind in one order, so that no two of them
// wait for each other.
func (s *Store) ChargeBuckets(ctx context.Context, all []latchkey.Bucket) (string, error) {
	var full string
	err := s.write(ctx, func(t *tx) error {
		full = ""
		for _, b := range all {
			room, err := t.charge(ctx, b)
			if err != nil {
				return err
			}
			if !room {
				full = b.Name
				return errFullBucket
			}
		}
		return nil
	})
	if errors.Is(err, errFullBucket) {
		return full, nil
	}
	return "", err
}

// MAC is what only this installation can make of the parts; see seal.Box.
func (s *Store) MAC(purpose string, parts ...string) string { return s.seal.MAC(purpose, parts...) }

// CheckMAC reports whether this installation made the MAC.
func (s *Store) CheckMAC(mac, purpose string, parts ...string) bool {
	return s.seal.CheckMAC(mac, purpose, parts...)
}
