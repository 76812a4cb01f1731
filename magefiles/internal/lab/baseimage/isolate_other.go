//go:build !linux

package baseimage

import "os/exec"

// isolate does nothing: images are made on Linux, and elsewhere debootstrap is not found.
func isolate(*exec.Cmd) {}
