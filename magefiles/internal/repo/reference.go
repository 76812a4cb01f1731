package repo

import (
	"context"

	"github.com/go-git/go-git/v5/plumbing"
)

// setReference moves a branch, tag or tracking branch from one value to another, with a line in its log. go-git v5 writes in place without a
// lock, so a kill could leave an empty reference. old is zero if the reference must not exist; another value than old is an error.
func (r *Repo) setReference(name plumbing.ReferenceName, old, now plumbing.Hash, log string) error {
	_, err := r.run(context.Background(), "update-ref", "-m", log, string(name), now.String(), old.String())
	return err
}
