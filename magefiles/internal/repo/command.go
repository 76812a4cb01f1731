package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/procgroup"
)

// The git command answers questions that depend on the work tree, the index and the configuration. It gets an environment of its own, and settings
// that override those of the user. So it runs no other program, makes no request, and gives the same answer for any user settings of speed, display
// or hooks. Settings that define the content count: excludes, attributes, line ends, the executable bit.

// inherited are variables that the git command gets from the user: to find its own parts, and the user's configuration. None of them makes it
// use another repository or write elsewhere, as GIT_DIR, GIT_CONFIG_COUNT or GIT_TRACE would.
var inherited = []string{
	"PATH", "HOME", "USER", "TMPDIR", "LD_LIBRARY_PATH", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME",
	"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
}

// fixed are variables of each run.
var fixed = []string{
	"LC_ALL=C",                                                              // messages are parsed
	"GIT_OPTIONAL_LOCKS=0",                                                  // queries write nothing
	"GIT_ALLOW_PROTOCOL=",                                                   // a partial clone fetches nothing
	"GIT_NO_LAZY_FETCH=1",                                                   // the same, in newer versions of git
	"GIT_TERMINAL_PROMPT=0",                                                 // no prompts
	"GIT_NO_REPLACE_OBJECTS=1",                                              // as in go-git
	"GIT_COMMITTER_NAME=blumeops", "GIT_COMMITTER_EMAIL=blumeops@localhost", // in the logs of references
}

// overrides take precedence over the user's configuration (https://git-scm.com/docs/git-config).
var overrides = map[string]string{
	"core.fsmonitor":           "false", // would run a program
	"core.hooksPath":           os.DevNull,
	"core.untrackedCache":      "false", // would trust the times of folders
	"core.trustctime":          "true",  // a written file counts as changed until its content is compared; not where git writes the index
	"core.checkStat":           "default",
	"core.ignoreCase":          "false", // names are those in the commit
	"core.filesRefLockTimeout": "1000",  // milliseconds: another git holds each lock for a moment while it packs references
	"submodule.recurse":        "false",
}

// gitGrace is the time for git to end after the context has ended.
const gitGrace = 2 * time.Second

// gitCall says where the git command runs, and how.
type gitCall struct {
	gitDir, tree string
	getenv       func(string) string
	settings     map[string]string // additional ones
	writes       bool              // the index, for the user's git: it marks entries whose change that git would not see
	stdin        string
}

// GitError says that the git command failed.
type GitError struct {
	Command string // such as "status"
	Stderr  string // output of git
	Err     error
}

func (e *GitError) Error() string {
	if errors.Is(e.Err, exec.ErrNotFound) {
		return "the git command is not on PATH"
	}
	if e.Stderr == "" {
		return fmt.Sprintf("git %s: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("git %s: %s", e.Command, plain.Short(e.Stderr, 500))
}

// Hint is the advice for errors about which git gives none.
func (e *GitError) Hint() string {
	if errors.Is(e.Err, exec.ErrNotFound) {
		return "install git"
	}
	return ""
}

// Unwrap returns the reason.
func (e *GitError) Unwrap() error { return e.Err }

// run runs the git command and returns its output. When the context ends, git is interrupted and cleans up.
func (c gitCall) run(ctx context.Context, args ...string) (string, error) {
	where := []string{"--git-dir=" + c.gitDir, "--work-tree=" + c.tree, "--literal-pathspecs", "--no-pager"}
	cmd := exec.CommandContext(ctx, "git", append(where, args...)...) // #nosec G204 -- paths come after "--"
	var out, said bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = c.tree, c.environment(), strings.NewReader(c.stdin), &out, &said
	if err := procgroup.Run(ctx, cmd, gitGrace); err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		return "", &GitError{Command: args[0], Stderr: strings.TrimSpace(said.String()), Err: err}
	}
	return out.String(), nil
}

// environment is the whole environment of git. run names the folders, so git does not check their owner: that check protects from the programs
// that a configuration names, and none is run.
func (c gitCall) environment() []string {
	env := slices.Clone(fixed)
	for _, name := range inherited {
		if value := c.getenv(name); value != "" {
			env = append(env, name+"="+value)
		}
	}
	if c.getenv("HOME") == "" { // only the checkout's own configuration
		env = append(env, "GIT_CONFIG_NOSYSTEM=1", "GIT_ATTR_NOSYSTEM=1")
	}
	settings := maps.Clone(overrides)
	maps.Copy(settings, c.settings)
	if c.writes {
		delete(settings, "core.trustctime")
		delete(settings, "core.checkStat")
	}
	for i, key := range slices.Sorted(maps.Keys(settings)) {
		n := strconv.Itoa(i)
		env = append(env, "GIT_CONFIG_KEY_"+n+"="+key, "GIT_CONFIG_VALUE_"+n+"="+settings[key])
	}
	return append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(settings)))
}

// run runs the git command on this work tree, for commands that do not read or write the content of files.
func (r *Repo) run(ctx context.Context, args ...string) (string, error) {
	return gitCall{gitDir: r.gitDir(), tree: r.root, getenv: r.getenv}.run(ctx, args...)
}

// unfiltered is git on this work tree without the filter programs of the configuration (gitattributes, "filter"): files are compared and written
// as git stores them.
func (r *Repo) unfiltered(ctx context.Context) (gitCall, error) {
	settings, err := r.noFilters(ctx)
	return gitCall{gitDir: r.gitDir(), tree: r.root, getenv: r.getenv, settings: settings}, err
}

// noFilters are settings that turn off all filters of the configuration.
func (r *Repo) noFilters(ctx context.Context) (map[string]string, error) {
	const nothingFound = 1
	out, err := r.run(ctx, "config", "--null", "--name-only", "--get-regexp", `^filter\..*\.`)
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == nothingFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	settings := map[string]string{}
	for key := range fields(out) {
		driver := key[:strings.LastIndexByte(key, '.')]
		settings[driver+".clean"], settings[driver+".smudge"], settings[driver+".process"] = "", "", ""
		settings[driver+".required"] = "false"
	}
	return settings, nil
}

// fields iterates over the parts of an output of git, each of which ends with a zero byte.
func fields(out string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for out != "" {
			one, rest, _ := strings.Cut(out, "\x00")
			if !yield(one) {
				return
			}
			out = rest
		}
	}
}
