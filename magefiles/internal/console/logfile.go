package console

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// logFile holds every line of every step. A nil one takes all and keeps nothing.
type logFile struct {
	path string
	file *os.File
	to   *Writer
	err  error // first that a write met
}

func newLogFile(path string, r *Redactor) (*logFile, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder for the log: %w", err)
	}
	// A file that lies there may be open to others, or be a link to somewhere else.
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("replace the log: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("make the log: %w", err)
	}
	return &logFile{path: path, file: file, to: r.Writer(file)}, nil
}

func (l *logFile) name() string {
	if l == nil {
		return ""
	}
	return l.path
}

// line writes at once, without a buffer: the log is wanted most when the process was killed.
func (l *logFile) line(since time.Duration, text string) {
	if l == nil || l.err != nil {
		return
	}
	_, l.err = io.WriteString(l.to, fmt.Sprintf("%8.2f %s\n", since.Seconds(), text))
}

func (l *logFile) close() error {
	if l == nil {
		return nil
	}
	return errors.Join(l.err, l.to.Flush(), l.file.Close())
}
