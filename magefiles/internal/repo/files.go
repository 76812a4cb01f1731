package repo

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/go-git/go-git/v5/plumbing/filemode"
)

// Files lists the files of the work tree that git tracks, or would with the next git add: sorted, with slashes, relative to the checkout's
// root. What is deleted, ignored, or in a repository or submodule inside this one is left out; symbolic links are listed. It agrees with
// `git ls-files --cached --others --exclude-standard`, less what is not there.
func (r *Repo) Files(ctx context.Context) ([]string, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	c, err := r.comparison(nil)
	if err != nil {
		return nil, err
	}
	c.listing = true
	c.enter()
	if err := c.walk(ctx, ".", false); err != nil {
		return nil, fmt.Errorf("%s: list files: %w", r.root, err)
	}
	list := c.untracked
	for name := range c.seen {
		if c.entries[name].Mode != filemode.Submodule {
			list[name] = true
		}
	}
	return slices.Sorted(maps.Keys(list)), nil
}
