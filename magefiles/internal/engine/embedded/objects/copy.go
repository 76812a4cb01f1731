package objects

import (
	"context"
	"fmt"
	"os"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"
	fstypes "github.com/tonistiigi/fsutil/types"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// granted are the owner and the mode that a call gives to the copied files; nil keeps the source's.
type granted struct {
	owner *ownership
	mode  *os.FileMode
}

// grants are the owner, nil for none, and the argument permissions.
func grants(a gql.Args, owner *ownership) granted {
	g := granted{owner: owner}
	if a.Has("permissions") {
		mode := permissions(a, 0o644)
		g.mode = &mode
	}
	return g
}

func (g granted) options(info *llb.CopyInfo) []llb.CopyOption {
	opts := []llb.CopyOption{info}
	if g.owner != nil {
		opts = append(opts, llb.WithUIDGID(g.owner.uid, g.owner.gid))
	}
	if g.mode != nil {
		opts = append(opts, llb.ChmodOpt{Mode: *g.mode})
	}
	return opts
}

// leaves reports whether a folder already has the owner and the mode of one that is copied over it.
func (g granted) leaves(folder, source *fstypes.Stat) bool {
	uid, gid, mode := source.Uid, source.Gid, source.Mode
	if g.owner != nil {
		uid, gid = uint32(g.owner.uid), uint32(g.owner.gid)
	}
	if g.mode != nil {
		mode = uint32(os.ModeDir | goMode(*g.mode))
	}
	return folder.Uid == uid && folder.Gid == gid && folder.Mode == mode
}

// goMode converts mode bits to Go's representation.
func goMode(bits os.FileMode) os.FileMode {
	mode := bits.Perm()
	for bit, m := range map[os.FileMode]os.FileMode{0o4000: os.ModeSetuid, 0o2000: os.ModeSetgid, 0o1000: os.ModeSticky} {
		if bits&bit != 0 {
			mode |= m
		}
	}
	return mode
}

// ownerArg is the owner that the call names, nil for none. Names are looked up in the directory's root.
func (d *Directory) ownerArg(ctx context.Context, a gql.Args) (*ownership, error) {
	if a.String("owner") == "" {
		return nil, nil
	}
	o, err := d.env.ownerOf(ctx, d.st, a.String("owner"))
	if err != nil {
		return nil, inSpan(fmt.Errorf("failed to parse ownership %s: %w", a.String("owner"), err))
	}
	return &o, nil
}

// copyFile copies a file to the given path. If the path ends in a slash, or leads to a folder, the file goes into that folder. Anything else at
// the path is replaced, and a link is not followed. Folders that are made for it belong to root: owner and permissions apply only to the file.
func (d *Directory) copyFile(src *File, given string, g granted) *Directory {
	dest := d.at(given)
	out := d.changed("copy "+path.Base(dest), func(r pathResolver) (*llb.FileAction, error) {
		into, final, err := r.placeFile(dest, src.base(), strings.HasSuffix(given, "/") || strings.HasSuffix(given, "/."), g.owner)
		if err != nil {
			return nil, err
		}
		info := &llb.CopyInfo{FollowSymlinks: true, CreateDestPath: true, AlwaysReplaceExistingDestPaths: true}
		return into.copied(src.st, src.path, final, g.options(info)...), nil
	})
	out.checks = out.checks.with(src.checks...)
	return out
}

// placeFile prepares the place of a file, and returns that place. If the path ends in a folder with a slash, that folder gets the owner, too.
func (r pathResolver) placeFile(dest, name string, folder bool, owner *ownership) (into folders, final string, err error) {
	if folder && dest != path.Join("/", r.top) {
		if into, err = r.place(dest, owner); err != nil {
			return into, "", err
		}
		return into, path.Join(dest, name), r.clear(&into, path.Join(dest, name))
	}
	info, above, err := r.lstatWithParent(dest)
	switch {
	case err != nil:
		return into, "", err
	case !above:
		into, err = r.place(path.Dir(dest), nil)
		return into, dest, err
	case info == nil || os.FileMode(info.Mode).IsRegular():
		return into, dest, nil
	}
	led, err := r.stat(dest)
	if err != nil {
		return into, "", err
	}
	if led != nil && led.IsDir() {
		final = path.Join(dest, name)
		return into, final, r.clear(&into, final)
	}
	return into.removed(dest), dest, nil
}

// clear removes the entry at a path, unless it is a file, which the copy replaces.
func (r pathResolver) clear(into *folders, p string) error {
	info, err := r.lstat(p)
	if err == nil && info != nil && !os.FileMode(info.Mode).IsRegular() {
		*into = into.removed(p)
	}
	return err
}

// place prepares a folder: it makes missing folders, and the folder itself for the owner. A folder that exists is given to the owner.
func (r pathResolver) place(folder string, owner *ownership) (into folders, err error) {
	if folder == "/" {
		return into, nil
	}
	info, err := r.stat(folder)
	if err != nil {
		return into, err
	}
	if info != nil && info.IsDir() {
		g := granted{owner: owner}
		if !g.leaves(info, info) {
			return r.applyOwner(into, r.st, folder, folder, g)
		}
		return into, nil
	}
	broken, err := r.checkTarget(folder)
	if err != nil {
		return into, err
	}
	if broken != "" {
		into = into.removed(broken)
	}
	if owner != nil {
		into = into.made(path.Dir(folder), 0o755, nil)
	}
	return into.made(folder, 0o755, owner), nil
}

// copyDirectory merges src, filtered, into the given folder.
func (d *Directory) copyDirectory(ctx context.Context, src *Directory, given string, a gql.Args, g granted) (*Directory, error) {
	dest := d.at(given)
	info := &llb.CopyInfo{
		CopyDirContentsOnly: true, CreateDestPath: true, AlwaysReplaceExistingDestPaths: true,
		IncludePatterns: patterns(a.Strings("include")), ExcludePatterns: patterns(a.Strings("exclude")),
	}
	if a.Bool("gitignore") {
		ignored, err := src.gitignored(ctx)
		if err != nil {
			return nil, err
		}
		info.ExcludePatterns = append(info.ExcludePatterns, ignored...)
	}
	c := dirCopy{src: src, dest: dest, info: info, granted: g}
	choose := c.choose
	if d.st.Output() == nil && dest == "/" {
		choose = c.intoNothing
	}
	out := d.changed("copy folder "+dest, choose)
	out.checks = out.checks.with(src.checks...)
	return out, nil
}

// folders is a file action that prepares the place of a copy: both are one operation, so that an image gets one layer.
type folders struct{ action *llb.FileAction }

func (f folders) made(folder string, mode os.FileMode, owner *ownership) folders {
	if folder == "/" {
		return f
	}
	opts := []llb.MkdirOption{llb.WithParents(true)}
	if owner != nil {
		opts = append(opts, llb.WithUIDGID(owner.uid, owner.gid))
	}
	if f.action == nil {
		return folders{llb.Mkdir(folder, mode, opts...)}
	}
	return folders{f.action.Mkdir(folder, mode, opts...)}
}

func (f folders) removed(p string) folders {
	if f.action == nil {
		return folders{llb.Rm(p, llb.WithAllowNotFound(true))} // a link to nothing is not found
	}
	return folders{f.action.Rm(p, llb.WithAllowNotFound(true))}
}

// dressed is the operation of dress, on a path without links.
func (f folders) dressed(st llb.State, like, folder string, g granted) folders {
	const outer = "/folder"
	dress := llb.Scratch().File(llb.Copy(st, like, path.Join(outer, path.Base(folder)), g.options(&llb.CopyInfo{CreateDestPath: true, ExcludePatterns: []string{"*"}})...), llb.WithCustomNamef("folder %s", folder))
	return folders{f.copied(dress, outer, path.Dir(folder), &llb.CopyInfo{CopyDirContentsOnly: true})}
}

func (f folders) copied(st llb.State, from, dest string, opts ...llb.CopyOption) *llb.FileAction {
	if f.action == nil {
		return llb.Copy(st, from, dest, opts...)
	}
	return f.action.Copy(st, from, dest, opts...)
}

// patterns are include or exclude patterns without a trailing slash, because BuildKit takes a trailing slash literally. Empty patterns are
// omitted.
func patterns(in []string) []string {
	out := make([]string, 0, len(in))
	for _, p := range in {
		if p == "" {
			continue
		}
		if t := strings.TrimRight(p, "/"); t != "" {
			p = t
		}
		out = append(out, p)
	}
	return out
}
