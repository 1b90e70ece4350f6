package store_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"latchkey"
)

// What one bound refuses must not use another one up: else who asks for too
// much of one thing takes from everybody what they share.
func TestBucketsCountAllOrNone(t *testing.T) {
	onEach(t, func(s *suite) {
		bucket := func(name string, limit int) latchkey.Bucket {
			return latchkey.Bucket{Name: name, Window: s.now(), Limit: limit}
		}
		count := func(name string) int64 {
			return s.number("SELECT COALESCE(sum(counted), 0) FROM bucket WHERE name = $1", name)
		}
		wide, narrow := bucket("wide", 10), bucket("narrow", 2)
		for i, want := range []string{"", "", "narrow", "narrow"} {
			full, err := s.ChargeBuckets(s.ctx, []latchkey.Bucket{wide, narrow})
			s.must(err)
			if full != want {
				t.Fatalf("charge %d: %q is full, want %q", i+1, full, want)
			}
		}
		s.same([]int64{count("wide"), count("narrow")}, []int64{2, 2})
		full, err := s.ChargeBuckets(s.ctx, nil)
		s.must(err)
		s.same(full, "")
		for _, b := range []latchkey.Bucket{wide, narrow} { // the twin: one after the other
			_, err := s.ChargeBucket(s.ctx, b)
			s.must(err)
		}
		s.same([]int64{count("wide"), count("narrow")}, []int64{3, 2})
	})
}

// Several consoles count at once, in the same buckets and in others beside
// them, and nobody gets more than there is.
func TestBucketsHoldAlsoAtOnce(t *testing.T) {
	onEach(t, func(s *suite) {
		var got atomic.Int64
		var all sync.WaitGroup
		for i := range 40 {
			all.Go(func() {
				full, err := s.ChargeBuckets(s.ctx, []latchkey.Bucket{
					{Name: fmt.Sprint("own ", i%4), Window: s.now(), Limit: 5}, {Name: "shared", Window: s.now(), Limit: 13},
				})
				if err != nil {
					t.Error(err)
				}
				if full == "" {
					got.Add(1)
				}
			})
		}
		all.Wait()
		s.same(got.Load(), int64(13))
		s.same(s.number("SELECT sum(counted) FROM bucket WHERE name LIKE 'own %'"), int64(13))
	})
}
