package objects

import (
	"context"
	"path"
	"strings"

	"github.com/moby/buildkit/client/llb"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/embedded/gql"
)

// mount is an object that an exec sees at target. One of dir, file, cache, secret is set; if none is, it is a tmpfs.
type mount struct {
	target   string
	readOnly bool

	dir  *Directory
	file *File

	cache   *CacheVolume
	sharing llb.CacheMountSharingMode
	seed    llb.State // of cache
	seedDir string

	secret         *Secret
	uid, gid, mode int // of secret

	size int64 // of a tmpfs, in bytes; 0 is half of memory
}

func (m mount) kind() string {
	if m.cache != nil {
		return "cache"
	}
	return "tmpfs"
}

var containerMountFields = map[string]gql.Resolver{
	"mounts":               field((*Container).mountTargets),
	"withMountedDirectory": field((*Container).withMountedDirectory),
	"withMountedFile":      field((*Container).withMountedFile),
	"withMountedCache":     field((*Container).withMountedCache),
	"withMountedTemp":      field((*Container).withMountedTemp),
	"withMountedSecret":    field((*Container).withMountedSecret),
	"withoutMount":         field((*Container).withoutMount),
}

// mountOf returns the index of the mount that contains p, -1 for none: the last such mount, since a mount over others removes them. Secrets are
// ignored.
func (c *Container) mountOf(p string) int {
	for i := len(c.mounts) - 1; i >= 0; i-- {
		if m := c.mounts[i]; m.secret == nil && (p == m.target || strings.HasPrefix(p, m.target+"/")) {
			return i
		}
	}
	return -1
}

// mount returns the container with one more mount. Mounts at the same target, and below it, are removed.
func (c *Container) mount(m mount) *Container {
	out := *c
	out.mounts = nil
	for _, o := range c.mounts {
		if o.target != m.target && (o.secret != nil || m.secret != nil || !strings.HasPrefix(o.target, m.target+"/")) {
			out.mounts = append(out.mounts, o)
		}
	}
	out.mounts = append(out.mounts, m)
	out.imageRef = ""
	return &out
}

func (c *Container) mountTargets(_ context.Context, _ gql.Args) (any, error) {
	out := []string{}
	for _, m := range c.mounts {
		if m.secret == nil {
			out = append(out, m.target)
		}
	}
	return out, nil
}

func (c *Container) withMountedDirectory(ctx context.Context, a gql.Args) (any, error) {
	d, _, err := gql.Object[*Directory](a, "source")
	if err != nil {
		return nil, err
	}
	d, err = c.owned(ctx, d, a.String("owner"))
	if err != nil {
		return nil, err
	}
	return c.mount(mount{target: c.path(c.arg(a, "path")), dir: d.known(), readOnly: a.Bool("readOnly")}), nil
}

// known is the directory in a state that BuildKit knows by its content, in every session. A host directory is a source of one session, and the
// cache key of a mount of a part of it holds that source. (If the whole is mounted, package solver mounts a copy.)
func (d *Directory) known() *Directory {
	if !d.hosted || d.dir == "/" {
		return d
	}
	name := "/" + path.Base(d.dir) // with the folder's own mode
	st := llb.Scratch().File(llb.Copy(d.st, d.dir, name, &llb.CopyInfo{FollowSymlinks: true}), llb.WithCustomNamef("copy %s", d.dir))
	return &Directory{env: d.env, st: st, dir: name, checks: d.checks}
}

// known is the same for a file, which is never the root of its state.
func (f *File) known() *File {
	if !f.hosted {
		return f
	}
	name := "/" + path.Base(f.path)
	st := llb.Scratch().File(llb.Copy(f.st, f.path, name, &llb.CopyInfo{FollowSymlinks: true}), llb.WithCustomNamef("copy %s", name))
	return &File{env: f.env, st: st, path: name, renamed: f.renamed, checks: f.checks}
}

// owned returns a copy of d in which owner owns every file.
func (c *Container) owned(ctx context.Context, d *Directory, owner string) (*Directory, error) {
	if owner == "" {
		return d, nil
	}
	st, uid, err := c.chowned(ctx, d.st, d.dir, owner, true)
	if err != nil {
		return nil, err
	}
	return &Directory{env: c.env, st: st, dir: uid, checks: d.checks}, nil
}

// chowned copies p of st to its own state, owned by owner, and returns its path there.
func (c *Container) chowned(ctx context.Context, st llb.State, p, owner string, contents bool) (llb.State, string, error) {
	o, err := c.owner(ctx, owner)
	if err != nil {
		return llb.State{}, "", inSpan(err)
	}
	dest := "/" + path.Base(p)
	if contents {
		dest = "/content"
		made := llb.Scratch().File(llb.Mkdir(dest, 0o755, llb.WithParents(true), llb.WithUIDGID(o.uid, o.gid)))
		return made.File(llb.Copy(st, p, dest, &llb.CopyInfo{FollowSymlinks: true, CopyDirContentsOnly: true}, llb.WithUIDGID(o.uid, o.gid))), dest, nil
	}
	return llb.Scratch().File(llb.Copy(st, p, dest, &llb.CopyInfo{FollowSymlinks: true}, llb.WithUIDGID(o.uid, o.gid))), dest, nil
}

