package repo

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// scope is the set of files and folders of a question; empty is everything.
type scope []string

func newScope(under []string) scope {
	var s scope
	for _, u := range under {
		u = path.Clean(filepath.ToSlash(u))
		if u == "." || u == "/" {
			return nil
		}
		s = append(s, strings.TrimPrefix(u, "/"))
	}
	return s
}

// contains reports whether a path is in the scope.
func (s scope) contains(name string) bool {
	return len(s) == 0 || slices.ContainsFunc(s, func(u string) bool { return within(name, u) })
}

// below is the part of a scope inside a folder, relative to it. ok is false if there is none.
func (s scope) below(folder string) (below scope, ok bool) {
	if s.contains(folder) {
		return nil, true
	}
	for _, u := range s {
		if rest, in := strings.CutPrefix(u, folder+"/"); in {
			below = append(below, rest)
		}
	}
	return below, len(below) > 0
}

func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}
