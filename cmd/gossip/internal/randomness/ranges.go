package randomness

// ranges divides the nodes into k ranges of consecutive numbers, whose sizes
// differ by at most one.
type ranges struct{ nodes, k uint64 }

func (r ranges) of(node uint32) int { return int(uint64(node) * r.k / r.nodes) }

// share is the probability of a range.
func (r ranges) share(i int) float64 {
	return float64(r.from(i+1)-r.from(i)) / float64(r.nodes)
}

// from is the first node of a range: the least x with x·k/nodes ≥ i.
func (r ranges) from(i int) uint64 { return (uint64(i)*r.nodes + r.k - 1) / r.k }

// classes divides the outcomes 0, 1, 2, … of a probability function into classes
// of consecutive ones, each of at least the given mass, the last open to above.
// The probabilities must have the sum 1.
type classes struct {
	of   []int // the class of an outcome; what is not here is in the last
	mass []float64
}

func newClasses(probability func(outcome int) float64, atLeast float64) (c classes) {
	left, mass := 1.0, 0.0
	for i := 0; left-mass >= atLeast; i++ {
		mass += probability(i)
		c.of = append(c.of, len(c.mass))
		if mass >= atLeast && left-mass >= atLeast {
			c.mass = append(c.mass, mass)
			left, mass = left-mass, 0
		}
	}
	c.mass = append(c.mass, left)
	return c
}

func (c classes) class(outcome int) int {
	if outcome < len(c.of) {
		return c.of[outcome]
	}
	return len(c.mass) - 1
}

// fit is the chi-square of the counts of classes.
func (c classes) fit(counts []int) float64 {
	total := 0
	for _, n := range counts {
		total += n
	}
	expected := make([]float64, len(c.mass))
	for i, m := range c.mass {
		expected[i] = m * float64(total)
	}
	return fit(counts, expected)
}

// finest is the smallest mass of a class: more than 20 of them would thin out
// what a test can see of any one.
const finest = 0.05
