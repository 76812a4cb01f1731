// Package publishtest has a git repository and a registry, for tests of publications.
package publishtest

import (
	"context"
	"io/fs"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Repo is a repository with a commit.
type Repo struct {
	Hash   string
	Dirty  []string
	Branch bool
	Err    error // of OnDefaultBranch
}

const (
	First  = "1111111111111111111111111111111111111111"
	Second = "2222222222222222222222222222222222222222"
)

func (r Repo) Head() (image.Commit, error) {
	return image.Commit{Hash: r.Hash, Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))}, nil
}
func (r Repo) Changed(context.Context, ...string) ([]string, error) { return r.Dirty, nil }
func (r Repo) SourceURL() string                                    { return "https://forge.example/eblume/blumeops" }
func (r Repo) OnDefaultBranch(context.Context, string) (bool, string, error) {
	return r.Branch, "main", r.Err
}

// Trees are files that the working tree and all commits have.
type Trees struct {
	fs.FS
	Ignored []string
	Missing error
}

func (r Trees) Recorded(string) (fs.FS, error)                                { return r.FS, nil }
func (r Trees) CheckContainer(context.Context, string, image.Container) error { return r.Missing }
func (r Trees) IgnoredOf(context.Context, fs.FS, image.Container) ([]string, error) {
	return r.Ignored, nil
}

func Clean(hash string) Repo { return Repo{Hash: hash, Branch: true} }
