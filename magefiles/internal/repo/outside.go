package repo

import (
	"context"
	"errors"
	"strings"
)

// outsideLimit bounds the commits that SameOutside reads: it is more than one run makes.
const outsideLimit = 100

// SameOutside lists the commits right before one, along first parents, that only differ from it in files below a folder; the nearest comes
// first. The list ends where the history of a shallow clone ends.
func (r *Repo) SameOutside(ctx context.Context, commit, folder string) ([]string, error) {
	var same []string
	compare := r.Compare()
	for at := commit; len(same) < outsideLimit; {
		parent, err := r.Parent(at)
		if err != nil || parent == "" {
			return same, err
		}
		files, err := compare.Files(ctx, parent, at, ".")
		if errors.Is(err, ErrUnknownCommit) {
			return same, nil
		}
		if err != nil {
			return nil, err
		}
		for _, name := range files {
			if !strings.HasPrefix(name, folder+"/") {
				return same, nil
			}
		}
		same, at = append(same, parent), parent
	}
	return same, nil
}
