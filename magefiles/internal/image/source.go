package image

import (
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/moby/patternmatcher"
)

// Source is a file or a folder of the repository that an image is made from.
type Source struct {
	Path   string                // slash path from the root
	counts func(rel string) bool // by the path below Path; nil if all files count
}

// Whole reports whether all files at the path count.
func (s Source) Whole() bool { return s.counts == nil }

// Counts reports whether the image is made from a file of the repository, given by its path
// from the root.
func (s Source) Counts(file string) bool {
	if file == s.Path {
		return true
	}
	rel, in := strings.CutPrefix(file, s.Path+"/")
	if s.Path == "." {
		rel, in = file, true
	}
	return in && (s.counts == nil || s.counts(rel))
}

// buildContext is the folder of a Dockerfile without the files that its .dockerignore names.
// The Dockerfile and the ignore files always count: the image depends on them. If the patterns
// are invalid all files count, and the build reports the error.
func buildContext(fsys fs.FS, dir string) Source {
	s := Source{Path: dir}
	left, err := ReadIgnored(fsys, dir)
	if err != nil || len(left.Patterns) == 0 {
		return s
	}
	matcher, err := patternmatcher.New(left.Patterns)
	if err != nil {
		return s
	}
	s.counts = func(rel string) bool {
		ignored, err := matcher.MatchesOrParentMatches(rel)
		return err != nil || !ignored || rel == dockerfileName || slices.Contains(ignoreFiles, rel)
	}
	return s
}

// compiled are the extensions of files that the compiler reads without cgo: see `go help
// packages` and the package go/build.
var compiled = []string{".go", ".s", ".S", ".sx", ".h", ".syso"}

// goPackage is the folder of a Go package without tests and without the folders below. If one
// of its files embeds others, every file in the folder counts.
func goPackage(dir string, embeds bool) Source {
	s := Source{Path: dir}
	if !embeds {
		s.counts = func(rel string) bool {
			return !strings.Contains(rel, "/") && slices.Contains(compiled, path.Ext(rel)) && !strings.HasSuffix(rel, "_test.go")
		}
	}
	return s
}

var embedDirective = []byte("//go:embed")
