package pipeline

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

// ignored reads what of a build context does not travel: the patterns of
// Dockerfile.dockerignore if it is there, else of .dockerignore, as Docker has it.
// The Dockerfile and the ignore file themselves always travel.
func ignored(dir string) ([]string, error) {
	for _, name := range []string{"Dockerfile.dockerignore", ".dockerignore"} {
		file, err := os.Open(filepath.Join(dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		patterns, err := ignorefile.ReadAll(file)
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
		if _, err := patternmatcher.New(patterns); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
		}
		if len(patterns) == 0 {
			return nil, nil
		}
		return append(patterns, "!Dockerfile", "!"+name), nil
	}
	return nil, nil
}
