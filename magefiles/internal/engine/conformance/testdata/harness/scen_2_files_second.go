package main

import (
	"context"

	"fmt"

	"dagger.io/dagger"
)

func s_new_file_defaults(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	st := func(ct *dagger.Container, p string) string {
		return ve(sh(ct, "stat -c '%a %u:%g %s' "+p).Stdout(ctx))
	}
	l.add("default", st(base(c).WithNewFile("/n/e/w/f", "hello"), "/n /n/e/w /n/e/w/f"))
	l.add("0600", st(base(c).WithNewFile("/f", "hello", dagger.ContainerWithNewFileOpts{Permissions: 0o600}), "/f"))
	l.add("04755", st(base(c).WithNewFile("/f", "hello", dagger.ContainerWithNewFileOpts{Permissions: 0o4755}), "/f"))
	for _, o := range []string{"nobody", "1000:1000", "nobody:daemon", "1000", "nosuch", ""} {
		l.add("owner "+o, st(base(c).WithNewFile("/d/f", "hello", dagger.ContainerWithNewFileOpts{Owner: o}), "/d /d/f"))
	}
	l.add("as user nobody", st(base(c).WithUser("nobody").WithNewFile("/d/f", "hello"), "/d /d/f"))
	l.add("empty", st(base(c).WithNewFile("/f", ""), "/f"))
	l.add("overwrite keeps mode?", st(base(c).WithNewFile("/f", "a", dagger.ContainerWithNewFileOpts{Permissions: 0o600}).WithNewFile("/f", "bb"), "/f"))
	l.add("onto a directory", ve(base(c).WithNewFile("/etc", "a").File("/etc").Contents(ctx)))
	l.add("parent is a file", ve(base(c).WithNewFile("/etc/passwd/x", "a").File("/etc/passwd/x").Contents(ctx)))
	l.add("path ending in slash", ve(base(c).WithNewFile("/foo/", "a").Rootfs().Glob(ctx, "foo*")))
	l.add("empty path", ve(base(c).WithNewFile("", "a").Rootfs().Entries(ctx)))
	l.add("expand", ve(base(c).WithEnvVariable("V", "vv").WithNewFile("/$V/f", "${V}", dagger.ContainerWithNewFileOpts{Expand: true}).File("/vv/f").Contents(ctx)))
	l.add("mtime is now (not epoch)", ve(sh(base(c).WithNewFile("/f", ""), "test $(stat -c %Y /f) -gt 1700000000 && echo now || stat -c %Y /f").Stdout(ctx)))
	return l.String(), nil
}

func s_file_reads(ctx context.Context, c *dagger.Client) (string, error) {
	f := c.Directory().WithNewFile("x/hello.txt", "héllo\nl2\nl3\nl4\n").File("x/hello.txt")
	var l lines
	l.add("contents", ve(f.Contents(ctx)))
	l.add("offset1 limit2", ve(f.Contents(ctx, dagger.FileContentsOpts{OffsetLines: 1, LimitLines: 2})))
	l.add("size", ve(f.Size(ctx)))
	l.add("name", ve(f.Name(ctx)))
	l.add("withName", ve(f.WithName("other").Name(ctx)))
	l.add("c.File name", ve(c.File("standalone.txt", "s").Name(ctx)))
	l.add("c.File contents", ve(c.File("standalone.txt", "s").Contents(ctx)))
	l.add("c.File with slash", ve(c.File("a/b", "s").Contents(ctx)))
	bin := sh(base(c), `printf '\377\000A' > /bin.dat`).File("/bin.dat")
	s, err := bin.Contents(ctx)
	l.add("binary contents", fmt.Sprintf("%q %s", s, es(err)))
	l.add("binary size", ve(bin.Size(ctx)))
	l.add("replaced", ve(f.WithReplaced("l", "L", dagger.FileWithReplacedOpts{All: true}).Contents(ctx)))
	l.add("digest", ve(f.Digest(ctx)))
	l.add("digest excludeMetadata", ve(f.Digest(ctx, dagger.FileDigestOpts{ExcludeMetadata: true})))
	return l.String(), nil
}

func s_file_missing(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	d := c.Directory().WithNewFile("a", "1").WithNewDirectory("dd")
	l.add("dir.File missing", ve(d.File("nope").Contents(ctx)))
	l.add("dir.File missing nested", ve(d.File("x/y/nope").Contents(ctx)))
	l.add("dir.File missing .Name", ve(d.File("nope").Name(ctx)))
	l.add("dir.File missing .Size", ve(d.File("nope").Size(ctx)))
	l.add("dir.File under file", ve(d.File("a/b").Contents(ctx)))
	l.add("dir.File on dir", ve(d.File("dd").Contents(ctx)))
	l.add("container.File missing", ve(base(c).File("/nope").Contents(ctx)))
	l.add("container.File on dir", ve(base(c).File("/etc").Contents(ctx)))
	l.add("container.Directory missing", ve(base(c).Directory("/nope").Entries(ctx)))
	l.add("container.Directory on file", ve(base(c).Directory("/etc/passwd").Entries(ctx)))
	l.add("file empty path", ve(d.File("").Contents(ctx)))
	return l.String(), nil
}

