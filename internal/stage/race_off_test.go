//go:build !race

package stage

const underRace = false
