// Package dudect finds out whether two classes of inputs take equally long: many
// measurements of each, interleaved, cropped, and compared by Welch's t-test
// (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?", 2017).
package dudect

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"time"
)

// Leak is the |t| from which two classes do not take equally long.
const Leak = 4.5

// Result is what two classes have shown.
type Result struct {
	T          float64 // of Welch's test, of greatest size among the crops
	Difference float64 // of the medians: ns that class 0 takes longer
}

// Leaks reports whether the classes are told apart; no result does, too.
func (r Result) Leaks() bool { return !(math.Abs(r.T) < Leak) }

func (r Result) String() string {
	return fmt.Sprintf("t = %.2f, medians %.0f ns apart", r.T, r.Difference)
}

// Samples is how many are measured of each class: SAMPLES, or else so many.
func Samples(otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv("SAMPLES")); err == nil && n > 0 {
		return n
	}
	return otherwise
}

// welch is the t of Welch's test: how many standard errors lie between the
// means of two samples. It is 0 where there is nothing to compare.
func welch(a, b []float64) float64 {
	if len(a) < 2 || len(b) < 2 {
		return 0
	}
	meanA, varA := moments(a)
	meanB, varB := moments(b)
	spread := math.Sqrt(varA/float64(len(a)) + varB/float64(len(b)))
	switch {
	case meanA == meanB:
		return 0
	case spread == 0:
		return math.Inf(1)
	}
	return (meanA - meanB) / spread
}

// moments are the mean and the unbiased variance.
func moments(x []float64) (mean, variance float64) {
	for _, v := range x {
		mean += v
	}
	mean /= float64(len(x))
	for _, v := range x {
		variance += (v - mean) * (v - mean)
	}
	return mean, variance / float64(len(x)-1)
}

// crops are the parts of all measurements that are kept: whoever is interrupted
// takes a thousand times as long, and hides what is looked for.
var crops = []float64{1, 0.99, 0.95, 0.9, 0.75, 0.5}

// worst is the result of two samples.
func worst(a, b []float64) (r Result) {
	all := slices.Concat(a, b)
	slices.Sort(all)
	for _, keep := range crops {
		limit := all[int(keep*float64(len(all)-1))]
		if x := welch(below(a, limit), below(b, limit)); math.Abs(x) > math.Abs(r.T) {
			r.T = x
		}
	}
	r.Difference = median(a) - median(b)
	return r
}

func below(x []float64, limit float64) []float64 {
	return slices.DeleteFunc(slices.Clone(x), func(v float64) bool { return v > limit })
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[len(x)/2]
}

// Race measures two classes in random order, so that whatever else happens on
// the machine happens to both. Prepare makes the input of a class, 0 or 1, and
// run is what is measured. Both classes must use the same memory.
func Race(samples int, prepare func(class int), run func()) Result {
	var took [2][]float64
	dice := rand.New(rand.NewPCG(rand.Uint64(), 1))
	for n := 0; n < 2*samples+min(1000, samples/10); n++ {
		class := dice.IntN(2)
		prepare(class)
		begin := time.Now()
		run()
		d := time.Since(begin)
		if n >= min(1000, samples/10) { // the first ones warm the caches up
			took[class] = append(took[class], float64(d))
		}
	}
	return worst(took[0], took[1])
}
