package task_test

import (
	"context"
	"io/fs"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// repo is a repository with a commit.
type repo struct {
	hash    string
	changed []string
	branch  bool
	err     error // of OnDefaultBranch
}

const (
	first  = "1111111111111111111111111111111111111111"
	second = "2222222222222222222222222222222222222222"
)

func (r repo) Head() (image.Commit, error) {
	return image.Commit{Hash: r.hash, Time: time.Date(2026, 3, 1, 12, 0, 0, 0, time.FixedZone("", 3600))}, nil
}
func (r repo) Changed(context.Context, ...string) ([]string, error) { return r.changed, nil }
func (r repo) SourceURL() string                                    { return "https://forge.example/eblume/blumeops" }
func (r repo) OnDefaultBranch(context.Context, string) (bool, string, error) {
	return r.branch, "main", r.err
}

// trees are files that the working tree and all commits have.
type trees struct {
	fs.FS
	ignored []string
	missing error
}

func (r trees) Recorded(string) (fs.FS, error)                                { return r.FS, nil }
func (r trees) CheckContainer(context.Context, string, image.Container) error { return r.missing }
func (r trees) IgnoredOf(context.Context, fs.FS, image.Container) ([]string, error) {
	return r.ignored, nil
}

func clean(hash string) repo { return repo{hash: hash, branch: true} }
