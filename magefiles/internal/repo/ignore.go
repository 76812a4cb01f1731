package repo

import (
	"os"
	"path"
	"path/filepath"
	"strings"
)

// ignores decides what git does not track. Files closer to a path win over those farther, later lines over earlier ones.
type ignores struct {
	root   string
	global [][]pattern          // info/exclude, then core.excludesFile: in the order in which they are asked
	files  map[string][]pattern // .gitignore by its folder
}

func (r *Repo) ignores(s settings) (*ignores, error) {
	ig := &ignores{root: r.root, files: map[string][]pattern{}}
	info, err := r.readGitFile("info/exclude")
	if err != nil {
		return nil, err
	}
	ig.global = append(ig.global, parsePatterns(string(info)))
	if s.excludes != "" {
		if text, err := os.ReadFile(s.excludes); err == nil { // absent or unreadable: as if it were empty, like git
			ig.global = append(ig.global, parsePatterns(string(text)))
		}
	}
	return ig, nil
}

// ignored decides on one path, whose folders are known not to be ignored.
func (ig *ignores) ignored(name string, isDir bool) bool {
	for folder := path.Dir(name); ; folder = path.Dir(folder) {
		rel := name
		if folder != "." {
			rel = strings.TrimPrefix(name, folder+"/")
		}
		if decided, ignored := last(ig.file(folder), rel, isDir); decided {
			return ignored
		}
		if folder == "." {
			break
		}
	}
	for _, patterns := range ig.global {
		if decided, ignored := last(patterns, name, isDir); decided {
			return ignored
		}
	}
	return false
}

func last(patterns []pattern, rel string, isDir bool) (decided, ignored bool) {
	for i := len(patterns) - 1; i >= 0; i-- {
		if patterns[i].match(rel, isDir) {
			return true, !patterns[i].negated
		}
	}
	return false, false
}

// file is the .gitignore of a folder; git does not follow a symbolic link there.
func (ig *ignores) file(folder string) []pattern {
	if p, ok := ig.files[folder]; ok {
		return p
	}
	var p []pattern
	name := filepath.Join(ig.root, filepath.FromSlash(folder), ".gitignore")
	if info, err := os.Lstat(name); err == nil && info.Mode().IsRegular() {
		if text, err := os.ReadFile(name); err == nil {
			p = parsePatterns(string(text))
		}
	}
	ig.files[folder] = p
	return p
}
