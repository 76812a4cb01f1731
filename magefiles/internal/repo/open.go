package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
	git "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	formatcfg "github.com/go-git/go-git/v5/plumbing/format/config"
	"github.com/go-git/go-git/v5/storage/filesystem/dotgit"
)

// findGit returns the work tree that contains a folder, and its git folder, which a file .git may name.
func findGit(dir string) (root, gitDir string, err error) {
	if root, err = filepath.Abs(dir); err != nil {
		return "", "", err
	}
	for {
		at := filepath.Join(root, git.GitDirName)
		info, err := os.Stat(at)
		switch {
		case err == nil && info.IsDir():
			return root, at, nil
		case err == nil:
			gitDir, err = readGitLink(at)
			return root, gitDir, err
		case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
			return "", "", err
		}
		parent := filepath.Dir(root)
		if parent == root {
			return "", "", git.ErrRepositoryNotExists
		}
		root = parent
	}
}

// readGitLink reads the file that names the git folder of a linked work tree or a submodule.
func readGitLink(name string) (string, error) {
	raw, err := os.ReadFile(name) // #nosec G304 -- .git above the folder that the program runs in
	if err != nil {
		return "", err
	}
	to, ok := strings.CutPrefix(string(raw), "gitdir: ")
	if !ok {
		return "", fmt.Errorf("%s: expected `gitdir: FOLDER`", name)
	}
	if to = strings.TrimSpace(to); !filepath.IsAbs(to) {
		to = filepath.Join(filepath.Dir(name), to)
	}
	return to, nil
}

// filesOf are the files of a git folder, with those of the common one, and the objects that it borrows. missing are folders of
// borrowed objects that do not exist.
func filesOf(gitDir string) (files billy.Filesystem, missing []string, err error) {
	own, common := osfs.New(gitDir), gitDir
	raw, err := os.ReadFile(filepath.Join(gitDir, "commondir")) // #nosec G304 -- of the git folder
	if errors.Is(err, fs.ErrNotExist) {
		files = own
	} else if err != nil {
		return nil, nil, err
	} else {
		if common = strings.TrimSpace(string(raw)); !filepath.IsAbs(common) {
			common = filepath.Join(gitDir, common)
		}
		if _, err := os.Stat(common); err != nil {
			return nil, nil, fmt.Errorf("the folder that %s/commondir names: %w", gitDir, err)
		}
		files = dotgit.NewRepositoryFilesystem(own, osfs.New(common))
	}
	lenders, missing, err := alternates(filepath.Join(common, "objects"))
	if err != nil || len(lenders) == 0 {
		return files, missing, err
	}
	return borrowing{files, lenders}, missing, nil
}

// Config is the repository's configuration. go-git refuses every extension: those that do not affect this package are left out.
func (s *store) Config() (*config.Config, error) {
	c, err := s.Storage.Config()
	if err != nil || !c.Raw.HasSection("extensions") {
		return c, err
	}
	section := c.Raw.Section("extensions")
	for _, o := range append(formatcfg.Options{}, section.Options...) {
		if harmless[strings.ToLower(o.Key)] || strings.EqualFold(o.Key, "objectFormat") && strings.EqualFold(o.Value, "sha1") ||
			strings.EqualFold(o.Key, "refStorage") && strings.EqualFold(o.Value, "files") {
			section.RemoveOption(o.Key)
		}
	}
	return c, nil
}

// harmless are extensions (https://git-scm.com/docs/git-config#Documentation/git-config.txt-extensions) that do not affect this package: the
// settings of a work tree are read anyway, its links may be relative, no object is ever deleted, and objects of a partial clone may be
// missing, as in any other.
var harmless = map[string]bool{"worktreeconfig": true, "relativeworktrees": true, "preciousobjects": true, "partialclone": true}

// unsupported adds advice about an extension that go-git does not support.
func unsupported(err error) error {
	if !errors.Is(err, git.ErrUnknownExtension) && !errors.Is(err, git.ErrUnsupportedExtensionRepositoryFormatVersion) {
		return err
	}
	switch text := strings.ToLower(err.Error()); {
	case strings.Contains(text, "objectformat"):
		return fmt.Errorf("%w: its objects have SHA-256 names, and go-git supports only SHA-1: use a repository with SHA-1 objects (check with `git rev-parse --show-object-format`)", err)
	case strings.Contains(text, "refstorage"):
		return fmt.Errorf("%w: its branches and tags are not stored as files: run `git refs migrate --ref-format=files`", err)
	}
	return fmt.Errorf("%w: go-git does not support it: use a clone without this extension (`git config --get-regexp '^extensions'` lists them)", err)
}

// explainMissing adds to the error of a missing object why it may be missing, and the advice.
func (r *Repo) explainMissing(err error) error {
	if err == nil || !errors.Is(err, plumbing.ErrObjectNotFound) || len(r.missing) == 0 {
		return err
	}
	return fmt.Errorf("%w: this clone borrows objects (.git/objects/info/alternates) from %s, which does not exist: restore it, or clone again", err, strings.Join(r.missing, ", "))
}

// refuseSparse refuses a checkout without some of its files: checks and builds would miss them.
func (r *Repo) refuseSparse() error {
	sparse := false
	for _, name := range []string{"config", "config.worktree"} {
		raw, err := r.readGitFile(name)
		cfg := formatcfg.New()
		if err != nil || formatcfg.NewDecoder(bytes.NewReader(raw)).Decode(cfg) != nil {
			continue // git reports it itself where it matters
		}
		if core := cfg.Section("core").Options; core.Has("sparsecheckout") {
			sparse = !slices.Contains([]string{"false", "no", "off", "0"}, strings.ToLower(core.Get("sparsecheckout")))
		}
	}
	if !sparse {
		return nil
	}
	return fmt.Errorf("%s: a sparse checkout leaves out files of the repository: run `git sparse-checkout disable`, or use a full clone", r.root)
}
