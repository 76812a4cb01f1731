package repo

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	gitconfig "github.com/go-git/go-git/v5/plumbing/format/config"
)

// settings are the git configuration values that decide what counts as a change.
type settings struct {
	excludes string // path of core.excludesFile
	fileMode bool   // core.fileMode: the executable bit counts
	autoCRLF bool   // core.autocrlf: line ends are turned on their way into the repository
	sparse   bool   // core.sparseCheckout: files are left out
}

// settings reads system, user and repository configuration, in this order (https://git-scm.com/docs/git-config#FILES). Of includes only
// the plain ones are followed, and before the rest of their file.
func (r *Repo) settings() (settings, error) {
	s := settings{fileMode: true, excludes: r.defaultExcludes()}
	for _, path := range r.configFiles() {
		raw, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
			continue // as git does for the system's and the user's
		}
		if err != nil {
			return s, fmt.Errorf("git configuration: %w", err)
		}
		if err := r.apply(&s, raw, path, 0); err != nil {
			return s, err
		}
	}
	for _, name := range []string{"config", "config.worktree"} {
		raw, err := r.readGitFile(name)
		if err != nil {
			return s, fmt.Errorf("git configuration: %w", err)
		}
		if err := r.apply(&s, raw, filepath.Join(r.store.Filesystem().Root(), name), 0); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (r *Repo) configFiles() []string {
	var list []string
	switch system := r.getenv("GIT_CONFIG_SYSTEM"); {
	case system != "":
		list = append(list, system)
	case r.getenv("GIT_CONFIG_NOSYSTEM") == "" && r.getenv("HOME") != "":
		list = append(list, "/etc/gitconfig")
	}
	if global := r.getenv("GIT_CONFIG_GLOBAL"); global != "" {
		return append(list, global)
	}
	if dir := r.configHome(); dir != "" {
		list = append(list, filepath.Join(dir, "git", "config"))
	}
	if home := r.getenv("HOME"); home != "" {
		list = append(list, filepath.Join(home, ".gitconfig"))
	}
	return list
}

func (r *Repo) configHome() string {
	if dir := r.getenv("XDG_CONFIG_HOME"); dir != "" {
		return dir
	}
	if home := r.getenv("HOME"); home != "" {
		return filepath.Join(home, ".config")
	}
	return ""
}

// defaultExcludes is core.excludesFile where nothing sets it.
func (r *Repo) defaultExcludes() string {
	if dir := r.configHome(); dir != "" {
		return filepath.Join(dir, "git", "ignore")
	}
	return ""
}

// maxIncludes bounds configuration files that include each other.
const maxIncludes = 10

func (r *Repo) apply(s *settings, raw []byte, path string, depth int) error {
	cfg := gitconfig.New()
	if err := gitconfig.NewDecoder(bytes.NewReader(raw)).Decode(cfg); err != nil {
		return fmt.Errorf("git configuration %s: %w", path, err)
	}
	if cfg.HasSection("include") && depth < maxIncludes {
		for _, name := range cfg.Section("include").Options.GetAll("path") {
			name = r.expand(name, filepath.Dir(path))
			if more, err := os.ReadFile(name); err == nil { // git passes over absent ones
				if err := r.apply(s, more, name, depth+1); err != nil {
					return err
				}
			}
		}
	}
	core := cfg.Section("core").Options
	if core.Has("excludesfile") {
		s.excludes = r.expand(core.Get("excludesfile"), r.root)
	}
	if core.Has("filemode") {
		s.fileMode = isTrue(core.Get("filemode"))
	}
	if core.Has("sparsecheckout") {
		s.sparse = isTrue(core.Get("sparsecheckout"))
	}
	if core.Has("autocrlf") {
		v := core.Get("autocrlf")
		s.autoCRLF = strings.EqualFold(v, "input") || isTrue(v)
	}
	return nil
}

// isTrue reads git's booleans; a name without a value is true, but go-git gives that as "".
func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "false", "no", "off", "0":
		return false
	}
	return true
}

// expand resolves «~/» and relative paths.
func (r *Repo) expand(path, dir string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		return filepath.Join(r.getenv("HOME"), rest)
	}
	if path != "" && !filepath.IsAbs(path) {
		return filepath.Join(dir, path)
	}
	return path
}

// readGitFile reads a file of the git folder, of the common one for linked work trees where git has it there; nil if it is absent.
func (r *Repo) readGitFile(name string) ([]byte, error) {
	f, err := r.store.Filesystem().Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(f)
	return raw, errors.Join(err, f.Close())
}
