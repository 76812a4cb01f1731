package python

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Generation is the input of a build: of one sdist, and of the wheel that is made from it.
type Generation struct {
	Name        string // of the package, as an index knows it
	Source      string // folder of this machine with the files of the project
	Backend     string
	BackendPath []string
	Requires    []string
	Env         map[string]string // variables of the build backend
}

// Generation is the build of a project from its files in a folder. Its files get the time at, and so does the content of wheel and sdist. With a
// version, tools that take it from git use that one: the build has no history.
func (p Project) Generation(source string, at time.Time, version Version) Generation {
	env := map[string]string{
		"SOURCE_DATE_EPOCH": strconv.FormatInt(at.Unix(), 10), "PYTHONHASHSEED": "0", "TZ": "UTC", "LC_ALL": "C.UTF-8",
	}
	if p.From == FromTag {
		env["SETUPTOOLS_SCM_PRETEND_VERSION"] = version.String()
	}
	return Generation{Name: p.Name.Normalized(), Source: source, Backend: p.Backend, BackendPath: p.BackendPath, Requires: p.Requires, Env: env}
}

// stageError is a file of a project that cannot be used.
type stageError struct{ name, reason, do string }

func (e *stageError) Error() string { return e.name + " " + e.reason }

// Hint says what to do.
func (e *stageError) Hint() string { return e.do }

// Stage copies files of a project into the new folder to, with the modes that git records. Names are slash paths from the root of the
// repository; those outside of the project are left out. A link is replaced by the file that it leads to.
func (p Project) Stage(files fs.FS, names []string, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		inside, ok := strings.CutPrefix(name, p.Dir+"/")
		if p.Dir == "." {
			inside, ok = name, true
		}
		if !ok {
			continue
		}
		if err := stage(files, name, filepath.Join(to, filepath.FromSlash(inside))); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(to, File)); err != nil {
		return &stageError{path.Join(p.Dir, File), "is ignored by git", "remove it from .gitignore: a build has only files that git does not ignore"}
	}
	return nil
}

func stage(files fs.FS, name, to string) (err error) {
	info, err := fs.Stat(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &stageError{name, "is a link to a file that does not exist in the repository", "remove the link, or replace it by a file"}
	case err != nil:
		return &stageError{name, "cannot be read: " + reason(err).Error(), "a file, or a link to a file in the repository, is required"}
	case info.IsDir():
		return &stageError{name, "is a link to a folder", "replace it by a folder, or by links to files"}
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	from, err := files.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, from)
	err = errors.Join(err, f.Chmod(mode), f.Close()) // independent of the umask
	if err != nil {
		return fmt.Errorf("copy %s: %w", name, err)
	}
	return nil
}
