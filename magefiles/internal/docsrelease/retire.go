package docsrelease

import (
	"context"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// retire removes packages that are no longer used: of versions before this one that are not among the newest Keep, nor named by the
// branch. A preview retires nothing: versions before it may still be made after it, and their packages may be uploaded already.
func (r *releasing) retire(ctx context.Context) error {
	if r.Keep <= 0 || r.request.withPre() {
		return nil
	}
	heads, err := r.Origin.Look(ctx)
	if err != nil {
		return err
	}
	kept, err := r.kept(heads)
	if err != nil {
		return err
	}
	there, err := r.Packages.Versions(ctx)
	if err != nil {
		return err
	}
	for _, version := range there {
		if versions.IsRelease(version) && isBefore(version, r.decision.version) && !slices.Contains(kept, version) {
			if err := r.Packages.Delete(ctx, version); err != nil {
				return err
			}
			r.note("the package of " + version + " was removed")
		}
	}
	return nil
}

// kept are the versions whose packages stay.
func (r *releasing) kept(heads vcs.Heads) ([]string, error) {
	newest := versions.All(heads.Tags)
	kept := newest[:min(r.Keep, len(newest))]
	commits := []string{heads.Commit}
	for _, version := range kept {
		commits = append(commits, heads.Tags[version])
	}
	for _, commit := range commits {
		p, err := r.pinAtTag(commit)
		if err != nil {
			return nil, err
		}
		if version, _, ok := r.Packages.Locate(p.url); ok {
			kept = append(slices.Clone(kept), version)
		}
	}
	return kept, nil
}
