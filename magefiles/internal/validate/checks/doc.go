// Package checks holds the checks of the target validate, one file each.
//
// To add one: a file NAME.go that declares it, its cases below testdata/NAME, and a line in list.go. Each case is a txtar archive
// (golang.org/x/tools/txtar) of a small repository. One in ok/ must be silent; one in err/ comes with a .out of the same name, which
// holds the findings, a line each. «go test ./magefiles/internal/validate/checks -update» writes the .out files: read the difference
// before it is committed. Each rule of a check has at least one case in err/.
package checks
