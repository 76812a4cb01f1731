// Package target reads the targets of a magefile, and their parameters, without running Go.
//
// The rules are those of mage v1.17: exported functions and methods of namespaces whose parameters have types that mage converts; a pointer
// parameter is a flag (-name=value), and positional arguments come before flags. mage's own parser (magefile/mage/parse) was rejected: it
// reads from the disk, not from a tree of files, and calls `go list` for mage:import.
package target
