//go:build race

package core_test

// The race detector makes every record cost ten times as much.
const manyCustomers = 10_000
