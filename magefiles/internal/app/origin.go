package app

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

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/site"
)

// origin is the repository that is released from.
func (a *App) origin(client *forge.Client) (*origin, error) {
	git, err := a.git()
	if err != nil {
		return nil, err
	}
	if err := a.Require("ReleaseAuthor"); err != nil {
		return nil, console.BadInput(err)
	}
	author, err := a.Author()
	if err != nil {
		return nil, console.BadInput(err)
	}
	remote, err := a.gitRemote(git, a.gitCredentials)
	if err != nil {
		return nil, err
	}
	return &origin{
		git: git, checkout: a.tree(), remote: remote, forge: client, repository: a.repository(), author: author, warn: a.console.Warn,
		signer: func(ctx context.Context) (*repo.Signer, error) {
			if !a.hasSecret(a.SigningKey, site.SigningKeyVariable) {
				return nil, nil
			}
			key, err := a.key(ctx, a.SigningKey, site.SigningKeyVariable)
			if err != nil {
				return nil, err
			}
			return repo.ParseSigner(key)
		},
	}, nil
}

// origin is a task.Origin.
type origin struct {
	git        *repo.Repo
	checkout   fs.FS // the files that it lies among
	remote     *repo.Remote
	forge      *forge.Client
	repository forge.Repository
	author     *mail.Address
	signer     func(context.Context) (*repo.Signer, error)
	warn       func(string)

	branch string // that was looked at last
}

// defaultBranch is that of a remote which does not say.
const defaultBranch = "main"

// CheckPush asks git's server for the right to write, and the forge for its rules about the branch, which git's server does not tell.
func (o *origin) CheckPush(ctx context.Context) error {
	if err := o.remote.PushRight(ctx); err != nil {
		return err
	}
	refs, err := o.remote.Refs(ctx)
	if err != nil {
		return err
	}
	if _, err := o.signer(ctx); err != nil {
		return fmt.Errorf("key that commits are signed with: %w", err)
	}
	return failed(o.forge.Preflight(ctx, forge.Need{Repository: o.repository, Branch: cmp.Or(refs.Default, defaultBranch)}))
}

// CheckTag asks the forge for its rules about tags, which git's server does not tell.
func (o *origin) CheckTag(ctx context.Context, name string) error {
	return failed(o.forge.Preflight(ctx, forge.Need{Repository: o.repository, Tags: []string{name}}))
}

// Look fetches the branch, with which the tags on it come.
func (o *origin) Look(ctx context.Context) (task.Heads, error) {
	refs, err := o.remote.Refs(ctx)
	if err != nil {
		return task.Heads{}, err
	}
	o.branch = cmp.Or(refs.Default, defaultBranch)
	heads := task.Heads{Branch: o.branch, Commit: refs.Heads[o.branch], Tags: map[string]string{}}
	if _, err := o.remote.Fetch(ctx, o.branch); err != nil {
		return task.Heads{}, err
	}
	newest := ""
	for name, tag := range refs.Tags {
		heads.Tags[name] = tag.Commit
		if semver.IsValid(name) && (newest == "" || semver.Compare(name, newest) > 0) {
			newest = name
		}
	}
	if newest != "" && !o.has(heads.Tags[newest]) {
		_, err = o.remote.Fetch(ctx, "refs/tags/"+newest)
	}
	return heads, err
}

// has tells whether this clone has a commit.
func (o *origin) has(commit string) bool {
	_, err := o.git.Snapshot(commit)
	return err == nil
}

func (o *origin) Push(ctx context.Context, p task.PushRequest) error {
	err := o.remote.Push(ctx, repo.PushOptions{Branch: p.Branch, Old: p.Base, New: p.Commit, Tag: p.Tag, TagHash: p.TagObject})
	if errors.Is(err, repo.ErrRace) {
		return &task.RaceError{Err: err}
	}
	return err
}

func (o *origin) Files(commit string) (fs.FS, error) { return o.git.Snapshot(commit) }

