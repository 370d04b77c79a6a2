//go:build race

package stage

// underRace says that the race detector is on, which makes everything ten to
// twenty times as slow.
const underRace = true
