// Package checks holds the checks of the target validate, one file each.
//
// To add one: a file NAME.go that declares it, its cases below testdata/NAME, and a line in list.go. Each case is a txtar archive
// (golang.org/x/tools/txtar) of a small repository. A case in ok/ must have no findings. A case in err/ has a .out file of the same name
// with its findings, one a line. `go test ./magefiles/internal/validate/checks -update` writes the .out files: read the difference before
// you commit it. Each rule of a check has at least one case in err/.
package checks
