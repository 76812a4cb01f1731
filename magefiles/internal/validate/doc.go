// Package validate checks the files of a repository and reports mistakes.
//
// A [Check] is a small value: a name, its rules, and a function over the [Tree]. [Run] runs checks in parallel. Checks report findings.
// Errors are separate: an error is a check that could not run. No check uses the network, and none stops another, not even by a panic.
//
// The checks themselves are in validate/checks, one file each. To add one: its file, its testdata, and a line in checks/list.go.
package validate
