package repo

import (
	"fmt"
	"io/fs"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Change is a file that a commit writes or deletes.
type Change = vcs.Change

// edits are changes, arranged in folders.
type edits struct {
	change *Change           // at a leaf
	below  map[string]*edits // otherwise
}

// arrange checks the changes' paths against each other, not against the tree.
func arrange(changes []Change) (*edits, error) {
	root := &edits{below: map[string]*edits{}}
	for i := range changes {
		if err := root.add(&changes[i]); err != nil {
			return nil, err
		}
	}
	return root, nil
}

func (e *edits) add(c *Change) error {
	if err := checkPath(c.Path); err != nil {
		return err
	}
	parts := strings.Split(c.Path, "/")
	for _, part := range parts[:len(parts)-1] {
		next := e.below[part]
		if next == nil {
			next = &edits{below: map[string]*edits{}}
			e.below[part] = next
		}
		if e = next; e.change != nil {
			return fmt.Errorf("%s: %w: %s is changed too, as a file", c.Path, ErrPath, e.change.Path)
		}
	}
	name := parts[len(parts)-1]
	if e.below[name] != nil {
		return fmt.Errorf("%s: %w: it is changed twice, or a path below it is changed too", c.Path, ErrPath)
	}
	e.below[name] = &edits{change: c}
	return nil
}

// checkPath refuses paths that git refuses in an index (verify_path in its read-cache.c), for the file systems that fold names as well.
func checkPath(name string) error {
	if !fs.ValidPath(name) || name == "." {
		return fmt.Errorf("%q: %w: expected a slash path from the root, without `.` and `..`", name, ErrPath)
	}
	if strings.ContainsAny(name, "\x00\\") {
		return fmt.Errorf("%q: %w: it contains a zero byte or a backslash", name, ErrPath)
	}
	for part := range strings.SplitSeq(name, "/") {
		switch strings.TrimRight(strings.ToLower(part), ". ") {
		case ".git", "git~1":
			return fmt.Errorf("%q: %w: git's own folder", name, ErrPath)
		}
	}
	return nil
}
