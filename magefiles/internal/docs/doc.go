// Package docs has no code. Its tests compare the documentation (README.md and the folder docs) with the code.
//
// They compare what no check of validate compares: targets and flags, settings and their defaults, dependencies, packages, the embedded
// engine's fields and its differences from Dagger, the paths of files in the pages, and the glossary's list of words to avoid.
package docs
