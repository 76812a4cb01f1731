//go:build !linux

package lab

import "errors"

// writeOnce is never called: start refuses to start the reader.
func writeOnce(string, []byte) (stop func(), err error) {
	return nil, errors.New("workflows run only on Linux: use a Linux machine or a container")
}

// killTree has nothing to kill: start refuses.
func killTree(int) {}
