// Command hello is a program that tests build.
package main

import (
	"fmt"

	"example.org/lib"
)

var version, number, key = "unset", "unset", "unset"

func main() { fmt.Println(lib.Greeting, version, number, key) }
