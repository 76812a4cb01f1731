//go:build !linux

package procgroup

// KeepInherited does nothing on this system.
func KeepInherited() {}
