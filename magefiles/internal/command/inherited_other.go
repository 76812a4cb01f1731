//go:build !linux

package command

// KeepInherited does nothing here.
func KeepInherited() {}
