//go:build race

package verify_test

// forgotten is how many allocations the race detector adds: its pools forget on
// purpose.
const forgotten = 8
