package lab

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh/knownhosts"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// CloneURL is a repository's address over HTTP, through the fault proxy.
func (f *Forge) CloneURL(owner, repository string) string {
	return f.URL() + "/" + owner + "/" + repository + ".git"
}

// SSHURL is a repository's address over SSH.
func (f *Forge) SSHURL(owner, repository string) string {
	return "ssh://git@" + f.ssh + "/" + owner + "/" + repository + ".git"
}

// KnownHosts is the line of a known_hosts file for the forge's SSH.
func (f *Forge) KnownHosts() string { return knownhosts.Line([]string{f.ssh}, f.hostKey) + "\n" }

// GitEnv is the environment with which git sends a user's token to this forge. So the token is in no URL and no argument.
func (f *Forge) GitEnv(user, token string) []string {
	return gitConfig("http."+f.URL()+"/.extraHeader", basic(user, token))
}

func basic(user, token string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+token))
}

// gitConfig is the environment that sets pairs of names and values in git's configuration.
func gitConfig(pairs ...string) []string {
	env := []string{"GIT_TERMINAL_PROMPT=0", fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(pairs)/2)}
	for i := range len(pairs) / 2 {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, pairs[2*i]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, pairs[2*i+1]))
	}
	return env
}

// Seed makes a repository whose main has one commit with the files of a folder, and returns the commit, which is the same for
// the same files. A repository that has other commits is an error.
func (f *Forge) Seed(ctx context.Context, owner, repository, dir string) (commit string, err error) {
	commit, err = f.send(ctx, owner, repository, func(bare gitRun) (string, error) {
		// All of the folder's files, including those that a .gitignore among them names.
		if _, err := bare.with("-C", dir, "--work-tree=.").run(ctx, "add", "--all", "--force", "."); err != nil {
			return "", err
		}
		tree, err := bare.run(ctx, "write-tree")
		if err != nil {
			return "", err
		}
		return bare.run(ctx, "commit-tree", "-m", "Seed", tree)
	})
	if err != nil {
		return "", fmt.Errorf("seed %s/%s with %s: %w", owner, repository, dir, err)
	}
	return commit, nil
}

// Push makes a repository if it is missing, pushes the commit that ref names in a checkout to its main, and returns that commit. Nothing is
// pushed if the repository has it already. A shallow clone, whose history git does not push, gives one commit with its files and without a
// history.
func (f *Forge) Push(ctx context.Context, owner, repository, checkout, ref string) (commit string, err error) {
	commit, err = f.send(ctx, owner, repository, func(bare gitRun) (string, error) {
		return f.fetchFrom(ctx, bare, checkout, ref)
	})
	if err != nil {
		return "", fmt.Errorf("push %s of %s to %s/%s: %w", ref, checkout, owner, repository, err)
	}
	return commit, nil
}

// fetchFrom lets a repository use the objects of a checkout, and returns the commit to push. A push from the checkout itself would run its hooks and
// use its configuration.
func (f *Forge) fetchFrom(ctx context.Context, bare gitRun, checkout, ref string) (string, error) {
	from := gitRun{git: f.git, flags: []string{"-C", checkout}}
	commit, err := from.run(ctx, "rev-parse", "--verify", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return "", err
	}
	objects, err := from.run(ctx, "rev-parse", "--path-format=absolute", "--git-path", "objects")
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(bare.dir, "objects", "info", "alternates"), []byte(objects+"\n"), 0o600); err != nil {
		return "", err
	}
	shallow, err := from.run(ctx, "rev-parse", "--is-shallow-repository")
	if err != nil || shallow != "true" {
		return commit, err
	}
	return bare.run(ctx, "commit-tree", "-m", "Files of "+commit+", whose history the clone does not have", commit+"^{tree}")
}

// send pushes the commit that prepare makes, in a temporary repository, to main.
func (f *Forge) send(ctx context.Context, owner, repository string, prepare func(gitRun) (string, error)) (commit string, err error) {
	folder, err := scratch.Make("", "blumeops-push-")
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, folder.Remove()) }()
	tmp := folder.Path
	bare := gitRun{git: f.git, dir: tmp, flags: []string{"--git-dir=" + tmp}}
	if _, err := bare.run(ctx, "init", "--quiet", "--bare", "--template="); err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Join(tmp, "objects", "info"), 0o700); err != nil {
		return "", err
	}
	if commit, err = prepare(bare); err != nil {
		return "", err
	}
	there, err := f.has(ctx, owner, repository, commit)
	if err != nil || there {
		return commit, err
	}
	bare.authorization = basic(f.Admin, f.state.AdminToken)
	_, err = bare.run(ctx, "push", "--quiet", f.behind.String()+"/"+owner+"/"+repository+".git", commit+":refs/heads/main")
	if err != nil && strings.Contains(err.Error(), "[rejected]") {
		err = fmt.Errorf("its branch main has other commits: use another repository or a new lab: %w", err)
	}
	if err != nil {
		return "", err
	}
	return commit, f.process.ready(ctx, func(ctx context.Context) error { return f.waitUntilFilled(ctx, owner, repository) })
}

// waitUntilFilled waits for Gitea, which answers a push before it has noted that the repository is not empty any more. Until then many requests to its API
// fail.
func (f *Forge) waitUntilFilled(ctx context.Context, owner, repository string) error {
	var found struct{ Empty bool }
	err := f.asAdmin(ctx, http.MethodGet, "/api/v1/repos/"+owner+"/"+repository, nil, &found)
	if err == nil && found.Empty {
		err = errors.New("the forge still reports an empty repository")
	}
	return err
}

// has reports whether a repository has a commit. A missing repository is made.
func (f *Forge) has(ctx context.Context, owner, repository, commit string) (bool, error) {
	path := "/api/v1/repos/" + owner + "/" + repository
	err := f.asAdmin(ctx, http.MethodGet, path, nil, nil)
	if isStatus(err, http.StatusNotFound) {
		in := map[string]any{"name": repository, "default_branch": "main"}
		return false, f.asAdmin(ctx, http.MethodPost, "/api/v1/admin/users/"+owner+"/repos", in, nil)
	}
	if err != nil {
		return false, err
	}
	err = f.asAdmin(ctx, http.MethodGet, path+"/git/commits/"+commit, nil, nil)
	if isStatus(err, http.StatusNotFound) {
		return false, nil
	}
	return err == nil, err
}

// gitRun runs git with only the repository's own configuration.
type gitRun struct {
	git           string   // path of the command
	dir           string   // of the repository, if it is a bare one
	flags         []string // before the subcommand
	authorization string   // header for HTTP; "" for none
}

func (g gitRun) with(flags ...string) gitRun {
	g.flags = slices.Concat(g.flags, flags)
	return g
}

func (g gitRun) run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, g.git, slices.Concat(g.flags, args)...)
	cmd.Env = slices.Concat([]string{
		"PATH=" + filepath.Dir(g.git) + ":/usr/bin:/bin", "LC_ALL=C", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		// Always the same, so that the same files give the same commit.
		"GIT_AUTHOR_NAME=Lab", "GIT_AUTHOR_EMAIL=" + forgeMail("lab"), "GIT_AUTHOR_DATE=2025-01-01T00:00:00Z",
		"GIT_COMMITTER_NAME=Lab", "GIT_COMMITTER_EMAIL=" + forgeMail("lab"), "GIT_COMMITTER_DATE=2025-01-01T00:00:00Z",
	}, gitConfig("safe.directory", "*", // a checkout may belong to another user, as in CI
		"http.extraHeader", g.authorization))
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := procgroup.Run(ctx, cmd, time.Second); err != nil { // git's child processes hold the pipes
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
