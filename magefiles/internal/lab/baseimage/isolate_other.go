//go:build !linux

package baseimage

import "os/exec"

// isolate does nothing: images are made on Linux; other systems do not have debootstrap.
func isolate(*exec.Cmd) {}