func s_with_directory_container(ctx context.Context, c *dagger.Client) (string, error) {
	src := c.Directory().WithNewFile("f", "1", dagger.DirectoryWithNewFileOpts{Permissions: 0o640}).WithNewDirectory("d", dagger.DirectoryWithNewDirectoryOpts{Permissions: 0o700})
	var l lines
	l.add("owner", ve(sh(base(c).WithDirectory("/p/q", src, dagger.ContainerWithDirectoryOpts{Owner: "nobody:nogroup"}), "find /p -exec stat -c '%n %a %u:%g' {} + | sort").Stdout(ctx)))
	l.add("user", ve(sh(base(c).WithUser("nobody").WithDirectory("/p/q", src), "find /p -exec stat -c '%n %a %u:%g' {} + | sort").Stdout(ctx)))
	l.add("permissions", ve(sh(base(c).WithDirectory("/p/q", src, dagger.ContainerWithDirectoryOpts{Permissions: 0o711}), "find /p -exec stat -c '%n %a %u:%g' {} + | sort").Stdout(ctx)))
	l.add("over existing file", ve(sh(base(c).WithNewFile("/p", "file").WithDirectory("/p", src), "cd /p; stat -c '%n %F' . d f").Stdout(ctx)))
	l.add("file replaces dir inside", ve(sh(base(c).WithNewFile("/p/f/x", "file").WithDirectory("/p", src), "stat -c '%n %F' /p/f; ls -A /p/f").Stdout(ctx)))
	l.add("chown", ve(sh(base(c).WithDirectory("/p", src.Chown(".", "1234:4321")), "stat -c '%n %a %u:%g' /p /p/f").Stdout(ctx)))
	return l.String(), nil
}

func s_diff(ctx context.Context, c *dagger.Client) (string, error) {
	a := c.Directory().WithNewFile("same", "1").WithNewFile("changed", "1").WithNewFile("removed", "1").WithNewFile("d/keep", "1")
	b := c.Directory().WithNewFile("same", "1").WithNewFile("changed", "2").WithNewFile("added/x", "1").WithNewFile("d/keep", "1")
	var l lines
	l.add("a.diff(b)", ve(a.Diff(b).Glob(ctx, "**")))
	l.add("b.diff(a)", ve(b.Diff(a).Glob(ctx, "**")))
	l.add("a.diff(a)", ve(a.Diff(a).Glob(ctx, "**")))
	b2 := a.WithNewFile("changed", "2").WithNewFile("added/x", "1").WithoutFile("removed")
	l.add("derived", ve(a.Diff(b2).Glob(ctx, "**")))
	l.add("rootfs diff after exec", ve(base(c).Rootfs().Diff(sh(base(c), "echo 1 > /new; echo x >> /etc/passwd; rm /etc/motd; mkdir /nd").Rootfs()).Glob(ctx, "**")))
	ch := b.Changes(a)
	l.add("changes added", ve(ch.AddedPaths(ctx)))
	l.add("changes modified", ve(ch.ModifiedPaths(ctx)))
	l.add("changes removed", ve(ch.RemovedPaths(ctx)))
	return l.String(), nil
}

func s_host_directory(ctx context.Context, c *dagger.Client) (string, error) {
	h := c.Host()
	g := func(o dagger.HostDirectoryOpts) string { return ve(h.Directory(fix+"/ctx", o).Glob(ctx, "**")) }
	var l lines
	l.add("entries", ve(h.Directory(fix+"/ctx").Entries(ctx)))
	l.add("all", g(dagger.HostDirectoryOpts{}))
	l.add("exclude *.log", g(dagger.HostDirectoryOpts{Exclude: []string{"*.log"}}))
	l.add("exclude **/*.log,node_modules", g(dagger.HostDirectoryOpts{Exclude: []string{"**/*.log", "node_modules"}}))
	l.add("include **/*.txt", g(dagger.HostDirectoryOpts{Include: []string{"**/*.txt"}}))
	l.add("include sub/deep", g(dagger.HostDirectoryOpts{Include: []string{"sub/deep"}}))
	l.add("include sub exclude sub/deep", g(dagger.HostDirectoryOpts{Include: []string{"sub"}, Exclude: []string{"sub/deep"}}))
	l.add("gitignore", g(dagger.HostDirectoryOpts{Gitignore: true}))
	l.add("gitignore non-git nested", ve(h.Directory(fix+"/notgit", dagger.HostDirectoryOpts{Gitignore: true}).Glob(ctx, "**")))
	l.add("gitignore+exclude", g(dagger.HostDirectoryOpts{Gitignore: true, Exclude: []string{"sub"}}))
	l.add("relative (session workdir)", ve(h.Directory("ctx").Entries(ctx)))
	l.add("dot", ve(h.Directory(".").Entries(ctx)))
	l.add("perm", ve(sh(base(c).WithDirectory("/d", h.Directory(fix+"/ctx")), "cd /d; stat -c '%n %a %u:%g' . a.txt run.sh sub/deep/d.txt; readlink link abslink uplink dangling").Stdout(ctx)))
	return l.String(), nil
}

func s_host_directory_missing(ctx context.Context, c *dagger.Client) (string, error) {
	var l lines
	l.add("missing", ve(c.Host().Directory("/tmp/dagger-conformance/no-such-dir").Entries(ctx)))
	l.add("is a file", ve(c.Host().Directory(fix+"/secret.txt").Entries(ctx)))
	l.add("empty path", ve(c.Host().Directory("").Entries(ctx)))
	l.add("relative up", ve(c.Host().Directory("../fix/notgit").Entries(ctx)))
	return l.String(), nil
}
