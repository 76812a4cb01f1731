package console

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

const (
	keptLogs     = 100 // the newest files, which are always kept in a folder of logs
	maxLogTitle  = 100 // bytes of a title in the name of its log
	logExtension = ".log"
)

// logFile holds every line of every step. A nil logFile discards all lines.
type logFile struct {
	path string
	file *os.File
	held *flock.Flock // while it is written, so that it is not deleted
	to   *Writer
	err  error // the first error of a write
}

// newLogFile makes a log of its own for this run, even if another run has the same title at the same moment, and deletes
// the oldest ones.
func newLogFile(folder, title string, r *Redactor) (*logFile, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("create the folder for the log: %w", err)
	}
	file, err := os.CreateTemp(folder, logName(title)+time.Now().Format("-20060102-150405-*")+logExtension) // only the owner may read it
	if err != nil {
		return nil, fmt.Errorf("create the log: %w", err)
	}
	l := &logFile{path: file.Name(), file: file, held: lockOf(file.Name()), to: r.Writer(file)}
	if _, err := l.held.TryLock(); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the log: %w", err), file.Close())
	}
	deleteOldLogs(folder, keptLogs)
	return l, nil
}

func lockOf(path string) *flock.Flock { return flock.New(path, flock.SetFlag(os.O_RDONLY)) }

var notInLogNames = regexp.MustCompile(`[^A-Za-z0-9._]+`)

// logName is a title as the beginning of a file's name.
func logName(title string) string {
	name := notInLogNames.ReplaceAllString(title, "-")
	return cmp.Or(strings.Trim(name[:min(len(name), maxLogTitle)], "-."), "run")
}

// deleteOldLogs keeps the newest logs of a folder, and those that a run still writes. A log that cannot be deleted is ignored.
func deleteOldLogs(folder string, keep int) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	var logs []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && e.Type().IsRegular() && filepath.Ext(e.Name()) == logExtension {
			logs = append(logs, info)
		}
	}
	slices.SortFunc(logs, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, old := range logs[min(keep, len(logs)):] {
		path := filepath.Join(folder, old.Name())
		held := lockOf(path)
		if free, err := held.TryLock(); err == nil && free {
			_ = os.Remove(path)
		}
		_ = held.Close()
	}
}

func (l *logFile) name() string {
	if l == nil {
		return ""
	}
	return l.path
}

// line writes immediately, without a buffer: the log is most useful after the process was killed.
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
	return errors.Join(l.err, l.to.Flush(), l.file.Close(), l.held.Close())
}
