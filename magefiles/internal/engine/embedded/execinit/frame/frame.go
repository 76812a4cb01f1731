// Package frame has the messages between the engine and the exec init while a person uses a command: what is typed and the sizes of the
// terminal in one direction, the output and the exit code in the other.
//
// BuildKit ends the connection of all processes of a session if it gets input for a process that has ended. So the init is the process that
// BuildKit knows: it outlives the command, and reads until the engine, which then knows the exit code, ends the input.
//
// The package imports only the standard library: it is compiled into the init.
package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Kind is the kind of a message.
type Kind byte

// The kinds. Input, Close and Resize go to the init, all others come from it.
const (
	Input  Kind = 'i' // bytes for the command
	Close  Kind = 'c' // the end of the input
	Resize Kind = 'r' // the size of the terminal: two numbers of 32 bits, columns and rows
	Stdout Kind = 'o'
	Stderr Kind = 'e'
	Exit   Kind = 'x' // the exit code: a number of 32 bits; the last message
)

const (
	header = 5
	// maxData is the largest content of a message.
	maxData = 1 << 20
)

// Write writes one message, or several if the content is too long for one, with one call of Write for each.
func Write(w io.Writer, kind Kind, data []byte) error {
	for {
		part := data[:min(len(data), maxData)]
		message := binary.BigEndian.AppendUint32([]byte{byte(kind)}, uint32(len(part)))
		if _, err := w.Write(append(message, part...)); err != nil {
			return err
		}
		if data = data[len(part):]; len(data) == 0 {
			return nil
		}
	}
}

// Numbers are the content of a message that has numbers.
func Numbers(values ...int) []byte {
	var out []byte
	for _, v := range values {
		out = binary.BigEndian.AppendUint32(out, uint32(v))
	}
	return out
}

// Number is the number at an index of a content, 0 if it has none.
func Number(data []byte, index int) int {
	if len(data) < 4*(index+1) {
		return 0
	}
	return int(binary.BigEndian.Uint32(data[4*index:]))
}

// Decoder takes apart a stream of messages that is written to it.
type Decoder struct {
	Handle  func(Kind, []byte) error // the content is valid during the call
	pending []byte
}

// Write implements io.Writer.
func (d *Decoder) Write(p []byte) (int, error) {
	d.pending = append(d.pending, p...)
	for len(d.pending) >= header {
		size := int(binary.BigEndian.Uint32(d.pending[1:]))
		if size > maxData {
			return 0, fmt.Errorf("a message of %d bytes: at most %d are allowed", size, maxData)
		}
		if len(d.pending) < header+size {
			break
		}
		if err := d.Handle(Kind(d.pending[0]), d.pending[header:header+size]); err != nil {
			return 0, err
		}
		d.pending = d.pending[header+size:]
	}
	if len(d.pending) == 0 {
		d.pending = nil
	}
	return len(p), nil
}

// ErrCut is the error of a stream that ends inside a message.
var ErrCut = errors.New("the stream ends inside a message")

// Read reads messages until the end of the stream.
func Read(r io.Reader, handle func(Kind, []byte) error) error {
	d := &Decoder{Handle: handle}
	if _, err := io.Copy(onlyWriter{d}, r); err != nil {
		return err
	}
	if len(d.pending) > 0 {
		return ErrCut
	}
	return nil
}

type onlyWriter struct{ io.Writer }
