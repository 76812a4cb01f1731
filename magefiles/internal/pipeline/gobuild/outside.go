package gobuild

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/scanner"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/regular"
)

// OutsideError is the error of a source file that is not part of the program's module.
type OutsideError struct {
	File   string // that leads there
	Target string // as written
	Reason string
}

// Error implements error.
func (e *OutsideError) Error() string {
	return fmt.Sprintf("%s: %q %s", e.File, e.Target, e.Reason)
}

// ExitStatus is that of bad input.
func (e *OutsideError) ExitStatus() int { return 2 }

// Hint says what to do.
func (e *OutsideError) Hint() string {
	return "move it into the repository and the module: a program may not contain other files of this machine"
}

// checkReadable refuses a program whose own sources cannot be read as files of the module: the go command would wait for a pipe, and follow a link out
// of the module.
func (c Compiler) checkReadable(p Program) error {
	root, err := os.OpenRoot(c.Root)
	if err != nil {
		return err
	}
	defer root.Close()
	tree := regular.FS(root)
	sources, err := image.Sources(tree, image.Container{Kind: image.KindGo, Dir: p.Dir})
	if err != nil {
		return err
	}
	for _, s := range sources {
		if err := readableSource(tree, s); err != nil {
			return err
		}
	}
	return nil
}

// readableSource tries each file that the compiler may read in a folder, and a file itself.
func readableSource(tree fs.FS, s image.Source) error {
	files, err := fs.ReadDir(tree, s.Path)
	if err != nil { // a file, or missing
		f, err := tree.Open(s.Path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return f.Close()
	}
	for _, entry := range files {
		name := s.Path + "/" + entry.Name()
		if entry.IsDir() || !s.Counts(name) || entry.Type().IsRegular() {
			continue
		}
		f, err := tree.Open(name)
		if err != nil {
			return err
		}
		if err := f.Close(); err != nil {
			return err
		}
	}
	return nil
}

// checkInside refuses packages whose assembly includes files outside of their module, and replaced modules outside of the repository. The assembler
// prints the lines of such a file as errors, and the program could contain them.
func (c Compiler) checkInside(packages []listed) error {
	for _, p := range packages {
		if p.Standard || p.Module == nil {
			continue
		}
		if p.Module.local() && !within(c.Root, p.Module.Dir) {
			return &OutsideError{File: "go.mod", Target: p.Module.Path, Reason: "is replaced by a folder outside of the repository: " + p.Module.Dir}
		}
		a := assembly{root: p.Module.Dir, dir: p.Dir, seen: map[string]bool{}}
		for _, name := range p.SFiles {
			if err := a.check(name); err != nil {
				return err
			}
		}
	}
	return nil
}

// assembly are the assembler's files of one package.
type assembly struct {
	root, dir string
	seen      map[string]bool
}

// check reads a file as the assembler would, by its name from the package's folder, and the files that it includes.
func (a assembly) check(name string) error {
	if a.seen[name] {
		return nil
	}
	a.seen[name] = true
	text, err := regular.ReadFile(filepath.Join(a.dir, name))
	if err != nil {
		return err
	}
	for _, included := range includes(string(text)) {
		from := filepath.Join(a.dir, name)
		clean := filepath.Clean(included)
		leaves := filepath.IsAbs(clean) || clean == ".." || strings.HasPrefix(clean, ".."+string(filepath.Separator))
		_, err := os.Lstat(filepath.Join(a.dir, clean))
		switch {
		case filepath.IsAbs(clean):
			return &OutsideError{File: from, Target: included, Reason: "is included by an absolute path"}
		case err != nil && leaves:
			return &OutsideError{File: from, Target: included, Reason: "is included from outside of the module"}
		case err != nil: // it belongs to Go, such as textflag.h
		case !within(a.root, filepath.Join(a.dir, clean)):
			return &OutsideError{File: from, Target: included, Reason: "is included from outside of the module"}
		default:
			if err := a.check(clean); err != nil {
				return err
			}
		}
	}
	return nil
}

// includes are the names in the assembler's #include lines. The tokens are those of cmd/asm/internal/lex, which uses this scanner too.
func includes(text string) (names []string) {
	var s scanner.Scanner
	s.Init(strings.NewReader(text))
	s.Mode = scanner.ScanChars | scanner.ScanFloats | scanner.ScanIdents | scanner.ScanInts | scanner.ScanStrings | scanner.ScanComments | scanner.SkipComments
	s.Error = func(*scanner.Scanner, string) {} // the assembler reports errors
	for tok := s.Scan(); tok != scanner.EOF; tok = s.Scan() {
		if tok != '#' {
			continue
		}
		if s.Scan() != scanner.Ident || s.TokenText() != "include" {
			continue
		}
		if s.Scan() != scanner.String {
			continue
		}
		if name, err := strconv.Unquote(s.TokenText()); err == nil {
			names = append(names, name)
		}
	}
	return names
}

// within reports whether a path is in a folder, with links resolved.
func within(folder, path string) bool {
	folder, err := filepath.EvalSymlinks(folder)
	if err != nil {
		return false
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return false
	}
	rel, err := filepath.Rel(folder, path)
	return err == nil && filepath.IsLocal(rel)
}
