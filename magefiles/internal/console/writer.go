package console

import (
	"io"
	"sync"
)

// Writer passes on everything that is written to it, with secrets masked. It holds back text only while that text may be the beginning of a
// secret, so never more than the longest secret and never past the end of a line. It may be used by several goroutines.
type Writer struct {
	redactor *Redactor
	to       io.Writer

	mu      sync.Mutex
	held    []byte // text that may be the beginning of a secret
	covered int    // bytes of held that belong to a secret whose mask is written
	out     []byte
}

// Writer makes a Writer that writes to w.
func (r *Redactor) Writer(w io.Writer) *Writer { return &Writer{redactor: r, to: w} }

// Write masks and passes on p. On success it reports all of p as written, though a part may still be held back.
func (w *Writer) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.pass(p, false); err != nil {
		return 0, err
	}
	return len(p), nil
}

// Flush writes the text that is held back. Call it at the end.
func (w *Writer) Flush() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.pass(nil, true)
}

func (w *Writer) pass(p []byte, final bool) error {
	text := p
	if len(w.held) > 0 {
		text = append(w.held, p...)
	}
	w.redactor.mu.RLock()
	out, held, covered := w.redactor.scan(w.out[:0], text, w.covered, final)
	w.redactor.mu.RUnlock()
	w.held, w.covered = append([]byte(nil), text[held:]...), covered
	w.out = out
	if cap(w.out) > 1<<20 {
		w.out = nil // one large write should not stay in memory
	}
	if len(out) == 0 {
		return nil
	}
	_, err := w.to.Write(out)
	return err
}
