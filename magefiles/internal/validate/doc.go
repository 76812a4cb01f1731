// Package validate looks at the files of a repository and says what should be otherwise.
//
// A [Check] is a small value: a name, the rules that it knows, and a function over the [Tree]. [Run] runs checks side by side. What they
// report are findings, which are apart from errors: an error is a check that could not do its work. No check reaches for the network,
// and none stops another, not even by a panic.
//
// The checks themselves are in validate/checks, one file each. To add one: its file, its testdata, and a line in checks/list.go.
package validate
