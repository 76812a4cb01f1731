// Package docs holds no code: its tests hold the documentation (README.md and the folder docs) to the code.
//
// They compare what no check of validate does: targets and flags, settings and their defaults, dependencies, packages, the embedded engine's
// fields and its differences from Dagger, the paths of files that the pages name, and the words that the glossary refuses.
package docs