func (c *Container) withMountedFile(ctx context.Context, a gql.Args) (any, error) {
	f, _, err := gql.Object[*File](a, "source")
	if err != nil {
		return nil, err
	}
	if o := a.String("owner"); o != "" {
		st, p, err := c.chowned(ctx, f.st, f.path, o, false)
		if err != nil {
			return nil, err
		}
		f = &File{env: f.env, st: st, path: p, checks: f.checks}
	}
	return c.mount(mount{target: c.path(c.arg(a, "path")), file: f.known()}), nil
}

var sharingModes = map[string]llb.CacheMountSharingMode{
	"": llb.CacheMountShared, "SHARED": llb.CacheMountShared, "PRIVATE": llb.CacheMountPrivate, "LOCKED": llb.CacheMountLocked,
}

func (c *Container) withMountedCache(ctx context.Context, a gql.Args) (any, error) {
	v, _, err := gql.Object[*CacheVolume](a, "cache")
	if err != nil {
		return nil, err
	}
	seed, given, err := gql.Object[*Directory](a, "source")
	if err != nil {
		return nil, err
	}
	if !given {
		seed = v.source
	}
	m := mount{target: c.path(c.arg(a, "path")), cache: v, sharing: sharingModes[first(a.String("sharing"), v.sharing)], seed: llb.Scratch(), seedDir: "/"}
	if seed != nil {
		m.seed, m.seedDir = seed.st, seed.dir
	}
	if o := first(a.String("owner"), v.owner); o != "" {
		if seed == nil {
			seed = &Directory{env: c.env, st: llb.Scratch(), dir: "/"}
		}
		if m.seed, m.seedDir, err = c.chowned(ctx, seed.st, seed.dir, o, true); err != nil {
			return nil, err
		}
	}
	out := c.mount(m)
	if seed != nil {
		out.checks = out.checks.with(seed.checks...)
	}
	return out, nil
}

func first(vs ...string) string {
	for _, v := range vs {
		if v != "" {
			return v
		}
	}
	return ""
}

func (c *Container) withMountedTemp(_ context.Context, a gql.Args) (any, error) {
	return c.mount(mount{target: c.path(c.arg(a, "path")), size: int64(a.Int("size"))}), nil
}

func (c *Container) withMountedSecret(ctx context.Context, a gql.Args) (any, error) {
	s, _, err := gql.Object[*Secret](a, "source")
	if err != nil {
		return nil, err
	}
	m := mount{target: c.path(c.arg(a, "path")), secret: s, mode: 0o400}
	if a.Int("mode") != 0 {
		m.mode = a.Int("mode")
	}
	if o := a.String("owner"); o != "" {
		owner, err := c.owner(ctx, o)
		if err != nil {
			return nil, inSpan(err)
		}
		m.uid, m.gid = owner.uid, owner.gid
	}
	return c.mount(m), nil
}

func (c *Container) withoutMount(_ context.Context, a gql.Args) (any, error) {
	target := c.path(c.arg(a, "path"))
	out := *c
	out.mounts = nil
	for _, m := range c.mounts {
		if m.target != target {
			out.mounts = append(out.mounts, m)
		}
	}
	return &out, nil
}

// emptyRoot reports whether the mount is an empty root file system, which BuildKit mounts only as a state without any operation.
func (m mount) emptyRoot() bool {
	return path.Clean(m.target) == "/" && m.dir == nil && m.file == nil && m.secret == nil && m.seed.Output() == nil
}

// runOption is the mount in an exec.
func (m mount) runOption() llb.RunOption {
	switch {
	case m.dir != nil:
		return llb.AddMount(m.target, m.dir.st, m.bind(m.dir.dir)...)
	case m.file != nil:
		return llb.AddMount(m.target, m.file.st, m.bind(m.file.path)...)
	case m.cache != nil:
		return llb.AddMount(m.target, m.seed, llb.AsPersistentCacheDir("cache-"+m.cache.key, m.sharing), llb.SourcePath(m.seedDir))
	case m.secret != nil:
		return llb.AddSecret(m.target, llb.SecretID(m.secret.id()), llb.SecretFileOpt(m.uid, m.gid, m.mode))
	}
	return llb.AddMount(m.target, llb.Scratch(), llb.Tmpfs(llb.TmpfsSize(m.size)))
}

func (m mount) bind(source string) []llb.MountOption {
	opts := []llb.MountOption{llb.SourcePath(source)}
	if m.readOnly {
		opts = append(opts, llb.Readonly)
	}
	return opts
}
