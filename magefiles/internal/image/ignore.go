package image

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// IgnorePatterns reads what of a Dockerfile's folder does not travel to the engine: the
// patterns of Dockerfile.dockerignore if it is there, else of .dockerignore, as Docker has
// it. The Dockerfile and the ignore file themselves always travel.
func IgnorePatterns(fsys fs.FS, dir string) ([]string, error) {
	for _, name := range []string{"Dockerfile.dockerignore", ".dockerignore"} {
		text, err := fs.ReadFile(fsys, path.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		patterns, err := ignorefile.ReadAll(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Join(dir, name), err)
		}
		if _, err := patternmatcher.New(patterns); err != nil {
			return nil, fmt.Errorf("%s: %w", path.Join(dir, name), err)
		}
		if len(patterns) == 0 {
			return nil, nil
		}
		return append(patterns, "!Dockerfile", "!"+name), nil
	}
	return nil, nil
}
