package gitfetch

import "context"

// Found is a source, with the Git that fetches it.
type Found struct {
	Source
	git Git
}

// Find reads DIR or URL#REF, as Parse does. It fetches nothing.
func (g Git) Find(text string) (Found, error) {
	source, err := Parse(text)
	return Found{source, g}, err
}

// Fetch returns the source as files, which release removes.
func (f Found) Fetch(ctx context.Context) (dir, commit string, release func() error, err error) {
	tree, err := f.git.Fetch(ctx, f.Source)
	return tree.Dir, tree.Commit, tree.Release, err
}
