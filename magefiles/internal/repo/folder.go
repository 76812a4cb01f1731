package repo

import "context"

// CheckOutFolder writes the files of a commit in a folder, and those that its symbolic links lead to, into a folder below cache, as CheckOut does.
func (r *Repo) CheckOutFolder(ctx context.Context, commit, cache, dir string) (*CheckedOut, error) {
	s, err := r.snapshot(commit, true)
	if err != nil {
		return nil, err
	}
	return s.CheckOut(ctx, cache, s.time, []Part{{Path: dir, Links: true}})
}
