package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// dockerfileName is the file in a container's folder that BuildKit builds.
const dockerfileName = "Dockerfile"

// ignoreFiles name the ignore files of a Dockerfile's folder. Only the first that exists is read.
var ignoreFiles = []string{dockerfileName + ".dockerignore", ".dockerignore"}

// Ignored holds the patterns of files that a Dockerfile cannot copy from its folder.
type Ignored struct {
	Patterns []string // as BuildKit parses them; nil for none
	file     string   // the patterns' file; "" if there is none
}

// ReadIgnored reads the patterns of Dockerfile.dockerignore if it exists, else of .dockerignore, as Docker does.
func ReadIgnored(fsys fs.FS, dir string) (Ignored, error) {
	for _, name := range ignoreFiles {
		text, err := fs.ReadFile(fsys, path.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return Ignored{}, err
		}
		patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
		if err == nil {
			_, err = patternmatcher.New(patterns)
		}
		if err != nil {
			return Ignored{}, fmt.Errorf("%s: %w", path.Join(dir, name), err)
		}
		return Ignored{patterns, name}, nil
	}
	return Ignored{}, nil
}

// Itself reports whether the patterns leave out the Dockerfile or their own file. BuildKit reads both anyway.
func (i Ignored) Itself() bool {
	matcher, err := patternmatcher.New(i.Patterns)
	return err == nil && slices.ContainsFunc([]string{dockerfileName, i.file}, func(name string) bool {
		ignored, err := matcher.MatchesOrParentMatches(name)
		return err == nil && ignored && name != ""
	})
}
