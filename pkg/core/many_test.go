//go:build !race

package core_test

const manyCustomers = 100_000
