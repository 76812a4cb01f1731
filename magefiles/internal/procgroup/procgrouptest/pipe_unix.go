//go:build unix

package procgrouptest

import (
	"bufio"
	"errors"
	"io"
	"os"
	"syscall"
	"testing"
	"time"
)

// Pipe makes a named pipe for a program that reports that it runs, as with `exec 3>PIPE; echo reached >&3`: then reached is called. When the
// returned function is called, all processes that have the pipe open must have ended, or end soon; else the test fails.
func Pipe(t *testing.T, path string, reached func()) (gone func()) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- follow(path, reached) }()
	return func() {
		t.Helper()
		select {
		case err := <-ended:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("something goes on")
		}
	}
}

// follow reads a pipe until no process has it open any more, and calls reached at the first line.
func follow(path string, reached func()) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	r := bufio.NewReader(f)
	if _, err := r.ReadString('\n'); err != nil {
		return errors.Join(err, f.Close())
	}
	reached()
	_, err = io.Copy(io.Discard, r)
	return errors.Join(err, f.Close())
}
