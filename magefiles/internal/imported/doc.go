// Package imported holds the test that another repository can import the targets: from the module alone, as the Go module proxy has it.
package imported
