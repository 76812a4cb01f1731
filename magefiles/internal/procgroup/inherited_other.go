//go:build !linux

package procgroup

// CloseInheritedOnExec does nothing on this system.
func CloseInheritedOnExec() {}
