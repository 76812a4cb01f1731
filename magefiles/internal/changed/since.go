package changed

import (
	"errors"
	"io/fs"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// SinceCommit compares all containers with one commit, and asks no registry.
type SinceCommit struct {
	Files     fs.FS // the repository
	Bases     func(dockerfile string) ([]string, error)
	Head      string   // the commit of HEAD
	Since     string   // the commit to compare with
	Paths     []string // of files that differ since then
	Host      string
	Namespace string
}

// Run compares.
func (c SinceCommit) Run() (Containers, error) {
	set, faults := readContainers(c.Files, c.Host, c.Namespace, c.Bases)
	if set == nil {
		return nil, faults
	}
	changes, err := set.changes(c.Head, func(image.Name) string { return c.Since }, func(_, n image.Name) (string, error) {
		return set.first(n, func(s image.Source) (bool, error) {
			return slices.ContainsFunc(c.Paths, func(file string) bool {
				return s.Counts(file) || strings.HasPrefix(s.Path, file+"/") // a submodule that contains it
			}), nil
		})
	})
	return changes, errors.Join(faults, err)
}
