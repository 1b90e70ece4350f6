package dudect

import (
	"crypto/hmac"
	"math"
	"math/rand/v2"
	"testing"
)

func TestWelchIsThatOfTheBook(t *testing.T) {
	// A worked example of Welch's test, computed by another program.
	a := []float64{27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4}
	b := []float64{27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 31.3}
	if got, want := welch(a, b), -2.949236837; math.Abs(got-want) > 1e-6 {
		t.Errorf("t is %v, want %v", got, want)
	}
	same := []float64{1, 2, 3}
	if got := welch(same, same); got != 0 {
		t.Errorf("t of a sample and itself is %v", got)
	}
	if got := welch([]float64{1, 1}, []float64{2, 2}); !math.IsInf(got, 0) {
		t.Errorf("t of two constants is %v", got)
	}
}

// Two samples of one distribution are told apart once in 100,000 times or less,
// outliers or none; a shift of a twentieth of what they vary is found.
func TestTheStatisticsFindAShiftAndNothingElse(t *testing.T) {
	dice := rand.New(rand.NewPCG(7, 7))
	draw := func(shift float64) []float64 {
		x := make([]float64, 100_000)
		for i := range x {
			if x[i] = 600 + 40*dice.NormFloat64() + shift; dice.IntN(500) == 0 {
				x[i] += 50_000 * dice.Float64() // interrupted
			}
		}
		return x
	}
	for range 3 {
		if got := worst(draw(0), draw(0)); got.Leaks() {
			t.Errorf("%v without a shift", got)
		}
		if got := worst(draw(2), draw(0)); !got.Leaks() {
			t.Errorf("%v with a shift of 2 ns", got)
		}
	}
}

// early compares as anybody would who does not think of CWE-208.
func early(a, b []byte) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}

// compare races a comparison of MACs: class 0 has all bytes right but the last,
// class 1 has the first one wrong.
func compare(samples int, equal func(a, b []byte) bool) (r Result, taken bool) {
	right := make([]byte, 32)
	for i := range right {
		right[i] = byte(i*7 + 1)
	}
	guess := make([]byte, 32)
	r = Race(samples, func(class int) {
		copy(guess, right)
		guess[31-31*class] ^= 1
	}, func() {
		for range 8 {
			taken = equal(guess, right) || taken
		}
	})
	return r, taken
}

// The twin of the timing tests: a comparison that ends at the first difference
// is found by the same statistics, on any machine.
func TestAnEarlyExitIsFound(t *testing.T) {
	found, taken := compare(20_000, early)
	if taken || !found.Leaks() {
		t.Errorf("%v: the early exit is not found", found)
	}
	constant, taken := compare(20_000, hmac.Equal)
	if taken || math.Abs(constant.T) > math.Abs(found.T)/2 {
		t.Errorf("hmac.Equal: %v, beside the early exit's %v", constant, found)
	}
	t.Logf("early exit: %v; hmac.Equal: %v", found, constant)
}
