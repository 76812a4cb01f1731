//go:build !linux

package command

// KeepInherited does nothing on this system.
func KeepInherited() {}
