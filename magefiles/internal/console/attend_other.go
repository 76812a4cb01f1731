//go:build !unix

package console

import (
	"errors"
	"os"
)

// Attended is the user's terminal while a command has it. This system has none.
type Attended struct{}

func newAttended(*Console, *os.File, *os.File) (*Attended, error) {
	return nil, errors.New("terminals in containers are not supported on this system")
}

// Size is the number of columns and rows.
func (*Attended) Size() (columns, rows int) { return 0, 0 }

// Sizes are the later sizes.
func (*Attended) Sizes() <-chan [2]int { return nil }

// Read reads what is typed.
func (*Attended) Read([]byte) (int, error) { return 0, os.ErrClosed }

// Write shows what the command prints.
func (*Attended) Write([]byte) (int, error) { return 0, os.ErrClosed }

// Close restores the terminal.
func (*Attended) Close() {}
