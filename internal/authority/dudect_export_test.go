//go:build timing

package authority

// CompareInNoTime refuses every password at once: what is left is everything
// around the comparison, which takes thousands of times as long.
func (a *Authority) CompareInNoTime() {
	a.passwords.compare = func(string, string) (bool, error) { return false, nil }
}
