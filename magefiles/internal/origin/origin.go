// Package origin is the repository that is released from, as the use cases require it: git and the rules of the forge
// together.
package origin

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/mail"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Origin is the repository that is released from: the checkout, the remote on the forge, and the forge's rules.
type Origin struct {
	Git        *repo.Repo
	Checkout   fs.FS // files of the checkout
	Remote     *repo.Remote
	Rules      Rules
	Repository forge.Repository
	Author     *mail.Address
	Signer     func(context.Context) (*repo.Signer, error) // with a nil signer nothing is signed
	Warn       func(string)

	branch string // that was last fetched
}

// Rules are the rules of a forge that git's server does not report: a client of the forge.
type Rules interface {
	Preflight(context.Context, forge.Need) []forge.Check
}

// DefaultBranch is the default branch of a remote that does not name one.
const DefaultBranch = "main"

// CheckPush asks git's server for the right to write, and the forge for its rules about the branch, which git's server does not report.
func (o *Origin) CheckPush(ctx context.Context) error {
	if err := o.Remote.PushRight(ctx); err != nil {
		return err
	}
	refs, err := o.Remote.Refs(ctx)
	if err != nil {
		return err
	}
	if _, err := o.Signer(ctx); err != nil {
		return fmt.Errorf("signing key for commits: %w", err)
	}
	return forge.Failures(o.Rules.Preflight(ctx, forge.Need{Repository: o.Repository, Branch: cmp.Or(refs.Default, DefaultBranch)}))
}

// CheckTag asks the forge for its rules about tags, which git's server does not report.
func (o *Origin) CheckTag(ctx context.Context, name string) error {
	return forge.Failures(o.Rules.Preflight(ctx, forge.Need{Repository: o.Repository, Tags: []string{name}}))
}

// Look fetches the branch and the tags on it.
func (o *Origin) Look(ctx context.Context) (vcs.Heads, error) {
	refs, err := o.Remote.Refs(ctx)
	if err != nil {
		return vcs.Heads{}, err
	}
	o.branch = cmp.Or(refs.Default, DefaultBranch)
	heads := vcs.Heads{Branch: o.branch, Commit: refs.Heads[o.branch], Tags: map[string]string{}}
	if _, err := o.Remote.Fetch(ctx, o.branch); err != nil {
		return vcs.Heads{}, err
	}
	newest := ""
	for name, tag := range refs.Tags {
		heads.Tags[name] = tag.Commit
		if semver.IsValid(name) && (newest == "" || semver.Compare(name, newest) > 0) {
			newest = name
		}
	}
	if newest != "" && !o.Has(heads.Tags[newest]) {
		_, err = o.Remote.Fetch(ctx, "refs/tags/"+newest)
	}
	return heads, err
}

// Has reports whether this clone has a commit.
func (o *Origin) Has(commit string) bool {
	_, err := o.Git.Snapshot(commit)
	return err == nil
}

func (o *Origin) Push(ctx context.Context, p vcs.Push) error {
	err := o.Remote.Push(ctx, p)
	if errors.Is(err, repo.ErrRace) {
		return &vcs.RaceError{Err: err}
	}
	return err
}

func (o *Origin) Files(commit string) (fs.FS, error) { return o.Git.Snapshot(commit) }

func (o *Origin) Tree(commit, path string) (string, error) {
	hash, err := o.Git.Tree(commit, path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return hash, err
}

// Contains fetches a commit that, for example, Argo CD has seen before this clone.
func (o *Origin) Contains(ctx context.Context, commit, ancestor string) (bool, error) {
	if !o.Has(commit) {
		if _, err := o.Remote.Fetch(ctx, cmp.Or(o.branch, DefaultBranch)); err != nil {
			return false, err
		}
	}
	ok, err := o.Git.Contains(ctx, commit, ancestor)
	if errors.Is(err, repo.ErrUnknownCommit) {
		return false, nil // on another branch, or deleted
	}
	return ok, err
}

func (o *Origin) Parent(commit string) (string, error) { return o.Git.Parent(commit) }

func (o *Origin) options(ctx context.Context, message string, when time.Time) (repo.CommitOptions, error) {
	signer, err := o.Signer(ctx)
	return repo.CommitOptions{Message: message, Name: o.Author.Name, Email: o.Author.Address, When: when, Signer: signer}, err
}

func (o *Origin) Commit(ctx context.Context, base string, changes []vcs.Change, message string, when time.Time) (string, error) {
	options, err := o.options(ctx, message, when)
	if err != nil {
		return "", err
	}
	return o.Git.Commit(ctx, base, changes, options)
}

func (o *Origin) Tag(ctx context.Context, name, commit, message string, when time.Time) (string, error) {
	options, err := o.options(ctx, message, when)
	if err != nil {
		return "", err
	}
	return o.Git.Tag(ctx, name, commit, options)
}

// Unpushed leaves out files that are the same as in the commit: an interrupted fast-forward leaves such files.
func (o *Origin) Unpushed(ctx context.Context, commit string, under ...string) ([]string, error) {
	changed, err := o.Git.Changed(ctx, under...)
	if err != nil {
		return nil, err
	}
	tree, err := o.Git.Snapshot(commit)
	if err != nil {
		return nil, err
	}
	var unpushed []string
	for _, name := range changed {
		if !o.same(tree, name) {
			unpushed = append(unpushed, name)
		}
	}
	o.warnOfCommits(ctx, commit)
	return unpushed, nil
}

func (o *Origin) same(tree fs.FS, name string) bool {
	theirs, errTheirs := fs.ReadFile(tree, name)
	ours, errOurs := fs.ReadFile(o.Checkout, name)
	if errors.Is(errTheirs, fs.ErrNotExist) && errors.Is(errOurs, fs.ErrNotExist) {
		return true
	}
	return errTheirs == nil && errOurs == nil && bytes.Equal(ours, theirs)
}

// warnOfCommits warns that a release is made from the commits on the forge.
func (o *Origin) warnOfCommits(ctx context.Context, commit string) {
	head, err := o.Git.Head()
	if err != nil {
		return
	}
	if ok, err := o.Git.Contains(ctx, commit, head.Hash); err == nil && !ok {
		o.Warn(fmt.Sprintf("HEAD of this checkout (%.12s) is not on %s at the forge: its own commits are not in the release", head.Hash, o.branch))
	}
}

func (o *Origin) FastForward(ctx context.Context, branch, base, commit string) (string, error) {
	o.Remote.Follow(branch, commit)
	return o.Git.FastForward(ctx, branch, base, commit)
}

// Tags pushes only tags.
type Tags struct {
	*Origin
	Follow bool // whether to follow the forge's run for the tag
}

// CheckTag asks git's server and the forge for the right to write, for the key, and for rules about tags.
func (o Tags) CheckTag(ctx context.Context, name string) error {
	if err := o.Remote.TagRight(ctx); err != nil {
		return err
	}
	if _, err := o.Signer(ctx); err != nil {
		return fmt.Errorf("signing key for tags: %w", err)
	}
	return forge.Failures(o.Rules.Preflight(ctx, forge.Need{Repository: o.Repository, Tags: []string{name}, Runs: o.Follow}))
}

// PushTag pushes only a tag.
func (o Tags) PushTag(ctx context.Context, name, object string) error {
	err := o.Remote.PushTag(ctx, name, object)
	if errors.Is(err, repo.ErrRace) {
		return &vcs.RaceError{Err: err}
	}
	return err
}
