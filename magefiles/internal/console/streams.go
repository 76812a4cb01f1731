package console

import "errors"

// Streams are stdout and stderr for a program of the user: what it prints passes as it is, except that secrets are masked.
type Streams struct{ Stdout, Stderr *Writer }

// Streams returns the streams. Nothing else may be printed until Flush.
func (c *Console) Streams() Streams { return Streams{c.out, c.err} }

// Flush writes what is held back.
func (s Streams) Flush() error { return errors.Join(s.Stdout.Flush(), s.Stderr.Flush()) }
