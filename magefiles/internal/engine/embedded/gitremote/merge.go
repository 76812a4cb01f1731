package gitremote

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// OnConflict is how Merge treats conflicts.
type OnConflict string

// Without a strategy for conflicts, Merge fails.
const (
	Fail         OnConflict = "FAIL"
	LeaveMarkers OnConflict = "LEAVE_CONFLICT_MARKERS"
	PreferOurs   OnConflict = "PREFER_OURS"
	PreferTheirs OnConflict = "PREFER_THEIRS"
)

// Removed are paths that one patch of Merge removes and the other one changes.
type Removed struct{ ByOurs, ByTheirs []string }

// Merge applies several patches to the files in the folder b of dir, and merges the results with git. The first patch is "ours". With one other
// patch, on says what happens to conflicts; with several, each conflict is an error. Folders .git are removed from the files, and a repository is
// made in dir.
func Merge(ctx context.Context, dir string, patches []string, on OnConflict, removed Removed) error {
	m, err := newMerge(ctx, dir)
	if err != nil {
		return err
	}
	branches := []string{"ours"}
	for i := range patches[1:] {
		branches = append(branches, "branch_"+strconv.Itoa(i))
	}
	if len(patches) == 2 {
		branches[1] = "theirs" // the name is in the markers of conflicts
	}
	for i, branch := range branches {
		if err := m.branch(branch, patches[i]); err != nil {
			return err
		}
	}
	if _, err := m.git("", "checkout", "--quiet", "ours"); err != nil {
		return err
	}
	args := []string{"merge", "--no-edit", "--no-commit"}
	switch on {
	case PreferOurs:
		args = append(args, "-X", "ours")
	case PreferTheirs:
		args = append(args, "-X", "theirs")
	}
	args = append(args, branches[1:]...)
	out, err := m.git("", args...)
	var exit *exec.ExitError
	// The status is 1 for conflicts, and 2 for those of more than two branches.
	switch conflict := errors.As(err, &exit) && (exit.ExitCode() == 1 || exit.ExitCode() == 2); { // not -1, of a killed git
	case conflict && on == Fail:
		return fmt.Errorf("git %v: %w: %s", args, exit, out)
	case err != nil && !conflict:
		return err
	}
	return m.resolve(on, removed)
}

// merge is a repository whose work tree is the folder b.
type merge struct {
	ctx  context.Context
	tree string
	with []string
}

func newMerge(ctx context.Context, dir string) (merge, error) {
	repository, tree := filepath.Join(dir, "merge.git"), filepath.Join(dir, "b")
	m := merge{ctx, tree, []string{
		"--literal-pathspecs", "--git-dir=" + repository, "--work-tree=" + tree, "-c", "core.bare=false", "-c", "user.name=Dagger", "-c", "user.email=dagger@localhost",
	}}
	if err := newRepository(ctx, dir, repository); err != nil {
		return m, err
	}
	return m, m.commit("base")
}

func (m merge) git(stdin string, args ...string) (string, error) {
	return Remote{stdin: stdin}.run(m.ctx, m.tree, slices.Concat(m.with, args)...)
}

// commit commits all files, also ignored ones.
func (m merge) commit(message string) error {
	if _, err := m.git("", "add", "--all", "--force", "."); err != nil {
		return err
	}
	_, err := m.git("", "commit", "--quiet", "--allow-empty", "-m", message)
	if err == nil && message == "base" {
		_, err = m.git("", "tag", message)
	}
	return err
}

// branch makes a branch with the patch.
func (m merge) branch(name, patch string) error {
	if _, err := m.git("", "checkout", "--quiet", "-b", name, "base"); err != nil {
		return err
	}
	if patch != "" {
		if _, err := m.git(patch, "apply", "--allow-empty"); err != nil {
			return fmt.Errorf("apply %s patch: %w", name, err)
		}
	}
	return m.commit(name)
}

// resolve decides about the files that one side removed.
func (m merge) resolve(on OnConflict, removed Removed) error {
	for _, file := range slices.Concat(removed.ByOurs, removed.ByTheirs) {
		ours := slices.Contains(removed.ByOurs, file)
		var args []string
		switch {
		case on == Fail:
			continue
		case ours && on == PreferOurs, !ours && on == PreferTheirs:
			args = []string{"rm", "--quiet", "--force", "--", file}
		case ours:
			args = []string{"checkout", "--quiet", "--theirs", "--", file}
		default:
			args = []string{"checkout", "--quiet", "--ours", "--", file}
		}
		if _, err := m.git("", args...); err != nil {
			return err
		}
	}
	return nil
}

// newRepository makes a bare repository for the folders in dir. Attributes in the folders must not change the contents of files.
func newRepository(ctx context.Context, dir, repository string) error {
	if err := withoutRepositories(dir); err != nil {
		return err
	}
	if _, err := (Remote{}).run(ctx, dir, "init", "--quiet", "--bare", repository); err != nil {
		return err
	}
	raw := []byte("* -text -eol -filter -ident -working-tree-encoding\n")
	info := filepath.Join(repository, "info") // it comes from a template, which may be missing
	return errors.Join(os.MkdirAll(info, 0o700), os.WriteFile(filepath.Join(info, "attributes"), raw, 0o600))
}
