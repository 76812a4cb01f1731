// Package lib is what the program's version is taken from.
package lib

// Greeting is what the program says.
const Greeting = "hello"
