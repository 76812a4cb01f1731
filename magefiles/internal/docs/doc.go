// Package docs holds no code: its tests hold the documentation (README.md and the folder docs) to the code.
//
// They compare what no check of validate does: targets and flags, settings and their defaults, dependencies, rooms, the embedded engine's
// fields and its differences from Dagger, and the paths of files that the pages name.
package docs
