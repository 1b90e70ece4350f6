package stepup

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestRecoveryCodesComeInTensAndOnce(t *testing.T) {
	form := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){5}$`)
	seen := make(map[string]bool)
	for range 200 {
		codes, hashes := NewRecoveryCodes("mem_1")
		if len(codes) != 10 || len(hashes) != 10 {
			t.Fatalf("%d codes, %d hashes", len(codes), len(hashes))
		}
		for i, code := range codes {
			if !form.MatchString(code) || !IsRecovery(code) || seen[code] {
				t.Errorf("a code is %q, seen before: %v", code, seen[code])
			}
			if hashes[i] != HashRecovery("mem_1", code) || len(hashes[i]) != 64 {
				t.Errorf("the hash of %q is %q", code, hashes[i])
			}
			if strings.Contains(hashes[i], strings.ReplaceAll(code, "-", "")) {
				t.Errorf("the hash holds the code: %q", hashes[i])
			}
			seen[code] = true
		}
	}
}

func TestEveryCharacterOfTheAlphabetIsUsed(t *testing.T) {
	var all strings.Builder
	for range 50 {
		codes, _ := NewRecoveryCodes("mem_1")
		all.WriteString(strings.ReplaceAll(strings.Join(codes, ""), "-", ""))
	}
	got := slices.Compact(slices.Sorted(slices.Values([]byte(all.String()))))
	if string(got) != "0123456789abcdefghjkmnpqrstvwxyz" {
		t.Errorf("the codes are made of %q", got)
	}
}

// What people do when they copy from paper is undone: capitals, other spaces,
// letters that look like digits.
func TestLookAlikesAreOneCode(t *testing.T) {
	const code = "10v9-m0qp-7w1r-h2dt"
	want := HashRecovery("mem_1", code)
	for _, typed := range []string{
		"10v9m0qp7w1rh2dt", "10V9-M0QP-7W1R-H2DT", "1ov9-moqp-7wlr-h2dt", "IOU9 MOQP 7WLR H2DT", "  10v9 - m0qp - 7w1r - h2dt  ",
		"10v9-m0qp-7w1r-h2dt\r\n", "10v9\tm0qp\t7w1r\th2dt", "l0v9-m0qp-7wir-h2dt", "10v9\u00a0m0qp 7w1r h2dt",
	} {
		if !IsRecovery(typed) || HashRecovery("mem_1", typed) != want {
			t.Errorf("%q is another code: %q", typed, NormalRecovery(typed))
		}
	}
}

func TestAnotherCodeHasAnotherHash(t *testing.T) {
	const code = "10v9-m0qp-7w1r-h2dt"
	seen := map[string]string{HashRecovery("mem_1", code): code}
	for i := range code {
		if code[i] == '-' {
			continue
		}
		for _, c := range "0123456789abcdefghjkmnpqrstvwxyz" {
			other := code[:i] + string(c) + code[i+1:]
			hash := HashRecovery("mem_1", other)
			if twin, twice := seen[hash]; twice && twin != other {
				t.Fatalf("%q and %q have one hash", twin, other)
			}
			seen[hash] = other
		}
	}
}

// A hash that is copied into another member's row is of no use there.
func TestAHashBelongsToOneMember(t *testing.T) {
	codes, hashes := NewRecoveryCodes("mem_1")
	for i, code := range codes {
		for _, member := range []string{"mem_2", "", "mem_1 ", "MEM_1"} {
			if HashRecovery(member, code) == hashes[i] {
				t.Errorf("%q has the hash of mem_1", member)
			}
		}
	}
}

// Whoever has codes of before on paper, of 16 characters, still gets in with one.
func TestAFormerRecoveryCodeIsStillOne(t *testing.T) {
	const former, hash = "10v9-m0qp-7w1r-h2dt", "70ffeb087d7d3ee4a64f08575dbdb96d5afedbbf8276e2da7bb1c1d6587a1145"
	if !IsRecovery(former) || HashRecovery("mem_1", former) != hash {
		t.Errorf("%q is no code any more, or has another hash: %s", former, HashRecovery("mem_1", former))
	}
}

func TestWhatIsNoRecoveryCodeIsNotEvaluated(t *testing.T) {
	for _, in := range []string{
		"", "-", "10v9-m0qp-7w1r-h2d", "10v9-m0qp-7w1r-h2dtx", "10v9-m0qp-7w1r-h2d!", "10v9-m0qp-7w1r-h2dé", "123456",
		strings.Repeat("٣", 8), strings.Repeat("a", 100_000), "10v9m0qp7w1rh2d\x00",
		"10v9-m0qp-7w1r-h2dt-10v9", "10v9-m0qp-7w1r-h2dt-10v9-m0q", "10v9-m0qp-7w1r-h2dt-10v9-m0qpx", "10v9-m0qp-7w1r-h2dt-10v9-m0q!",
	} {
		if IsRecovery(in) {
			t.Errorf("%.40q passes", in)
		}
	}
}
