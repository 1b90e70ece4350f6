package authority

// Easy says whether a password would be refused as easy to guess.
func Easy(password string) bool { return easy("a@b.example", password, "Latchkey", "Boats") != "" }
