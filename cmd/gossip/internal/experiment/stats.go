package experiment

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

func mean(xs []float64) float64 { return sum(xs) / float64(len(xs)) }

func sum(xs []float64) float64 {
	sum := 0.0
	for _, x := range xs {
		sum += x
	}
	return sum
}

// deviation is the standard deviation of a whole population.
func deviation(xs []float64) float64 {
	m, squares := mean(xs), 0.0
	for _, x := range xs {
		squares += (x - m) * (x - m)
	}
	return math.Sqrt(squares / float64(len(xs)))
}

// spread is how far some numbers lie apart, as a part of the largest. With one
// that is NaN it is NaN.
func spread(xs ...float64) float64 {
	least, most := math.Inf(1), math.Inf(-1)
	for _, x := range xs {
		least, most = math.Min(least, x), math.Max(most, x)
	}
	return (most - least) / most
}

// sampled are the cycles after which an overlay is measured: all of the first
// ten, then about twenty for a factor of ten, none more than a fifteenth of the
// run from the next, and the last.
func sampled(cycles int) map[int]bool {
	at := map[int]bool{cycles: true}
	for c, step := 1, 1; c < cycles; c += step {
		at[c] = true
		step = min(max(1, c/8), max(1, cycles/15))
	}
	return at
}

// list writes numbers with their names, as "blind 22.8, healer 10.8".
func list(names []string, format string, values []float64) string {
	var parts []string
	for i, name := range names {
		parts = append(parts, name+" "+fmt.Sprintf(format, values[i]))
	}
	return strings.Join(parts, ", ")
}

// series writes numbers, as "1, 2, 5".
func series(values []float64, format string) string {
	var parts []string
	for _, x := range values {
		parts = append(parts, fmt.Sprintf(format, x))
	}
	return strings.Join(parts, ", ")
}

// largest returns the name and the value of the largest. NaN is larger than
// all.
func largest(names []string, values []float64) (string, float64) {
	at := 0
	for i, x := range values {
		if !(x <= values[at]) {
			at = i
		}
	}
	return names[at], values[at]
}

func percent(share float64) string { return fmt.Sprintf("%.4g %%", 100*share) }

// all reports whether the values satisfy, every one of them; of none it is
// false.
func all(values []float64, satisfy func(x float64) bool) bool {
	return len(values) > 0 && !slices.ContainsFunc(values, func(x float64) bool { return !satisfy(x) })
}
