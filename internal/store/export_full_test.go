package store

import "fmt"

// SetMostPages bounds the file of SQLite, by as much as it has now at least.
func (s *Store) SetMostPages(n int) error {
	_, err := s.engine.write.Exec(fmt.Sprintf("PRAGMA max_page_count = %d", n))
	return err
}
