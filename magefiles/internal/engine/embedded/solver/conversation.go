package solver

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"sync"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/frame"
)

// conversation is the traffic between a user and the exec init.
type conversation struct {
	to        Streams
	fail      func(error) // ends the process
	output    frame.Decoder
	complaint bytes.Buffer // of the init itself; BuildKit writes to it from one goroutine, which has ended after Wait
	input     *io.PipeReader

	mu     sync.Mutex
	typed  *io.PipeWriter
	code   int
	exited bool
}

func newConversation(to Streams, fail func(error)) *conversation {
	c := &conversation{to: to, fail: fail}
	c.output.Handle = func(kind frame.Kind, data []byte) error {
		if err := c.handle(kind, data); err != nil {
			fail(err)
		}
		return nil // BuildKit's client would wait forever for a process whose output cannot be written
	}
	c.input, c.typed = io.Pipe()
	return c
}

// Write takes the output of the init.
func (c *conversation) Write(p []byte) (int, error) {
	if _, err := c.output.Write(p); err != nil {
		c.fail(err)
	}
	return len(p), nil // as in newConversation
}

// handle handles a message of the init.
func (c *conversation) handle(kind frame.Kind, data []byte) (err error) {
	switch kind {
	case frame.Stdout:
		_, err = c.to.Stdout.Write(data)
	case frame.Stderr:
		to := c.to.Stderr
		if c.to.Sizes != nil {
			to = c.to.Stdout
		}
		_, err = to.Write(data)
	case frame.Exit:
		c.mu.Lock()
		c.code, c.exited = frame.Number(data, 0), true
		c.mu.Unlock()
		c.end()
	default:
		err = fmt.Errorf("unknown message %q of the exec init", kind)
	}
	return err
}

func (c *conversation) exitCode() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.code, c.exited
}

// end ends the input of the init, which then ends too.
func (c *conversation) end() { _ = c.typed.Close() } // never fails

// send sends a message to the init. After the end it does nothing.
func (c *conversation) send(kind frame.Kind, data []byte) error {
	var message bytes.Buffer
	if err := frame.Write(&message, kind, data); err != nil {
		return err
	}
	_, err := c.typed.Write(message.Bytes()) // a pipe keeps the bytes of one write together
	return err
}

// read passes on what the user types.
func (c *conversation) read() {
	buf := make([]byte, 32<<10)
	for c.to.Stdin != nil {
		n, err := c.to.Stdin.Read(buf)
		if n > 0 && c.send(frame.Input, buf[:n]) != nil {
			return
		}
		if err != nil {
			break
		}
	}
	_ = c.send(frame.Close, nil) // an error says that the command has ended
}

// resize passes on each size of the terminal.
func (c *conversation) resize(ctx context.Context) {
	for {
		select {
		case size, ok := <-c.to.Sizes:
			if !ok || c.send(frame.Resize, frame.Numbers(size.Columns, size.Rows)) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}
