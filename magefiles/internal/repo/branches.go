package repo

import (
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
)

// Branches are the names of the remote's branches that this clone knows. known is false if it may not know all: the remote's default branch
// is unknown, or the clone is shallow or fetches only some.
func (r *Repo) Branches() (names map[string]bool, known bool, err error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	name := r.remoteName()
	if name == "" {
		return nil, false, nil
	}
	shallow, err := r.store.Shallow()
	if err != nil || len(shallow) > 0 {
		return nil, false, err
	}
	remote, err := r.git.Remote(name)
	if err != nil {
		return nil, false, err
	}
	all := slices.ContainsFunc(remote.Config().Fetch, func(spec config.RefSpec) bool { return spec.Src() == "refs/heads/*" })
	prefix := "refs/remotes/" + name + "/"
	head, err := r.store.Reference(plumbing.ReferenceName(prefix + "HEAD"))
	if err != nil || head.Type() != plumbing.SymbolicReference || !all {
		return nil, false, nil
	}
	if _, err := r.git.Reference(head.Target(), true); err != nil {
		return nil, false, nil // it was removed or renamed
	}
	refs, err := r.store.IterReferences()
	if err != nil {
		return nil, false, err
	}
	names = map[string]bool{}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if branch, ok := strings.CutPrefix(string(ref.Name()), prefix); ok && branch != "HEAD" {
			names[branch] = true
		}
		return nil
	})
	return names, true, err
}

// TagNames are the names of the tags that this clone has.
func (r *Repo) TagNames() (names map[string]bool, err error) {
	r.objects.Lock()
	defer r.objects.Unlock()
	refs, err := r.store.IterReferences()
	if err != nil {
		return nil, err
	}
	names = map[string]bool{}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Name().IsTag() {
			names[ref.Name().Short()] = true
		}
		return nil
	})
	return names, err
}
