package gitfetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/trust"
)

// Git fetches sources.
type Git struct {
	Cache   string   // folder for fetched repositories
	Environ []string // of the user: the git command gets the variables that it requires to read the user's configuration and credentials
}

// Tree is the source of a program, laid out as files.
type Tree struct {
	Dir    string
	Commit string // in full; "" for a folder of the user's
	remove func() error
}

// Release removes the files, unless the folder is the user's.
func (t Tree) Release() error {
	if t.remove == nil {
		return nil
	}
	return t.remove()
}

// Fetch returns the source as files. A commit that was fetched before requires no network; a branch is fetched each time. The result is
// the requested commit or an error: git checks the hashes of fetched objects, and the commit's hash is checked before the files are
// written.
// The caller releases the tree.
func (g Git) Fetch(ctx context.Context, s Source) (Tree, error) {
	if s.Dir != "" {
		dir, err := filepath.Abs(s.Dir)
		return Tree{Dir: dir}, err
	}
	if _, err := exec.LookPath("git"); err != nil {
		return Tree{}, &GitError{Source: s, What: "requires the command git, which is not on PATH", Do: "install git, or set BLUMEOPS_DOCS_SOURCE to a folder"}
	}
	if err := os.MkdirAll(g.Cache, 0o755); err != nil {
		return Tree{}, err
	}
	r, release, err := g.open(ctx, s)
	if err != nil {
		return Tree{}, err
	}
	defer release()
	commit, err := r.commit(ctx)
	if err != nil {
		return Tree{}, err
	}
	return r.checkout(ctx, commit)
}

// repository is the bare repository with everything fetched from one URL.
type repository struct {
	git    Git
	source Source
	dir    string
}

// open makes the repository if it does not exist. One process at a time may use it.
func (g Git) open(ctx context.Context, s Source) (_ repository, release func(), err error) {
	sum := sha256.Sum256([]byte(s.URL))
	r := repository{git: g, source: s, dir: filepath.Join(g.Cache, hex.EncodeToString(sum[:8])+".git")}
	lock := flock.New(r.dir + ".lock")
	if _, err := lock.TryLockContext(ctx, 100*time.Millisecond); err != nil {
		return r, nil, fmt.Errorf("wait for another process that fetches %s: %w", s, err)
	}
	release = func() { _ = lock.Close() }
	if _, err := os.Stat(filepath.Join(r.dir, "HEAD")); errors.Is(err, fs.ErrNotExist) {
		if _, err := r.run(ctx, nil, "init", "--quiet", "--bare", r.dir); err != nil {
			release()
			return r, nil, err
		}
	}
	return r, release, nil
}

// commit fetches the source's commit into the repository and returns its full hash.
func (r repository) commit(ctx context.Context) (string, error) {
	if r.source.Pinned() {
		if commit, err := r.findPinned(ctx); err == nil {
			return commit, nil
		}
		return r.fetchPinned(ctx)
	}
	if _, err := r.run(ctx, nil, "fetch", "--quiet", "--depth=1", "--no-tags", r.source.URL, r.source.Ref); err != nil {
		return "", err
	}
	out, err := r.run(ctx, nil, "rev-parse", "--verify", "FETCH_HEAD^{commit}")
	return strings.TrimSpace(out), err
}

// findPinned is the pinned commit, if the repository has it with all of its files: an earlier fetch may have been interrupted.
func (r repository) findPinned(ctx context.Context) (string, error) {
	ref := r.source.Ref
	out, err := r.run(ctx, nil, "rev-parse", "--verify", "--quiet", ref+"^{commit}")
	if err != nil {
		return "", r.failed("has no such commit", "check that the commit was pushed to a branch or a tag of that repository")
	}
	if commit := strings.TrimSpace(out); commit != ref {
		return "", r.failed("is a tag of the commit "+commit, "use the hash of the commit")
	}
	_, err = r.run(ctx, nil, "rev-list", "--quiet", "--objects", "--max-count=1", ref)
	return ref, err
}

