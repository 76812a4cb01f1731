package gitremote

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
)

// Isolate makes a repository of an unknown origin safe to read: it must not lead git to files elsewhere on this machine, nor to commands. Links are
// removed, and the files that name other folders; the configuration is reduced to the format of the objects and references.
func Isolate(dir string) error {
	err := filepath.WalkDir(dir, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || e.Type().IsRegular() {
			return err
		}
		return os.Remove(file)
	})
	if err != nil {
		return err
	}
	for _, name := range []string{"objects/info/alternates", "objects/info/http-alternates", "commondir", "gitdir", "config.worktree"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	config := filepath.Join(dir, "config")
	old, err := os.ReadFile(config)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(config, []byte(reduced(string(old))), 0o600)
}

var (
	sha256Objects = regexp.MustCompile(`(?im)^\s*objectformat\s*=\s*"?sha256`)
	reftable      = regexp.MustCompile(`(?im)^\s*refstorage\s*=\s*"?reftable`)
)

// reduced is the configuration of a bare repository with the same formats.
func reduced(config string) string {
	version, extensions := "0", ""
	if sha256Objects.MatchString(config) {
		version, extensions = "1", "\tobjectformat = sha256\n"
	}
	if reftable.MatchString(config) {
		version, extensions = "1", extensions+"\trefstorage = reftable\n"
	}
	if extensions != "" {
		extensions = "[extensions]\n" + extensions
	}
	return "[core]\n\trepositoryformatversion = " + version + "\n\tbare = true\n" + extensions
}
