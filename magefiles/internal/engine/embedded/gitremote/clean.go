package gitremote

import (
	"context"
	"fmt"
	"path/filepath"
)

// Clean makes the files in tree those of the commit HEAD of a repository, which Isolate made safe. Files that git ignores stay, and so do other
// repositories in the folder, as with git restore and git clean. tree must not contain the repository itself; temp is a folder for the index.
func Clean(ctx context.Context, repository, tree, temp string) error {
	r := Remote{index: filepath.Join(temp, "index")}
	for _, args := range [][]string{
		{"read-tree", "HEAD"},
		{"update-index", "-q", "--refresh", "--ignore-submodules"}, // files with the content of the commit are not written again
		{"checkout-index", "--all", "--force", "--quiet"},
		{"clean", "-f", "-d", "-q"},
	} {
		with := []string{"--git-dir=" + repository, "--work-tree=" + tree, "-c", "core.bare=false"}
		if _, err := r.run(ctx, tree, append(with, args...)...); err != nil && args[0] != "update-index" { // it fails if files differ
			return fmt.Errorf("git %s: %w", args[0], err)
		}
	}
	return nil
}
