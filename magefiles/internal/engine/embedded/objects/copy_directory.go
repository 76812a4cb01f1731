package objects

import (
	"fmt"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/moby/buildkit/client/llb"
	fstypes "github.com/tonistiigi/fsutil/types"
)

// dirCopy is a copy of a directory into a folder.
type dirCopy struct {
	src     *Directory
	dest    string
	info    *llb.CopyInfo // the filter
	granted granted
}

// choose is the copy that fits the existing files. The target folder gets owner and mode of the source's, even if it exists.
func (c dirCopy) choose(r pathResolver) (*llb.FileAction, error) {
	c, err := c.resolved(r)
	if err != nil {
		return nil, err
	}
	entry, above, err := r.lstatWithParent(c.dest)
	if err != nil {
		return nil, err
	}
	var into folders
	if !above {
		if into, err = r.place(path.Dir(c.dest), nil); err != nil {
			return nil, err
		}
	}
	if entry == nil {
		return into.copied(c.src.st, c.src.dir, c.dest, c.granted.options(c.whole())...), nil
	}
	there, err := r.stat(c.dest)
	switch {
	case err != nil:
		return nil, err
	case there == nil: // a link that leads nowhere
		return into.removed(c.dest).copied(c.src.st, c.src.dir, c.dest, c.granted.options(c.whole())...), nil
	case there.IsDir():
		return c.merge(r, there)
	case isLink(entry):
		return nil, inSpan(fmt.Errorf("cannot copy directory to non-directory %q", r.pathInErrors(c.dest)))
	}
	// A folder in place of a file gets no owner, and its mode is limited by the umask.
	root, err := c.source(r).stat(c.src.dir)
	if err == nil && root == nil {
		err = notExist("stat", c.src.dir)
	}
	if err != nil {
		return nil, err
	}
	into = into.removed(c.dest).made(c.dest, os.FileMode(root.Mode).Perm()&^0o022, nil)
	return into.copied(c.src.st, c.src.dir, c.dest, c.granted.options(c.info)...), nil
}

// resolved is the copy of the target folder of a source that is a link. BuildKit must not follow the link itself: with a filter, it treats links
// within as their targets, and its cache does not distinguish one link from another.
func (c dirCopy) resolved(r pathResolver) (dirCopy, error) {
	dir, err := c.source(r).realPath(c.src.dir)
	src := *c.src
	src.dir = dir
	c.src = &src
	return c, err
}

// intoNothing is the copy to a path where nothing exists.
func (c dirCopy) intoNothing(r pathResolver) (*llb.FileAction, error) {
	c, err := c.resolved(r)
	return llb.Copy(c.src.st, c.src.dir, c.dest, c.granted.options(c.info)...), err
}

// whole is the filter for a copy to a path where nothing exists: the folder is made with the source's attributes, even if nothing in it is
// copied.
func (c dirCopy) whole() *llb.CopyInfo {
	info := *c.info
	info.CopyDirContentsOnly = false
	return &info
}

func (c dirCopy) source(r pathResolver) pathResolver {
	return pathResolver{ctx: r.ctx, env: r.env, st: c.src.st}
}

// merge is the copy into an existing folder.
func (c dirCopy) merge(r pathResolver, there *fstypes.Stat) (*llb.FileAction, error) {
	var into folders
	if c.dest != path.Join("/", r.top) {
		root, err := c.source(r).stat(c.src.dir)
		if err == nil && root != nil && !c.granted.leaves(there, root) {
			into, err = r.applyOwner(into, c.src.st, c.src.dir, c.dest, c.granted)
		}
		if err != nil {
			return nil, err
		}
	}
	inside, err := r.folders(c.dest)
	if err != nil {
		return nil, err
	}
	if len(inside) == 0 {
		return into.copied(c.src.st, c.src.dir, c.dest, c.granted.options(c.info)...), nil
	}
	linked, err := r.linked(c.source(r), c.src.dir, c.dest, "")
	if err != nil {
		return nil, err
	}
	if c.late() || (len(linked) > 0 && c.filters()) {
		c = c.filtered()
	}
	for _, rel := range linked {
		if into, err = r.applyOwner(into, c.src.st, path.Join(c.src.dir, rel), path.Join(c.dest, rel), c.granted); err != nil {
			return nil, err
		}
	}
	return c.around(into, linked), nil
}

func (c dirCopy) filters() bool { return len(c.info.IncludePatterns)+len(c.info.ExcludePatterns) > 0 }

// late reports whether folders are copied only because of their content. BuildKit does not change owner and mode of existing folders.
func (c dirCopy) late() bool {
	return len(c.info.IncludePatterns) > 0 || slices.ContainsFunc(c.info.ExcludePatterns, func(p string) bool { return strings.HasPrefix(p, "!") })
}

// filtered is the copy of a source that is filtered before.
func (c dirCopy) filtered() dirCopy {
	const dir = "/content"
	st := llb.Scratch().File(llb.Copy(c.src.st, c.src.dir, dir, c.granted.options(c.whole())...), llb.WithCustomNamef("select for %s", c.dest))
	c.src = &Directory{env: c.src.env, st: st, dir: dir}
	c.info = &llb.CopyInfo{CopyDirContentsOnly: true, CreateDestPath: true, AlwaysReplaceExistingDestPaths: true}
	c.granted = granted{}
	return c
}

// around copies the linked folders to the targets of the links, and the rest as usual.
func (c dirCopy) around(into folders, linked []string) *llb.FileAction {
	action := into.copied(c.src.st, c.src.dir, c.dest, c.granted.options(c.without("", linked))...)
	for _, rel := range linked {
		action = action.Copy(c.src.st, path.Join(c.src.dir, rel), path.Join(c.dest, rel), c.granted.options(c.without(rel, linked))...)
	}
	return action
}

// without is the filter for the copy of a folder, which leaves out the linked folders below it.
func (c dirCopy) without(folder string, linked []string) *llb.CopyInfo {
	info := *c.info
	info.ExcludePatterns = slices.Clone(info.ExcludePatterns)
	for _, rel := range linked {
		below, ok := strings.CutPrefix("/"+rel, strings.TrimSuffix("/"+folder, "/")+"/")
		if ok {
			info.ExcludePatterns = append(info.ExcludePatterns, literalPattern(below))
		}
	}
	return &info
}

// literalPattern is a pattern that matches a path alone. BuildKit trims white space from patterns, unless it is in a class.
func literalPattern(p string) string {
	trimmed := strings.TrimSpace(p)
	before, after, _ := strings.Cut(p, trimmed)
	return inClasses(before) + literal.Replace(trimmed) + inClasses(after)
}

func inClasses(space string) string {
	var out strings.Builder
	for _, r := range space {
		out.WriteString("[" + string(r) + "]")
	}
	return out.String()
}

// literal quotes the characters that a pattern gives a meaning to.
var literal = strings.NewReplacer("*", `\*`, "?", `\?`, "[", `\[`, "]", `\]`, `\`, `\\`, "!", `\!`)
