package validate

import (
	"io/fs"
	"path"
	"slices"
)

// withoutDoubles leaves out what a symbolic link repeats: a finding that its target has too, at the same place and with the same message. Two
// names of one file are common, such as AGENTS.md and CLAUDE.md.
func (t *Tree) withoutDoubles(list []Finding) []Finding {
	type place struct {
		path, check, rule, message string
		line, column               int
	}
	of := func(f Finding, name string) place { return place{name, f.Check, f.Rule, f.Message, f.Line, f.Column} }
	at := make(map[place]bool, len(list))
	targets := map[string]string{}
	for _, f := range list {
		at[of(f, f.Path)] = true
		if _, known := targets[f.Path]; !known && f.Path != "" {
			targets[f.Path] = t.target(f.Path)
		}
	}
	return slices.DeleteFunc(list, func(f Finding) bool {
		target := targets[f.Path]
		return target != "" && at[of(f, target)]
	})
}

// maxLinks is the maximum number of symbolic links from one to the next.
const maxLinks = 8

// target is the file of the tree that a symbolic link leads to; "" if the file is not a link to one.
func (t *Tree) target(name string) string {
	at := name
	for hops := 0; ; hops++ {
		to, err := fs.ReadLink(t.fsys, at)
		if err != nil {
			break
		}
		if hops == maxLinks {
			return "" // or a cycle, which leads to no file
		}
		if at = path.Join(path.Dir(at), to); !fs.ValidPath(at) || path.IsAbs(to) {
			return ""
		}
	}
	if at == name || !t.known[at] {
		return ""
	}
	return at
}
