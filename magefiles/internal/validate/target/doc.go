// Package target reads which targets a magefile has, and what they take, without running Go.
//
// The rules are those of mage v1.17: exported functions and methods of namespaces whose parameters are of the types that mage converts;
// a pointer parameter is a flag (-name=value), and positionals come before flags. mage's own parser (magefile/mage/parse) was turned down:
// it reads from the disk, not from a tree of files, and asks `go list` about mage:import.
package target
