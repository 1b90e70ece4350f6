package authority

// WatchCompares tells see the hash of every password comparison.
func (a *Authority) WatchCompares(see func(hash string)) {
	compare := a.passwords.compare
	a.passwords.compare = func(password, hash string) (bool, error) {
		see(hash)
		return compare(password, hash)
	}
}

// PasswordParams are the costs of a password comparison.
var PasswordParams = passwordParams

// BelieveEveryPassword makes every comparison of passwords succeed.
func (a *Authority) BelieveEveryPassword() {
	a.passwords.compare = func(string, string) (bool, error) { return true, nil }
}

// FillLine lets a stranger stand first in the line for the passwords for ever.
func (a *Authority) FillLine() { a.passwords.line <- struct{}{} }
