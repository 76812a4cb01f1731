package docsrelease

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// Rollback writes the package of an older version to the branch's manifest again, and deploys that. The tags, the changelog and the packages
// do not change, so a rollback takes no longer than a commit and its deployment. It also goes forward, to a version that was rolled back.
type Rollback struct {
	Systems
	// Keep is the number of versions that keep their packages; 0 is all. It explains a missing package.
	Keep int
}

// The states of a rollback, in addition to StatusUnchanged and StatusPlanned.
const (
	// StatusRolledBack: the branch names the version, and the website serves it.
	StatusRolledBack step.Status = "rolled back"
)

// RolledBack is the result of Rollback.
type RolledBack struct {
	Version string      `json:"version"`
	Status  step.Status `json:"status"`
	Commit  string      `json:"commit,omitempty"` // of the branch, with the version
	URL     string      `json:"url"`
	SHA256  string      `json:"sha256"`
}

// String is the one line that scripts read: the version.
func (r RolledBack) String() string { return r.Version }

// Outputs are the outputs of a CI job, by name.
func (r RolledBack) Outputs() map[string]string {
	return map[string]string{"version": r.Version, "status": string(r.Status), "commit": r.Commit, "url": r.URL, "sha256": r.SHA256}
}

// Summary is a line of Markdown for the page of a CI job.
func (r RolledBack) Summary() string { return fmt.Sprintf("- docs `%s` (%s)", r.Version, r.Status) }

// DryRun returns the same use case without writes: it prints what would be written.
func (r Rollback) DryRun(plan func(string)) Rollback {
	r.Systems = r.Systems.dryRun(plan)
	return r
}

// Run rolls back. Another run finishes one that was interrupted.
func (r Rollback) Run(ctx context.Context, version string) (RolledBack, error) {
	if !versions.IsRelease(version) {
		_, err := image.ParseVersion(version)
		if err == nil || version == "" {
			err = &image.InvalidError{What: "version", Input: version, Reason: "expected vX.Y.Z, the tag of a release"}
		}
		return RolledBack{}, err
	}
	back := &rollingBack{Rollback: r, branch: gitops.Branch{Origin: r.Origin, Note: r.note}, version: version}
	if err := r.checkAll(ctx, r.checks(false)); err != nil {
		return RolledBack{}, err
	}
	if err := back.branch.Run(ctx, r.Watch, back.steps); err != nil {
		return RolledBack{}, err
	}
	return back.result, nil
}

// rollingBack is the state of one run of Rollback.
type rollingBack struct {
	Rollback
	branch  gitops.Branch
	version string
	d       delivery
	result  RolledBack
}

// steps check the package again after the push: another client may have retired it in between.
func (r *rollingBack) steps() []step.Step {
	r.d = delivery{Systems: r.Systems, version: r.version, live: true}
	return append([]step.Step{
		{Name: r.branch.Step("read the remote"), Run: r.look},
		{Name: r.branch.Step("check the package of " + r.version), Run: r.verifyPackage},
		{Name: r.branch.Step("commit and push"), Run: r.push},
	}, r.d.steps(r.branch.Step)...)
}

// look reads the pin of the version's manifest.
func (r *rollingBack) look(ctx context.Context) (err error) {
	if err = r.branch.Look(ctx); err != nil {
		return err
	}
	commit, ok := r.branch.Heads.Tags[r.version]
	if !ok {
		newest := versions.All(r.branch.Heads.Tags)
		return &unknownVersionError{Version: r.version, Newest: newest[:min(3, len(newest))]}
	}
	if r.d.pin, err = r.pinAtTag(commit); err != nil {
		return err
	}
	if !r.isOf(r.d.pin, r.version) {
		return &pinError{r.version, r.d.pin.url}
	}
	r.d.branch = r.branch.Heads.Branch
	r.result = RolledBack{Version: r.version, URL: r.d.pin.url, SHA256: r.d.pin.sum}
	return nil
}

// verifyPackage distinguishes a retired package from a lost one.
func (r *rollingBack) verifyPackage(ctx context.Context) error {
	err := r.d.verifyPackage(ctx)
	var gone *storeError
	if r.Keep <= 0 || !errors.As(err, &gone) || !gone.Missing {
		return err
	}
	kept := versions.All(r.branch.Heads.Tags)
	kept = kept[:min(r.Keep, len(kept))]
	if slices.Contains(kept, r.version) {
		return err
	}
	return &retiredError{Version: r.version, Keep: r.Keep, Kept: kept}
}

// push writes the version to the branch, if it is not there yet.
func (r *rollingBack) push(ctx context.Context) error {
	change, changed, err := r.pinned(r.branch.Heads.Commit, r.d.pin)
	if err != nil {
		return err
	}
	r.d.commit, r.d.tip, r.result.Commit, r.result.Status = r.branch.Heads.Commit, r.branch.Heads.Commit, r.branch.Heads.Commit, step.StatusUnchanged
	if !changed {
		r.note("the branch already names " + r.version)
		return nil
	}
	message := fmt.Sprintf("Roll %s back to %s [skip ci]\n", r.Name, r.version)
	commit, err := r.Origin.Commit(ctx, r.branch.Heads.Commit, []vcs.Change{change}, message, r.now())
	if err != nil {
		return err
	}
	if err := r.branch.Push(ctx, commit); err != nil {
		return err
	}
	r.d.base, r.d.commit, r.d.tip = r.branch.Heads.Commit, commit, commit
	r.result.Commit, r.result.Status = commit, StatusRolledBack
	if r.plan != nil {
		r.result.Commit, r.result.Status = "", step.StatusPlanned
	}
	return nil
}