func (o *origin) Tree(commit, path string) (string, error) {
	hash, err := o.git.Tree(commit, path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	return hash, err
}

// Contains fetches what Argo CD, say, has seen before this clone did.
func (o *origin) Contains(ctx context.Context, commit, ancestor string) (bool, error) {
	if !o.has(commit) {
		if _, err := o.remote.Fetch(ctx, cmp.Or(o.branch, defaultBranch)); err != nil {
			return false, err
		}
	}
	ok, err := o.git.Contains(ctx, commit, ancestor)
	if errors.Is(err, repo.ErrUnknownCommit) {
		return false, nil // of another branch, or gone
	}
	return ok, err
}

func (o *origin) Parent(commit string) (string, error) { return o.git.Parent(commit) }

func (o *origin) options(ctx context.Context, message string, when time.Time) (repo.CommitOptions, error) {
	signer, err := o.signer(ctx)
	return repo.CommitOptions{Message: message, Name: o.author.Name, Email: o.author.Address, When: when, Signer: signer}, err
}

func (o *origin) Commit(ctx context.Context, base string, changes []task.Change, message string, when time.Time) (string, error) {
	options, err := o.options(ctx, message, when)
	if err != nil {
		return "", err
	}
	theirs := make([]repo.Change, len(changes))
	for i, c := range changes {
		theirs[i] = repo.Change{Path: c.Path, Content: c.Content, Delete: c.Delete}
	}
	return o.git.Commit(ctx, base, theirs, options)
}

func (o *origin) Tag(ctx context.Context, name, commit, message string, when time.Time) (string, error) {
	options, err := o.options(ctx, message, when)
	if err != nil {
		return "", err
	}
	return o.git.Tag(ctx, name, commit, options)
}

// Unpushed leaves out what is as the commit has it: a fast-forward that was cut off leaves such files.
func (o *origin) Unpushed(ctx context.Context, commit string, under ...string) ([]string, error) {
	changed, err := o.git.Changed(ctx, under...)
	if err != nil {
		return nil, err
	}
	tree, err := o.git.Snapshot(commit)
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

func (o *origin) same(tree fs.FS, name string) bool {
	theirs, errTheirs := fs.ReadFile(tree, name)
	ours, errOurs := fs.ReadFile(o.checkout, name)
	if errors.Is(errTheirs, fs.ErrNotExist) && errors.Is(errOurs, fs.ErrNotExist) {
		return true
	}
	return errTheirs == nil && errOurs == nil && bytes.Equal(ours, theirs)
}

// warnOfCommits says that a release is made of what the forge has.
func (o *origin) warnOfCommits(ctx context.Context, commit string) {
	head, err := o.git.Head()
	if err != nil {
		return
	}
	if ok, err := o.git.Contains(ctx, commit, head.Hash); err == nil && !ok {
		o.warn(fmt.Sprintf("HEAD of this checkout (%.12s) is not on %s at the forge: what it adds is not in the release", head.Hash, o.branch))
	}
}

func (o *origin) Adopt(ctx context.Context, branch, base, commit string) (string, error) {
	o.remote.Follow(branch, commit)
	return o.git.FastForward(ctx, branch, base, commit)
}

// taggable is a task.TagRemote.
type taggable struct {
	*origin
	follow bool // what the forge makes of the tag
}

// CheckTag asks git's server and the forge for the right to write, for the key, and for rules about tags.
func (o taggable) CheckTag(ctx context.Context, name string) error {
	if err := o.remote.TagRight(ctx); err != nil {
		return err
	}
	if _, err := o.signer(ctx); err != nil {
		return fmt.Errorf("key that tags are signed with: %w", err)
	}
	return failed(o.forge.Preflight(ctx, forge.Need{Repository: o.repository, Tags: []string{name}, Runs: o.follow}))
}

// PushTag pushes a tag alone.
func (o taggable) PushTag(ctx context.Context, name, object string) error {
	err := o.remote.PushTag(ctx, name, object)
	if errors.Is(err, repo.ErrRace) {
		return &task.RaceError{Err: err}
	}
	return err
}
