//go:build race

package simulation_test

// raced: the race detector is on, and makes everything eight times slower.
const raced = true