// fetchPinned fetches only the commit, or everything if a server does not serve single commits.
func (r repository) fetchPinned(ctx context.Context) (string, error) {
	_, err := r.run(ctx, nil, "fetch", "--quiet", "--depth=1", "--no-tags", r.source.URL, r.source.Ref)
	if err != nil && ctx.Err() == nil {
		_, err = r.run(ctx, nil, "fetch", "--quiet", "--force", r.source.URL, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
	}
	if err != nil {
		return "", err
	}
	return r.findPinned(ctx)
}

// checkout writes the files of a commit into a new folder. The user's configuration does not affect them.
func (r repository) checkout(ctx context.Context, commit string) (_ Tree, err error) {
	dir, err := scratch.Make(r.git.Cache, "tree-")
	if err != nil {
		return Tree{}, err
	}
	t := Tree{Dir: filepath.Join(dir.Path, "src"), Commit: commit, remove: dir.Remove}
	defer func() {
		if err != nil {
			err = errors.Join(err, t.Release())
		}
	}()
	if err := os.Mkdir(t.Dir, 0o755); err != nil {
		return Tree{}, err
	}
	plain := []string{"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_INDEX_FILE=" + filepath.Join(dir.Path, "index")}
	_, err = r.run(ctx, plain, "--work-tree="+t.Dir, "-c", "core.bare=false", "-c", "core.symlinks=true", "checkout", "--quiet", "--force", commit, "--", ".")
	if err == nil {
		err = setModes(t.Dir)
	}
	return t, err
}

// setModes gives files and folders the modes that git stores, with any umask.
func setModes(dir string) error {
	return filepath.WalkDir(dir, func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() && !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		mode := fs.FileMode(0o644)
		if e.IsDir() || info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		return os.Chmod(name, mode)
	})
}

// grace is the time for git to end after ctx has ended.
const grace = 2 * time.Second

// run runs git on the repository, with additional variables.
func (r repository) run(ctx context.Context, env []string, args ...string) (stdout string, err error) {
	// Fetched objects are checked. Background maintenance is off, as it would outlive the lock.
	always := []string{"--git-dir=" + r.dir, "-c", "fetch.fsckObjects=true", "-c", "gc.auto=0", "-c", "maintenance.auto=false"}
	if args[0] == "init" {
		always = nil
	}
	cmd := exec.CommandContext(ctx, "git", append(always, args...)...)
	cmd.Dir, cmd.Env = r.git.Cache, append(environ(r.git.Environ), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := procgroup.Run(ctx, cmd, grace); err != nil { // git has child processes, which keep the pipes open
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		return "", &GitError{Source: r.source, What: "cannot be fetched", Stderr: strings.TrimSpace(errs.String()), err: err}
	}
	return out.String(), nil
}

func (r repository) failed(what, do string) error {
	return &GitError{Source: r.source, What: what, Do: do}
}

// repositoryVariables are variables that make git use another repository than the given one, as hooks set them.
var repositoryVariables = []string{
	"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE", "GIT_COMMON_DIR",
	"GIT_PREFIX", "GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT",
}

// environ is the environment of git without variables that git does not need, such as tokens of the run: git must not prompt, and must not use a
// transport that could run a command.
func environ(given []string) []string {
	env := slices.DeleteFunc(procgroup.Environment(given, procgroup.Git), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(repositoryVariables, name)
	})
	return append(env, "GIT_TERMINAL_PROMPT=0", "GIT_ALLOW_PROTOCOL=https:http:ssh:git:file", "LC_ALL=C")
}

// GitError says that git could not fetch a source.
type GitError struct {
	Source Source
	What   string
	Stderr string // output of git
	Do     string
	err    error
}

func (e *GitError) Error() string {
	text := "source " + e.Source.String() + " " + e.What
	if e.Stderr != "" {
		text += ": " + e.Stderr
	}
	return text
}

// Hint says what to do about it.
func (e *GitError) Hint() string {
	refused, untrusted := trust.Said(e.Stderr)
	switch {
	case e.Do != "":
		return e.Do
	case untrusted:
		return refused.Do + "; git does not read the settings of this project: set http.sslCAInfo in its configuration, or GIT_SSL_CAINFO"
	case strings.Contains(e.Stderr, "could not read Username") || strings.Contains(e.Stderr, "Authentication failed") || strings.Contains(e.Stderr, "Permission denied"):
		return "git requires credentials for this repository: set up a credential helper or an SSH key, or set BLUMEOPS_DOCS_SOURCE to a mirror"
	default:
		return "check that the repository is reachable and has that commit, or set BLUMEOPS_DOCS_SOURCE to a mirror or a folder"
	}
}

// Unwrap returns the command's error.
func (e *GitError) Unwrap() error { return e.err }
