package store

import "context"

// Waiting is how many acts wait behind the one that is written.
func (s *Store) Waiting() int {
	s.group.mu.Lock()
	defer s.group.mu.Unlock()
	if len(s.group.turn) == 0 {
		return -1 // nobody writes
	}
	return len(s.group.waiting)
}

// Panic is an act that panics.
func (s *Store) Panic(ctx context.Context) error {
	return s.together(ctx, func(context.Context, *tx) error { panic("a bug") })
}
