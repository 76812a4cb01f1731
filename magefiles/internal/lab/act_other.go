//go:build !linux

package lab

import "errors"

// writeOnce is not called: start refuses what would read.
func writeOnce(string, []byte) (stop func(), err error) {
	return nil, errors.New("workflows are run on Linux: use a machine with it, or a container")
}

// killTree has nothing to kill: start refuses.
func killTree(int) {}
