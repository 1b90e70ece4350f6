package authority_test

import (
	"strings"
	"testing"
	"time"

	"latchkey"
	"latchkey/internal/authority"
)

// Somebody tries, from many places and slowly, what most people take when they
// are asked for twelve characters. A few words without a link are none of it.
func TestAPasswordThatIsTriedFirstIsRefused(t *testing.T) {
	w := newWorld(t)
	actor := w.signIn(w.sub)
	for _, easy := range []string{
		"password1234", "Password1234!", "P@ssw0rd2026!!", "passwordpassword", "123456789012", "1234567890123456", "098765432109", "aaaaaaaaaaaa",
		"qwertyuiop12", "qwerty123456", "1qaz2wsx3edc", "1q2w3e4r5t6y", "zaq12wsxcde3", "asdfghjkl123", "abcdefghijkl", "abcabcabcabc", "121212121212",
		"Welcome2026!!", "letmein12345", "iloveyou1234", "Ilovemybabygirl", "administrator", "Administrator1", "changeme12345", "Summer2026!!!", "football1234",
		"p a s s w o r d 1 2", "Trading-Exchange-1", "147258369147", "112233445566", "michaeljordan23", "superman12345",
	} {
		if !authority.Easy(easy) {
			t.Errorf("%q is accepted", easy)
		}
	}
	w.refused(w.ChangePassword(w.ctx, actor, password, "password1234"), "invalid_password")
	old := password
	for _, good := range []string{
		"three grey boats sleep", "vqzkhwbtrnmx", "739105286413", "mein Fahrrad rostet leise", "password of nobody knows", "12345 grey boats", "K7#x-9Pq!r2T", "#;-7+!:k%._?",
	} {
		w.must(w.ChangePassword(w.ctx, actor, old, good))
		old = good
	}
}

// Who attacks one platform tries its name, and those of its customers (ASVS
// 6.1.2, 6.2.11): wherever a password is set.
func TestAPasswordHasNoNameOfTheContext(t *testing.T) {
	w := newWorld(t)
	account, err := w.Operator().CreateAccount(w.ctx, "Grey Boats Ltd")
	w.must(err)
	const good = "a sentence that nobody guesses"
	for _, bad := range []string{
		"my Latchkey is shut", "l4tchk3y for the win", "the key of GREY-BOATS-LTD", "trevelyan12345", "Trevelyan!2026", "trevelyan@boats.example",
	} {
		_, err := w.Operator().AddMember(w.ctx, account, "trevelyan@boats.example", latchkey.RoleOwner, bad)
		w.refused(err, "invalid_password")
	}
	member, err := w.Operator().AddMember(w.ctx, account, "trevelyan@boats.example", latchkey.RoleOwner, good)
	w.must(err)
	in, err := w.SignIn(w.ctx, home, member.Email, good)
	w.must(err)
	w.refused(w.ChangePassword(w.ctx, w.who(in.Token), good, "the grey boats ltd of mine"), "invalid_password")
}

// An upper bound on what a hostile text costs.
func TestALongPasswordCostsNoTime(t *testing.T) {
	began := time.Now()
	for _, text := range []string{strings.Repeat("1q2w", 256), strings.Repeat("a", 1024), strings.Repeat("abcdefghijklmno", 60), strings.Repeat("pass", 1<<20)} {
		authority.Easy(text)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("it took %v", took)
	}
}
