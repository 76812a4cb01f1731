package gitremote

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Apply applies a patch to the files of a folder. Nothing is changed if a part of it does not apply.
func Apply(ctx context.Context, dir, patch string) error {
	// A repository in the folder, or around it, could name commands and another work tree.
	_, err := Remote{stdin: patch, noRepository: true}.run(ctx, dir, "apply", "--allow-empty")
	var failed *Error
	if errors.As(err, &failed) {
		return fmt.Errorf("git apply: %w", failed.Err)
	}
	return err
}

// Diff is a patch from the folder a to the folder b, both in dir. Folders .git are removed from them.
func Diff(ctx context.Context, dir string) (string, error) {
	return diff(ctx, dir, "-p", "--binary", "--full-index", "--no-renames")
}

// Stat counts the lines of a file that differs. A binary file has none.
type Stat struct {
	Added, Removed int
	Old            string // the path before a file was renamed, otherwise ""
}

// Stats are the files that differ, by their paths in the folder b, or in a if they were removed.
func Stats(ctx context.Context, dir string) (map[string]Stat, error) {
	out, err := diff(ctx, dir, "--numstat", "-z", "-M")
	if err != nil {
		return nil, err
	}
	stats := map[string]Stat{}
	for parts := strings.Split(out, "\x00"); len(parts) > 1; {
		numbers := strings.SplitN(parts[0], "\t", 3)
		if len(numbers) != 3 {
			return nil, fmt.Errorf("git diff-tree --numstat: unexpected %q", parts[0])
		}
		var s Stat
		s.Added, _ = strconv.Atoi(numbers[0]) // "-" for a binary file
		s.Removed, _ = strconv.Atoi(numbers[1])
		name := numbers[2]
		parts = parts[1:]
		if name == "" && len(parts) > 1 { // renamed: the two names follow
			s.Old, name, parts = parts[0], parts[1], parts[2:]
		}
		stats[name] = s
	}
	return stats, nil
}

// diff compares the folders a and b in dir, where it makes a repository.
func diff(ctx context.Context, dir string, options ...string) (string, error) {
	var r Remote
	repository := filepath.Join(dir, "diff.git")
	if err := newRepository(ctx, dir, repository); err != nil {
		return "", err
	}
	args := append([]string{"--git-dir=" + repository, "diff-tree", "-r", "--no-color", "--no-ext-diff"}, options...)
	for _, name := range []string{"a", "b"} {
		tree, err := r.tree(ctx, repository, filepath.Join(dir, name))
		if err != nil {
			return "", err
		}
		args = append(args, tree)
	}
	return r.run(ctx, dir, args...)
}

// withoutRepositories removes all folders and files .git: git adds no files of a repository in a folder, only the name of its commit.
func withoutRepositories(dir string) error {
	return filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != ".git" {
			return err
		}
		if err := os.RemoveAll(file); err != nil || !e.IsDir() {
			return err
		}
		return fs.SkipDir
	})
}

// tree adds the files of a folder to the repository, and returns the name of their tree.
func (r Remote) tree(ctx context.Context, repository, dir string) (string, error) {
	with := []string{"--git-dir=" + repository, "--work-tree=" + dir, "-c", "core.bare=false"}
	if _, err := r.run(ctx, dir, append(with, "add", "--all", "--force", ".")...); err != nil {
		return "", err
	}
	out, err := r.run(ctx, dir, append(with, "write-tree")...)
	return strings.TrimSpace(out), err
}
