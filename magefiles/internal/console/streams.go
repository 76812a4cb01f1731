package console

import (
	"errors"
	"io"
)

// Streams are stdout and stderr for a program of the user: what it prints passes as it is, except that secrets are masked. Nothing else may be
// printed until Flush.
type Streams struct {
	Stdout, Stderr io.Writer
	flush          func() error
}

// Streams returns the streams.
func (c *Console) Streams() *Streams {
	var failed error // of stdout, whose readers are waiting for all of it
	return &Streams{Stdout: remembering{c.out, &failed}, Stderr: c.err, flush: func() error {
		return errors.Join(asResult(errors.Join(failed, c.out.Flush())), c.err.Flush())
	}}
}

// Flush writes what is held back. Its error is also that of an earlier write to stdout, a *ResultError.
func (s *Streams) Flush() error { return s.flush() }

// remembering is a writer whose first error is kept.
type remembering struct {
	io.Writer
	failed *error
}

func (r remembering) Write(p []byte) (int, error) {
	n, err := r.Writer.Write(p)
	if err != nil && *r.failed == nil {
		*r.failed = err
	}
	return n, err
}
