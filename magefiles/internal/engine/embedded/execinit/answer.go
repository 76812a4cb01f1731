//go:build linux

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/execinit/execmeta"
)

// answer is the folder that the engine reads afterwards.
type answer struct {
	stdout, stderr *os.File
	status         *os.File // open from the start: after a change of user it could not be created
	dir            string
}

func newAnswer(dir string) (*answer, error) {
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, fmt.Errorf("answer folder: %w", err)
	}
	a := &answer{dir: dir}
	for name, f := range map[string]**os.File{
		execmeta.StdoutFile: &a.stdout,
		execmeta.StderrFile: &a.stderr,
		execmeta.StatusFile: &a.status,
	} {
		var err error
		if *f, err = a.create(name); err != nil {
			return nil, err
		}
	}
	if _, err := a.status.Write(bytes.Repeat([]byte(" "), reserved)); err != nil {
		return nil, fmt.Errorf("answer file: %w", err)
	}
	return a, nil
}

// reserved is the disk space of the status file, taken at the start, for a command that fills the disk. JSON may be followed by blanks.
const reserved = 4 << 10

// create opens a new file of the answer. All but the status is appended, so that two writers of one file never overwrite each other.
func (a *answer) create(name string) (*os.File, error) {
	mode := os.O_CREATE | os.O_TRUNC | os.O_WRONLY
	if name != execmeta.StatusFile {
		mode |= os.O_APPEND
	}
	f, err := os.OpenFile(filepath.Join(a.dir, name), mode, 0o600)
	if err != nil {
		return nil, fmt.Errorf("answer file: %w", err)
	}
	return f, nil
}

// writeStatus replaces the content of the status file.
func (a *answer) writeStatus(s execmeta.Status) error {
	text, err := json.Marshal(s)
	if err == nil {
		text = append(text, bytes.Repeat([]byte(" "), max(0, reserved-len(text)))...)
		_, err = a.status.WriteAt(text, 0)
	}
	if err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	return nil
}
