package toolbuild

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"golang.org/x/mod/modfile"
)

// State is the state of a program in the sources.
type State struct {
	Version string // of Program.Module, such as v1.2.3
	Key     string // of the content: another key means another executable
	Path    string // of the executable, absolute, whether it is kept or not
	Kept    bool   // the executable exists

	program Program
	dir     string // of the pinned module
}

// Label is the program's name for people: its title and version.
func (s State) Label() string { return s.program.Title + " " + s.Version }

// Inspect reads the inputs of a build of the program, and builds nothing. It takes a few milliseconds.
func (b Builder) Inspect(p Program) (State, error) {
	s := State{program: p, dir: p.Dir}
	sources, err := b.sources()
	if err != nil {
		return s, fmt.Errorf("sources of %s: %w", p.Title, err)
	}
	if !filepath.IsAbs(s.dir) {
		s.dir = filepath.Join(sources, filepath.FromSlash(p.Dir))
	}
	if s.Version, err = s.required(); err != nil {
		return s, err
	}
	if s.Key, err = s.hash(); err != nil {
		return s, fmt.Errorf("sources of %s: %w", p.Title, err)
	}
	if s.Path, err = filepath.Abs(filepath.Join(b.Bin, p.Name+"-"+s.Key)); err != nil {
		return s, err
	}
	s.Kept = isBuilt(s.Path)
	return s, nil
}

func isBuilt(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// required is the version of the program's module, from the pinned module's go.mod.
func (s State) required() (string, error) {
	path := filepath.Join(s.dir, "go.mod")
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the sources of %s: %w", s.program.Title, err)
	}
	file, err := modfile.ParseLax(path, data, nil)
	if err != nil {
		return "", err
	}
	for _, r := range file.Require {
		if r.Mod.Path == s.program.Module {
			return r.Mod.Version, nil
		}
	}
	return "", fmt.Errorf("%s does not require %s, which sets the version of %s", path, s.program.Module, s.program.Title)
}

// keyLength is how many hexadecimal digits a key has.
const keyLength = 16

// anyKey is a pattern of filepath.Glob for a key. With only "*", argocd would also match argocd-server.
var anyKey = strings.Repeat("[0-9a-f]", keyLength)

// hash covers the module's own files, which are few and small: go.sum pins the dependencies.
func (s State) hash() (string, error) {
	h := sha256.New()
	p := s.program
	fmt.Fprintf(h, "%q %q %q %q %q %t %q %q\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, p.Package, p.Tags, p.CGO, p.Stamp, p.Patch)
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			return s.skip(path, d)
		}
		if name := d.Name(); name != "go.mod" && name != "go.sum" && (filepath.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go")) {
			return nil
		}
		return s.hashFile(h, path)
	})
	return hex.EncodeToString(h.Sum(nil))[:keyLength], err
}

// skip omits folders that are not part of the module.
func (s State) skip(path string, d fs.DirEntry) error {
	if path == s.dir {
		return nil
	}
	if name := d.Name(); name == "testdata" || name[0] == '.' || name[0] == '_' {
		return fs.SkipDir
	}
	if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
		return fs.SkipDir // its own module
	}
	return nil
}

func (s State) hashFile(h io.Writer, path string) error {
	name, err := filepath.Rel(s.dir, path)
	if err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // a clone with core.autocrlf has these line ends, and Go builds the same program from them
	// The length makes the stream unambiguous for each set of files.
	fmt.Fprintf(h, "%q %d\n%s", filepath.ToSlash(name), len(data), data)
	return nil
}
