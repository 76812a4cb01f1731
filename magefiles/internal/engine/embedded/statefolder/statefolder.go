// Package statefolder writes the state of a failed step into a folder of the host: its files, and texts about them. Secrets are masked everywhere.
package statefolder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// The content of the folder.
const (
	RootDir    = "rootfs"     // the root file system, with the mounted folders and files in their places
	StepFile   = "step.txt"   // the command, and what it had
	OutputFile = "output.txt" // all that it wrote to stdout and stderr
	FilesFile  = "files.txt"  // kind, mode, owner, size and path of each file
)

// State is the state of a failed step.
type State struct {
	// Lines describe the step.
	Lines []string
	// Output is what the command wrote to stdout and stderr.
	Output []byte
	// Places are the paths in the step of the folders of the archive, whose names there are 0, 1 and so on. The first is "/".
	Places []string
	// Archive writes the tar.
	Archive func(io.Writer) error
	// Mask returns a writer that masks secrets. Close writes what is held back.
	Mask func(io.Writer) io.WriteCloser
}

// Write makes the folder dir, complete or not at all. An empty one may exist.
func Write(dir string, s State) (err error) {
	temp, err := scratch.Make(filepath.Dir(dir), ".blumeops-state-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, temp.Remove()) }()
	made := filepath.Join(temp.Path, "made")
	root := filepath.Join(made, RootDir)
	for _, d := range []string{made, root} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return err
		}
	}
	u, err := newUnpacker(root, s)
	if err != nil {
		return err
	}
	defer u.root.Close()
	if err := u.unpack(s.Archive); err != nil {
		_ = u.open() // a folder without permissions could not be removed
		return err
	}
	for _, text := range []struct{ name, text string }{
		{StepFile, strings.Join(append(s.Lines, u.notes()...), "\n") + "\n"}, {OutputFile, string(s.Output)}, {FilesFile, u.list()},
	} {
		masked, err := s.masked(text.text)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(made, text.name), []byte(masked), 0o600); err != nil {
			return err
		}
	}
	if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) { // os.Rename replaces no folder, not even an empty one
		return &fs.PathError{Op: "replace", Path: dir, Err: err}
	}
	return os.Rename(made, dir)
}

// masked is a text without secrets.
func (s State) masked(text string) (string, error) {
	var out bytes.Buffer
	w := s.Mask(&out)
	_, err := io.WriteString(w, text)
	err = errors.Join(err, w.Close())
	return out.String(), err
}

// notes say what differs from the state in the step.
func (u *unpacker) notes() []string {
	owners := "owners: kept"
	if !u.owners {
		owners = "owners: of the user who ran the build, as only root can keep them; " + FilesFile + " has those of the step"
	}
	notes := []string{owners}
	for _, about := range []struct {
		what  string
		paths []string
	}{
		{"masked secrets in", u.maskedFiles}, {"not kept, only in " + FilesFile, u.special},
	} {
		for _, p := range about.paths {
			notes = append(notes, about.what+": "+printable(p))
		}
	}
	if u.unnamed > 0 {
		notes = append(notes, fmt.Sprintf("not kept, as the name or the target of the link contains a secret: %d", u.unnamed))
	}
	return notes
}
