package repo

import "fmt"

// Parent is the first parent of a commit, given by its full hash: "" for the very first commit. The parent may be missing in this clone.
func (r *Repo) Parent(commit string) (string, error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	c, err := r.commit(commit)
	if err != nil {
		return "", fmt.Errorf("parent of a commit: %w", err)
	}
	if len(c.ParentHashes) == 0 {
		return "", nil
	}
	return c.ParentHashes[0].String(), nil
}
