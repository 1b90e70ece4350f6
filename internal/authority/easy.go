package authority

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"latchkey"
)

// Passwords that are long enough and are guessed all the same are refused where
// a new one is set, and nowhere else: who has such a one still gets in. The
// lists are of 2026 and in English; no file of leaked passwords is asked
// (docs/asvs.md, 6.2.4 and 6.2.12).

// easyWords are what the most used passwords of 12 characters and more are put
// together from, besides numbers and keys in a row. Longer ones stand before
// what they begin with.
var easyWords = slices.SortedFunc(slices.Values(strings.Fields(`
	password passwort motdepasse contrasena senha passphrase passcode passwd pass secret secure security
	letmein welcome hello please changeme change default temporary temp guest login logon signin access open sesame
	administrator administrador admin root user username superuser support manager master system server computer internet
	iloveyou loveyou love forever always baby babygirl babyboy princess angel sweetheart darling honey lover friends family
	football baseball basketball soccer hockey liverpool chelsea arsenal barcelona manchester united juventus madrid yankees lakers cowboys
	superman batman spiderman starwars pokemon pikachu naruto minecraft fortnite roblox matrix merlin gandalf trustno
	sunshine shadow monkey dragon tiger eagle lion butterfly dolphin horse kitten puppy flower rainbow chocolate cookie cheese banana
	michael michelle jessica jennifer jordan daniel andrew charlie thomas robert ashley nicole amanda william anthony matthew joshua samantha elizabeth alexander christian
	jesus christ jesuschrist blessed heaven freedom hunter ranger killer ninja samurai mustang ferrari mercedes porsche corvette harley yamaha
	summer winter spring autumn january february march april june july august september october november december
	monday tuesday wednesday thursday friday saturday sunday london newyork america england france canada australia germany india
	money dollar million billionaire bitcoin ethereum crypto blockchain trading trader trade exchange wallet market broker account
	google facebook instagram microsoft windows samsung apple amazon linkedin myspace netflix whatsapp
	whatever nothing something everything fuckyou fuckoff fuck asshole bitch sexy test testing tester sample example demo
	abc xyz the and you this your new one two three four five six`)),
	func(a, b string) int { return len(b) - len(a) })

// easyRows are keys and signs in a row, forwards; backwards counts, too.
var easyRows = []string{
	"01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "asdfghjkl", "zxcvbnm", "qwertzuiop", "yxcvbnm", "azertyuiop", "qsdfghjklm", "wxcvbn",
	"1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p", "qazwsxedcrfvtgbyhnujmikolp", "1q2w3e4r5t6y7u8i9o0p", "q1w2e3r4t5y6u7i8o9p0", "zaqxswcdevfrbgtnhymjukilop", "147258369", "159357", "112233445566778899",
}

// easyYear is of the dates that people write behind a word.
var easyYear = regexp.MustCompile(`(?:19|20)\d\d`)

// plainOf is a text as people mean it: small letters and digits alone.
func plainOf(text string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return -1
		}
		return unicode.ToLower(c)
	}, text)
}

// letters undoes what people write in place of letters.
var letters = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i", "€", "e")

// longest is the most bytes of a password: longer ones are refused for that,
// without a look at all they hold.
const longest = 256 * 4

// few is how many characters are too few beside what is easy: those of a word
// and a short number.
const few = 7

// easy says why a password is easy to guess, or "". The names are those of the
// platform and the account.
func easy(email, password string, names ...string) string {
	if len(password) > longest {
		return ""
	}
	readings := []string{plainOf(password), plainOf(letters.Replace(password))}
	local, _, _ := strings.Cut(email, "@")
	for _, plain := range readings {
		for _, name := range names {
			if name = plainOf(name); len([]rune(name)) >= 4 && strings.Contains(plain, name) {
				return "a password does not contain the name of the platform or of the account"
			}
		}
		left := beside(plain, plainOf(local))
		if again(plain) || left != plain && len([]rune(left)) < few {
			return "this password is one of those that are tried first; take a few words that have nothing to do with each other"
		}
	}
	return ""
}

// beside is what remains of a text without easy words, names, rows and years.
// A text of which nothing is easy remains whole, so any 12 characters will do.
func beside(plain, name string) string {
	if len(name) >= 4 {
		plain = strings.ReplaceAll(plain, name, " ")
	}
	for _, word := range easyWords {
		plain = strings.ReplaceAll(plain, word, " ")
	}
	return strings.ReplaceAll(easyYear.ReplaceAllString(withoutRows(plain), ""), " ", "")
}

// withoutRows takes out four and more characters of a row, or one character
// four times.
func withoutRows(text string) string {
	var out strings.Builder
	for len(text) > 0 {
		n := rowAt(text)
		if n < 4 {
			out.WriteByte(text[0])
			n = 1
		}
		text = text[n:]
	}
	return out.String()
}

// rowAt is how many bytes of a row the text begins with.
func rowAt(text string) (most int) {
	same := 1
	for same < len(text) && text[same] == text[0] {
		same++
	}
	for _, row := range easyRows {
		back := []byte(row)
		slices.Reverse(back)
		for _, r := range []string{row, string(back)} {
			for n := max(most+1, 4); n <= len(text) && strings.Contains(r, text[:n]); n++ {
				most = n
			}
		}
	}
	return max(most, same)
}

// again reports whether a text is one part over and over: abcabcabcabc.
func again(text string) bool {
	return len(text) > 1 && strings.Contains((text + text)[1:2*len(text)-1], text)
}

// hash checks a new password by the rules and returns the PHC string.
func (a *Authority) hash(ctx context.Context, account, email, password string) (string, error) {
	if why := easy(email, password, a.issuer, account); why != "" {
		return "", latchkey.Invalid("password", "invalid_password", "%s", why)
	}
	return a.passwords.hash(ctx, email, password)
}

// hashFor is hash for a member of an account.
func (a *Authority) hashFor(ctx context.Context, member latchkey.Member, password string) (string, error) {
	account, err := a.store.Account(ctx, member.AccountID)
	if err != nil {
		return "", err
	}
	return a.hash(ctx, account.Name, member.Email, password)
}
