package console

import (
	"context"
	"io"
	"os"
)

// noTerminal is the reason why a command cannot be given the user's terminal.
type noTerminal struct{ reason string }

func (e *noTerminal) Error() string { return "this requires a terminal: " + e.reason }

// Hint says what to do.
func (e *noTerminal) Hint() string {
	return "run it in the foreground of a terminal, without a pipe, and not in CI"
}

// MayAttend returns the reason why commands in containers cannot be given the user's terminal; nil if they can.
func (c *Console) MayAttend() error {
	in, out := terminalOf(c.stdin), c.shown()
	switch {
	case c.ci:
		return &noTerminal{"$CI is set"}
	case in == nil:
		return &noTerminal{"stdin is not a terminal"}
	case out == nil:
		return &noTerminal{"neither stdout nor stderr is a terminal"}
	case !in.foreground():
		return &noTerminal{"this command runs in the background"}
	}
	return nil
}

// shown is the file that is shown on a terminal: stdout, or else stderr; nil if there is none.
func (c *Console) shown() *os.File {
	for _, w := range []io.Writer{c.out.to, c.err.to, c.tty} {
		if f, ok := w.(*os.File); ok && terminalOf(f) != nil {
			return f
		}
	}
	return nil
}

// UseTTY makes Attend use the terminal that controls this process, for a program whose stdin is a pipe of another program. It does nothing if
// stdin is a terminal, which has another purpose then, or if there is no such terminal: Attend is refused.
func (c *Console) UseTTY() {
	if terminalOf(c.stdin) != nil {
		c.stdin = nil
		return
	}
	if tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0); err == nil {
		c.stdin, c.tty = tty, tty // open until the process ends
	}
}

// Attend gives the user's terminal to a command in a container, until Close: what is typed and what the command prints pass as they are, and
// nothing of it gets into a log. The lines are printed before. Everything else that is printed meanwhile waits, and so do other callers.
func (c *Console) Attend(ctx context.Context, lines []string) (*Attended, error) {
	select {
	case c.attending <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	a, err := c.attend(lines)
	if err != nil {
		<-c.attending
		return nil, err
	}
	return a, nil
}

func (c *Console) attend(lines []string) (*Attended, error) {
	if err := c.MayAttend(); err != nil {
		return nil, err
	}
	c.pause(lines)
	a, err := newAttended(c, c.stdin, c.shown())
	if err != nil {
		c.resume()
		return nil, err
	}
	return a, nil
}

// held is a text that waits until the terminal is free.
type held struct {
	to   *Writer
	text string
}

// pause prints the lines, and then holds all output back. A live view disappears.
func (c *Console) pause(lines []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.screen != nil {
		c.screen.erase(c.err)
	}
	text := ""
	for _, line := range lines {
		text += line + "\n"
	}
	_ = c.put(c.err, c.safe(text)) // as in line
	c.paused = true
}

func (c *Console) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.paused = false
	for _, h := range c.held {
		_ = c.put(h.to, h.text) // as in line
	}
	c.held = nil
	if c.screen != nil {
		c.screen.draw(c.err)
		_ = c.err.Flush()
	}
}
