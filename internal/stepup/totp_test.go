package stepup

import (
	"encoding/base32"
	"fmt"
	"net/url"
	"testing"
	"time"

	"latchkey"

	"github.com/pquerna/otp/totp"
)

// rfcSeed is the SHA-1 key of RFC 6238, appendix B: the ASCII digits
// "12345678901234567890".
const rfcSeed = latchkey.Secret("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")

// rfcCodes are the SHA-1 rows of appendix B. The table has eight digits; six
// are its last six (RFC 4226, 5.3).
var rfcCodes = []struct {
	at   int64
	code string
}{
	{59, "94287082"}, {1111111109, "07081804"}, {1111111111, "14050471"},
	{1234567890, "89005924"}, {2000000000, "69279037"}, {20000000000, "65353130"},
}

func TestTheVectorsOfRFC6238(t *testing.T) {
	if got := base32.StdEncoding.EncodeToString([]byte("12345678901234567890")); got != string(rfcSeed) {
		t.Fatalf("the seed is %q", got)
	}
	for _, v := range rfcCodes {
		step, ok := CheckTOTP(rfcSeed, v.code[2:], time.Unix(v.at, 0), 0)
		if !ok || step != v.at/30 {
			t.Errorf("%s at %d: step %d, %v, want %d", v.code[2:], v.at, step, ok, v.at/30)
		}
		if step, ok := CheckTOTP(rfcSeed, v.code, time.Unix(v.at, 0), 0); ok || step != 0 {
			t.Errorf("all eight digits of %s pass as step %d", v.code, step)
		}
	}
}

// at is the middle of a step, and codeAt the code of the step that is n later.
var at = time.Unix(1_700_000_025, 0) // 15 s into step 56,666,667

func codeAt(t *testing.T, n int) string {
	t.Helper()
	code, err := totp.GenerateCode(rfcSeed.Reveal(), at.Add(time.Duration(n)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestOneStepOfDriftAndNotTwo(t *testing.T) {
	current := at.Unix() / 30
	for n, want := range map[int]bool{-3: false, -2: false, -1: true, 0: true, 1: true, 2: false, 3: false} {
		step, ok := CheckTOTP(rfcSeed, codeAt(t, n), at, 0)
		if ok != want || (ok && step != current+int64(n)) || (!ok && step != 0) {
			t.Errorf("%+d steps: %d, %v, want %v", n, step, ok, want)
		}
	}
}

// The window moves with the clock to the second: a code lives from 30 s before
// its step until 30 s after it.
func TestTheEdgesOfTheWindow(t *testing.T) {
	code, start := codeAt(t, 0), time.Unix(at.Unix()/30*30, 0)
	for after, want := range map[time.Duration]bool{
		-31 * time.Second: false, -30 * time.Second: true, 0: true, 59 * time.Second: true, 60*time.Second - 1: true, 60 * time.Second: false,
	} {
		if _, ok := CheckTOTP(rfcSeed, code, start.Add(after), 0); ok != want {
			t.Errorf("%v after its start: %v, want %v", after, ok, want)
		}
	}
}

func TestACodeWorksOnce(t *testing.T) {
	current := at.Unix() / 30
	for _, c := range []struct {
		n    int   // the step of the code, from the current one
		last int64 // the last accepted step, from the current one
		want bool
	}{
		{0, 0, false},   // again
		{0, -1, true},   // the next
		{-1, 0, false},  // an older one after a newer one
		{-1, -1, false}, // again, through the drift
		{-1, -2, true},
		{1, 0, true},
		{1, 1, false},
		{0, 1, false}, // the clock went back
		{0, 1000, false},
	} {
		step, ok := CheckTOTP(rfcSeed, codeAt(t, c.n), at, current+c.last)
		if ok != c.want || (ok && step != current+int64(c.n)) || (!ok && step != 0) {
			t.Errorf("code %+d after step %+d: %d, %v, want %v", c.n, c.last, step-current, ok, c.want)
		}
	}
}

// Over an hour of codes, each given at every second while it could pass, and
// lastStep kept as the caller keeps it: each step passes once.
func TestNoStepIsAcceptedTwice(t *testing.T) {
	accepted, last := map[int64]int{}, int64(0)
	for second := range 3600 {
		now := at.Add(time.Duration(second) * time.Second)
		for _, drift := range []time.Duration{-30 * time.Second, 0, 30 * time.Second} {
			code, err := totp.GenerateCode(rfcSeed.Reveal(), now.Add(drift))
			if err != nil {
				t.Fatal(err)
			}
			if step, ok := CheckTOTP(rfcSeed, code, now, last); ok {
				accepted[step]++
				last = step
			}
		}
	}
	for step, times := range accepted {
		if times != 1 {
			t.Errorf("step %d was accepted %d times", step, times)
		}
	}
	if len(accepted) < 120 || len(accepted) > 123 {
		t.Errorf("%d steps in an hour were accepted", len(accepted))
	}
}

func TestWhatIsNoTOTPIsRefused(t *testing.T) {
	right := codeAt(t, 0)
	for _, code := range []string{"", "0", right[:5], right + "0", " " + right, right + " ", "abcdef"} {
		if _, ok := CheckTOTP(rfcSeed, code, at, 0); ok {
			t.Errorf("%q passes", code)
		}
	}
	// A seed that cannot be read, or is another's, proves nothing.
	for _, seed := range []latchkey.Secret{"not base 32!", "1", "long enough, but not base 32 !!!!", NewSeed()} {
		if _, ok := CheckTOTP(seed, right, at, 0); ok {
			t.Errorf("another seed lets %q pass", right)
		}
	}
}

func TestASeedThatIsMissingOrShortProvesNothing(t *testing.T) {
	code, err := totp.GenerateCode("", at)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := CheckTOTP("", code, at, 0); ok {
		t.Error("whoever knows HMAC passes where no seed is kept")
	}
	// RFC 4226 wants 128 bits: 26 characters.
	for seed, want := range map[latchkey.Secret]bool{rfcSeed[:26]: true, rfcSeed[:24]: false, rfcSeed[:8]: false} {
		code, err := totp.GenerateCode(seed.Reveal(), at)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := CheckTOTP(seed, code, at, 0); ok != want {
			t.Errorf("a seed of %d characters passes: %v, want %v", len(seed), ok, want)
		}
	}
}

func TestASeedHas160Bits(t *testing.T) {
	seen := make(map[latchkey.Secret]bool)
	for range 1000 {
		seed := NewSeed()
		raw, err := base32.StdEncoding.DecodeString(seed.Reveal()) // 32 characters need no padding
		if err != nil || len(raw) != 20 || seen[seed] {
			t.Fatalf("a seed has %d bytes, seen is %v, %v", len(raw), seen[seed], err)
		}
		seen[seed] = true
	}
}

func TestTheURIIsWhatAuthenticatorsRead(t *testing.T) {
	uri := SeedURI("Latchkey & Co", "ann+1@example.org", rfcSeed)
	u, err := url.Parse(uri.Reveal())
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if u.Scheme != "otpauth" || u.Host != "totp" || u.Path != "/Latchkey & Co:ann+1@example.org" {
		t.Errorf("the label is %q", u.Path)
	}
	for key, want := range map[string]string{
		"secret": rfcSeed.Reveal(), "issuer": "Latchkey & Co", "algorithm": "SHA1", "digits": "6", "period": "30",
	} {
		if q.Get(key) != want {
			t.Errorf("%s is %q, want %q", key, q.Get(key), want)
		}
	}
	if got := fmt.Sprint(uri); got != "[secret]" {
		t.Errorf("the URI holds the seed, and prints as %q", got)
	}
}
