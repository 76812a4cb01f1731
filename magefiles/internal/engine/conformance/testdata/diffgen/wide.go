package main

import (
	"fmt"
	"math/rand"
	"strings"
)

// wide are the seeds whose cases are made here: longer ones, of other values than those of gen.go, about what is within what: links on the way,
// mounts in mounts, folders of folders, owners of all forms. A bind mount of the build context that a RUN writes to is not among them: at
// that, Dagger's engine ends.
const wide = 100

// generateWide makes case number index of a wide seed.
func generateWide(seed int64, index int) Case {
	g := &gen{Rand: rand.New(rand.NewSource(seed*1_000_003 + int64(index)))}
	w := wideGen{g}
	c := Case{Seed: seed, Index: index}
	n := 4 + g.Intn(6)
	switch x := g.Intn(100); {
	case x < 40:
		c.Kind = "files"
		w.tree()
		for n += len(g.steps); len(g.steps) < n; {
			g.one(6, w.change, 3, w.part, 3, w.ask, 1, w.fileOf)
		}
	case x < 75:
		c.Kind = "container"
		w.base()
		for n += len(g.steps); len(g.steps) < n; {
			g.one(5, w.mount, 5, w.run, 5, w.put, 3, w.take, 3, w.config)
		}
	case x < 88:
		c.Kind = "dockerfile"
		w.dockerfile()
	default:
		c.Kind = "transfer"
		w.transfer()
	}
	c.Lazy = g.chance(25)
	c.Steps = g.steps
	return c
}

type wideGen struct{ *gen }

func (w wideGen) name() string {
	return pick(w.gen, "a", "b.txt", "sub", "sub/c.txt", "sub/deep/d.log", "sub/deep", "-dash", "x*y", "q[1].txt", "#h", " lead", "tail ", "back\\slash", "new\nline", "dots...", "...", "é", "é", "UP", "up", "l", "l/inner", "ld", "sub/l2", "sub/l2/x", "abs", "abs/z")
}

func (w wideGen) at() string {
	p := w.name()
	switch w.Intn(16) {
	case 0:
		return p + "/"
	case 1:
		return "/" + p
	case 2:
		return "sub/deep/../../" + p
	case 3:
		return "l/../" + p
	case 4:
		return "../../" + p
	case 5:
		return pick(w.gen, "/", ".", "./", "", "..")
	}
	return p
}

func (w wideGen) perm() Mode {
	return pick[Mode](w.gen, 0, 0, 0, 0o600, 0o755, 0o777, 0o4755, 0o2755, 0o1777, 0o7777, 0o1, 0o10, 0o111, 0o6711, 0o100644)
}

func (w wideGen) own() string {
	return pick(w.gen, "", "", "", "", "1000:1000", "0:0", "65534", "1000:", ":", "1:2", "root", "root:root", "nobody:1000", "1000:nogroup", ":nogroup", "-1", "4294967295", "4294967296", "1000:1000:1000", " 1000", "nobody", "01000", "0x10")
}

func (w wideGen) numeric() string {
	return pick(w.gen, "", "", "", "1000:1000", "0:0", "65534", "1:2", "1000:", ":", "-1", "4294967295", "1000:1000:1000", "01000", "root")
}

// tree is a directory of the host or of steps, with links in it.
func (w wideGen) tree() string {
	if w.chance(50) {
		t := []Node{{Path: "a", Mode: "644", Contents: "A\n"}, {Path: "sub/c.txt", Mode: pick(w.gen, "640", "644"), Contents: "C\n"}, {Path: "sub/deep/d.log", Mode: "600", Contents: "D\n"}, {Path: "sub/", Mode: pick(w.gen, "755", "750", "2775")},
			{Path: "l", Mode: "777", Link: pick(w.gen, "sub", "a", "sub/deep", "nowhere", ".", "../up", "l")}, {Path: "abs", Mode: "777", Link: pick(w.gen, "/sub", "/a", "/etc", "/")}}
		for range w.Intn(4) {
			t = append(t, Node{Path: w.name(), Mode: "644", Contents: w.text()})
		}
		a := Args{Tree: t}
		w.filter(&a, 40)
		return w.add('d', "host.directory", "", a)
	}
	d := w.add('d', "directory", "", Args{})
	d = w.add('d', "directory.withNewFile", d, Args{Path: "sub/c.txt", Contents: "C\n", Permissions: w.perm()})
	d = w.add('d', "directory.withSymlink", d, Args{Target: pick(w.gen, "sub", "a", "/sub", "nowhere", "sub/c.txt", ".."), Path: pick(w.gen, "l", "sub/l2", "abs")})
	return w.add('d', "directory.withNewDirectory", d, Args{Path: pick(w.gen, "ld", "sub/deep", "l/made", "e/m/p/t/y"), Permissions: w.perm()})
}

func (w wideGen) filter(a *Args, percent int) {
	if !w.chance(percent) {
		return
	}
	pool := []string{"sub", "sub/*", "**/c.txt", "*/c.txt", "!sub/deep", "**/", "sub/deep/**", "!**", "[a-s]*", "?", "\\#h", "x\\*y", "*.{txt,log}", "./sub", "../sub", "sub/../a", "l", "l/*", "abs", "/a", "a/", "**/*", ".", "sub//c.txt", " lead", "*[!x]"}
	some := func() (l []string) {
		for range 1 + w.Intn(3) {
			l = append(l, pick(w.gen, pool...))
		}
		return l
	}
	if w.chance(60) {
		a.Include = some()
	}
	if w.chance(60) {
		a.Exclude = some()
	}
}

func (w wideGen) d() string {
	if len(w.dirs) == 0 {
		return w.tree()
	}
	return w.last(w.dirs)
}

func (w wideGen) second() string {
	if len(w.dirs) < 2 || w.chance(30) {
		keep := w.dirs
		n := w.tree()
		w.dirs = append([]string{n}, keep...)
		return n
	}
	return pick(w.gen, w.dirs[:len(w.dirs)-1]...)
}

func (w wideGen) f() string {
	if len(w.files) == 0 || w.chance(20) {
		return w.add('f', "file", "", Args{Name: pick(w.gen, "n.txt", "-n", "ü n", "a", "x*y", "new\nline", "..."), Contents: w.text(), Permissions: w.perm()})
	}
	return w.last(w.files)
}

func (w wideGen) change() {
	d := w.d()
	w.one(
		4, func() {
			w.add('d', "directory.withNewFile", d, Args{Path: w.at(), Contents: w.text(), Permissions: w.perm()})
		},
		2, func() { w.add('d', "directory.withNewDirectory", d, Args{Path: w.at(), Permissions: w.perm()}) },
		4, func() {
			f := w.f()
			w.add('d', "directory.withFile", d, Args{Path: w.at(), Permissions: w.perm(), Owner: w.numeric()}, f)
		},
		2, func() {
			l := []string{w.f(), w.f()}
			w.add('d', "directory.withFiles", d, Args{Path: w.at(), Permissions: w.perm()}, l...)
		},
		6, func() {
			a := Args{Path: w.at(), Owner: w.numeric(), Permissions: pick(w.gen, 0, 0, w.perm())}
			w.filter(&a, 45)
			o := w.second()
			w.add('d', "directory.withDirectory", d, a, o)
		},
		3, func() {
			w.add('d', pick(w.gen, "directory.withoutFile", "directory.withoutDirectory"), d, Args{Path: pick(w.gen, w.at(), "l", "l/*", "**", "*", "sub/*.txt", "x*y", "q[1].txt", "[", "no/*")})
		},
		2, func() {
			w.add('d', "directory.withSymlink", d, Args{Target: pick(w.gen, "a", "sub", "/sub", "../..", "", "l", "sub/", "x y"), Path: w.at()})
		},
		2, func() { a := Args{}; w.filter(&a, 100); w.add('d', "directory.filter", d, a) },
		2, func() { w.add('d', "directory.chown", d, Args{Path: w.at(), Owner: w.numeric()}) },
		2, func() { o := w.second(); w.add('d', "directory.diff", o, Args{}, d) },
		1, func() {
			w.add('d', "directory.withTimestamps", d, Args{Number: pick(w.gen, -1, 1, 2_000_000_000, 5_000_000_000)})
		},
	)
}

// part takes a folder and works in it: what is made there must not leave it.
func (w wideGen) part() {
	d := w.d()
	s := w.add('d', "directory.directory", d, Args{Path: pick(w.gen, "sub", "sub/deep", "l", "abs", "sub/", ".", "/sub", "ld", "nosuch")})
	w.one(
		3, func() {
			w.add('d', "directory.withNewFile", s, Args{Path: pick(w.gen, "../esc.txt", "in.txt", "/abs.txt", "l2/x", "deep"), Contents: "in\n", Permissions: w.perm()})
		},
		2, func() { o := w.second(); w.add('d', "directory.withDirectory", o, Args{Path: w.at()}, s) },
		2, func() { o := w.second(); w.add('d', "directory.withDirectory", s, Args{Path: w.at()}, o) },
		2, func() { o := w.second(); w.add('d', "directory.diff", o, Args{}, s) },
		1, func() { w.add('d', "directory.withoutFile", s, Args{Path: pick(w.gen, "c.txt", "../a", "*")}) },
		1, func() {
			w.add('d', "directory.chown", s, Args{Path: pick(w.gen, ".", "/", "deep"), Owner: "1000:1000"})
		},
		1, func() {
			w.add(0, "directory.findUp", s, Args{Name: pick(w.gen, "a", "c.txt"), Start: pick(w.gen, ".", "deep")})
		},
		1, func() { w.add(0, "directory.glob", s, Args{Path: "**"}) },
	)
}

func (w wideGen) ask() {
	d := w.d()
	w.one(
		2, func() { w.add(0, "directory.entries", d, Args{Path: w.at()}) },
		3, func() {
			w.add(0, "directory.glob", d, Args{Path: pick(w.gen, "**/*", "sub/**/*", "l/*", "l/**", "*/*", "\\*", "x\\*y", "*.{txt,log}", "**/deep", "**.txt", "sub/", "/sub/*", "../*", "a/b/../*", "?", "[[:alpha:]]", "*\n*")})
		},
		2, func() {
			w.add(0, "directory.exists", d, Args{Path: w.at(), Type: pick(w.gen, "", "REGULAR_TYPE", "DIRECTORY_TYPE", "SYMLINK_TYPE"), NoFollow: w.chance(50)})
		},
		2, func() { w.add(0, "directory.stat", d, Args{Path: w.at(), NoFollow: w.chance(50)}) },
		1, func() { o := w.second(); w.add(0, "directory.sameDigest", d, Args{}, o) },
		1, func() { w.add(0, "directory.name", d, Args{}) },
	)
}

func (w wideGen) fileOf() {
	d := w.d()
	f := w.add('f', "directory.file", d, Args{Path: pick(w.gen, "a", "sub/c.txt", "l", "l/c.txt", "abs", w.at())})
	w.one(
		1, func() { w.add(0, "file.contents", f, Args{Number: pick(w.gen, 0, 1, 9), Limit: pick(w.gen, 0, 1)}) },
		1, func() {
			w.add('f', "file.withName", f, Args{Name: pick(w.gen, "...", "a b", "x\ny", ".", strings.Repeat("n", 255), "-n")})
		},
		1, func() { w.add('f', "file.chown", f, Args{Owner: w.numeric()}) },
		1, func() { w.add(0, "file.name", f, Args{}) },
		1, func() {
			w.add('f', "file.withReplaced", f, Args{Name: pick(w.gen, "C", "\n", "A\n"), Value: pick(w.gen, "Z", "", "C"), All: w.chance(50), Number: pick(w.gen, 0, 1, 3)})
		},
	)
}

func (w wideGen) base() string {
	if len(w.ctrs) == 0 || w.chance(6) {
		return w.add('c', "container", "", Args{})
	}
	return w.last(w.ctrs)
}

func (w wideGen) place() string {
	return pick(w.gen, "/m", "/m", "/m/sub", "/m/sub/deep/d.log", "/m/new", "/w", "/w/a", "/w/l", "/w/l/x", "/w/../m/b", "rel", "rel/x", "./m", "/tmp", "/etc/passwd", "/bin", "/m/", "/run/s", "/run/s/tok", "/home", "/opt/a b")
}

func (w wideGen) mount() {
	c, p := w.base(), w.place()
	w.one(
		5, func() {
			d := w.d()
			w.add('c', "container.withMountedDirectory", c, Args{Path: p, Owner: pick(w.gen, "", "", w.own()), ReadOnly: w.chance(30)}, d)
		},
		3, func() {
			f := w.f()
			w.add('c', "container.withMountedFile", c, Args{Path: p, Owner: pick(w.gen, "", "", w.own())}, f)
		},
		2, func() {
			var with []string
			if w.chance(50) {
				with = []string{w.d()}
			}
			w.add('c', "container.withMountedCache", c, Args{Path: p, Name: pick(w.gen, "k", "k", "l"), Type: pick(w.gen, "", "LOCKED", "PRIVATE"), Owner: pick(w.gen, "", "", w.own())}, with...)
		},
		1, func() { w.add('c', "container.withMountedTemp", c, Args{Path: p, Number: pick(w.gen, 0, 4096, 1<<20)}) },
		2, func() {
			w.add('c', "container.withMountedSecret", c, Args{Path: pick(w.gen, "/run/s/tok", p), Name: "tok", Value: pick(w.gen, "s3cret", "a\nb\n", "ü"), Owner: pick(w.gen, "", w.own()), Permissions: pick[Mode](w.gen, 0, 0o777, 0o4444, 0o1)})
		},
		1, func() {
			w.add('c', "container.withSecretVariable", c, Args{Target: pick(w.gen, "TOK", "A=B", "PATH", "lower"), Name: "v", Value: pick(w.gen, "hush hush", "line1\nline2", "12")})
		},
		1, func() { w.add('c', "container.withoutMount", c, Args{Path: p}) },
	)
}

func (w wideGen) run() {
	c := w.base()
	sh := func(s string) Args { return Args{List: []string{"sh", "-c", s}} }
	var a Args
	switch w.Intn(22) {
	case 0:
		a = sh("find /m /w /rel -printf '%M %u %g %y %l %p\\n' 2>&1 | LC_ALL=C sort")
	case 1:
		a = sh("mkdir -p /w/sub && echo w >/w/a && ln -sfn sub /w/l && ln -sfn /m /w/abs && echo ok")
	case 2:
		a = sh("echo x >/m/wrote || echo ro; ls -A /m 2>&1")
	case 3:
		a = sh("rm -rf /m/* 2>&1; ls -A /m 2>&1")
	case 4:
		a = sh("cat /run/s/tok $TOK 2>&1; echo \"[$TOK]\"; printf %s \"$TOK\" | od -c | head -2")
	case 5:
		a = sh("exit " + pick(w.gen, "1", "125", "126", "127", "128", "130", "137", "255"))
		a.Expect = pick(w.gen, "", "", "ANY", "FAILURE")
	case 6:
		a = sh("kill -" + pick(w.gen, "TERM", "INT", "SEGV", "PIPE") + " $$")
		a.Expect = pick(w.gen, "", "ANY")
	case 7:
		a = Args{List: []string{"cat"}, Stdin: pick(w.gen, "x", strings.Repeat("long line of input\n", 400), "\x01\x02")}
	case 8:
		a = sh("echo o; echo e >&2")
		a.RedirectStdout, a.RedirectStderr = w.place(), pick(w.gen, "", w.place(), "/w/both")
	case 9:
		a = sh("echo both; echo err >&2; echo both")
		a.RedirectStdout, a.RedirectStderr = "/same", "/same"
	case 10:
		a = Args{List: []string{"cat"}, RedirectStdin: w.place()}
	case 11:
		a = Args{List: []string{"printf", "%s|", "", " ", "a b", "*", "$HOME", "ü", "'", "\""}}
	case 12:
		a = Args{List: []string{"echo", pick(w.gen, "${FOO:-dflt}", "$1", "$$", "${", "$FOO_", "\\$FOO", "${FOO", "$-", "${FOO%x}", "$ü", "%FOO%")}, Expand: true}
	case 13:
		a = Args{List: pick(w.gen, []string{"/w"}, []string{"/m/sub/c.txt"}, []string{"./x"}, []string{"nosuch", "a"}, []string{" sh"}, []string{"sh\x00"}, []string{"/bin/../bin/true"}, []string{"true", ""})}
	case 14:
		a = sh("id; echo $HOME; pwd; umask; cat /proc/self/limits | grep -i 'open files' | wc -l; hostname; cat /proc/1/comm; ls /proc/self/fd | wc -l")
	case 15:
		a = sh("env | cut -d= -f1 | LC_ALL=C sort | grep -v -e OTEL -e TRACE -e BAGGAGE -e DIFFGEN")
	case 16:
		a = sh("sleep 0.1 & echo parent")
	case 17:
		a = sh("(sleep 0.2; echo late) & echo early")
	case 18:
		a = sh("printf '\\377\\376\\000bin'; printf 'a\\r\\nb' >&2")
	case 19:
		a = sh("echo text >/tmp/t && chmod 000 /tmp/t && chown 5:6 /tmp/t && mkdir -m 1777 /tmp/d && touch -h -d @5 /tmp/t")
	case 20:
		a = sh("cat /etc/hosts | grep -c localhost; cat /etc/resolv.conf | wc -c | grep -c 0 >/dev/null; echo >/etc/hosts && echo wrote")
	case 21:
		a = sh("mount | grep -E ' /(m|w|rel|run/s|tmp)' | cut -d' ' -f3,6 | sed 's/,.*//' | LC_ALL=C sort")
	}
	if w.chance(12) {
		a.NoInit = true
	}
	if w.chance(12) {
		a.UseEntrypoint = true
	}
	c = w.add('c', "container.withExec", c, a)
	if w.chance(65) {
		w.add(0, pick(w.gen, "container.stdout", "container.stdout", "container.stderr", "container.combinedOutput", "container.exitCode"), c, Args{})
	}
}

func (w wideGen) put() {
	c, p := w.base(), w.place()
	own := pick(w.gen, "", "", w.own())
	w.one(
		4, func() {
			w.add('c', "container.withNewFile", c, Args{Path: p, Contents: w.text(), Permissions: w.perm(), Owner: own})
		},
		3, func() {
			f := w.f()
			w.add('c', "container.withFile", c, Args{Path: p, Permissions: w.perm(), Owner: own}, f)
		},
		1, func() {
			l := []string{w.f(), w.f()}
			w.add('c', "container.withFiles", c, Args{Path: p, Permissions: w.perm(), Owner: own}, l...)
		},
		4, func() {
			a := Args{Path: p, Owner: own}
			w.filter(&a, 40)
			d := w.d()
			w.add('c', "container.withDirectory", c, a, d)
		},
		2, func() {
			w.add('c', "container.withSymlink", c, Args{Target: pick(w.gen, "/m", "../m", "x", "/w/l", ""), Path: p})
		},
		2, func() {
			w.add('c', pick(w.gen, "container.withoutFile", "container.withoutDirectory"), c, Args{Path: pick(w.gen, p, "/m", "/m/*", "/etc/mot*")})
		},
		1, func() { d := w.d(); w.add('c', "container.withRootfs", c, Args{}, d) },
	)
}

func (w wideGen) take() {
	c, p := w.base(), pick(w.gen, w.place(), "/m", "/w", "/", "/m/..", "/etc/debian_version", "/w/abs", "/bin/sh")
	w.one(
		3, func() { w.add('d', "container.directory", c, Args{Path: p}) },
		3, func() { w.add('f', "container.file", c, Args{Path: p}) },
		2, func() { w.add(0, "container.stat", c, Args{Path: p, NoFollow: w.chance(50)}) },
		2, func() {
			w.add(0, "container.exists", c, Args{Path: p, NoFollow: w.chance(50), Type: pick(w.gen, "", "DIRECTORY_TYPE", "SYMLINK_TYPE")})
		},
		1, func() { w.add('d', "container.rootfs", c, Args{}) },
		1, func() { w.add(0, "container.mounts", c, Args{}) },
	)
}

func (w wideGen) config() {
	c := w.base()
	w.one(
		3, func() {
			w.add('c', "container.withUser", c, Args{Name: pick(w.gen, "nobody", "1000:", ":nogroup", "1000:nogroup", "65536", "root:root", "nobody:nosuch", "-1", "1000:1000:1", "daemon", " root", "4294967295")})
		},
		3, func() {
			w.add('c', "container.withWorkdir", c, Args{Path: pick(w.gen, "/w", "sub", "../up", "/w/l", "/m/sub", "/etc/passwd", ".", "", "/a b", "$FOO/x", "/m/../w", "/w//x"), Expand: w.chance(30)})
		},
		4, func() {
			w.add('c', "container.withEnvVariable", c, Args{Name: pick(w.gen, "FOO", "PATH", "HOME", "a.b", "A=B", "=X", "1", "foo"), Value: pick(w.gen, "v", "a\nb", "$PATH:/x", "${FOO}${FOO}", "\"q\"", "'", " pad ", "$", "${NOSUCH:-d}"), Expand: w.chance(50)})
		},
		1, func() {
			w.add('c', "container.withEntrypoint", c, Args{List: pick(w.gen, []string{"sh", "-c"}, []string{"env", "X=1"}, []string{""}), Keep: w.chance(50)})
		},
		1, func() { w.add('c', "container.withDefaultArgs", c, Args{List: []string{"echo", "$FOO", ""}}) },
		1, func() {
			w.add('c', "container.withLabel", c, Args{Name: pick(w.gen, "L", "a=b", "l l", "l.l/1"), Value: pick(w.gen, "v", "multi\nline", "\"q\"")})
		},
		1, func() {
			w.add('c', "container.withExposedPort", c, Args{Number: pick(w.gen, 1, 65535, 65536, -1, 80), Type: pick(w.gen, "", "UDP"), Value: "d"})
		},
	)
}

func (w wideGen) transfer() {
	c := w.base()
	for range 2 + w.Intn(3) {
		w.one(3, w.put, 3, w.config, 2, w.run, 1, w.mount)
	}
	c = w.last(w.ctrs)
	w.one(
		3, func() {
			w.add('c', "container.publish", c, Args{Path: pick(w.gen, "w:1", "w", "w:1@sha256:bad", "a//b:1", "w:", ":1", "w_x/y.z:A-1"), MediaTypes: pick(w.gen, "", "OCIMediaTypes", "DockerMediaTypes"), Compression: pick(w.gen, "", "Gzip", "Uncompressed", "Zstd", "EStarGZ")})
		},
		3, func() {
			t := w.add('f', "container.asTarball", c, Args{MediaTypes: pick(w.gen, "", "DockerMediaTypes"), Compression: pick(w.gen, "", "Uncompressed", "Gzip")})
			n := w.add('c', "container.scratch", "", Args{})
			w.add('c', "container.import", n, Args{}, t)
		},
		2, func() {
			d := w.add('d', "container.directory", c, Args{Path: pick(w.gen, "/m", "/w", "/home")})
			w.add(0, "directory.export", d, Args{Path: pick(w.gen, ".", "out", "l/x"), Wipe: w.chance(50), Tree: []Node{{Path: "old", Mode: "600", Contents: "o"}, {Path: "out/a", Mode: "444", Contents: "ro"}, {Path: "l", Mode: "777", Link: "out"}, {Path: "sub", Mode: "644", Contents: "file in the way"}}})
		},
		1, func() {
			d := w.tree()
			w.add(0, "directory.export", d, Args{Path: pick(w.gen, ".", "out", "old"), Wipe: w.chance(50), Tree: []Node{{Path: "old", Mode: "600", Contents: "o"}, {Path: "out/a/x", Mode: "444", Contents: "folder in the way"}, {Path: "l/y", Mode: "644", Contents: "y"}, {Path: "sub", Mode: "644", Contents: "file in the way"}}})
		},
		1, func() {
			f := w.f()
			w.add(0, "file.export", f, Args{Path: pick(w.gen, "l", "ro", "out", "nowhere/x"), All: w.chance(50), Tree: []Node{{Path: "ro", Mode: "400", Contents: "r"}, {Path: "l", Mode: "777", Link: "ro"}, {Path: "out/n.txt", Mode: "600", Contents: "n"}}})
		},
	)
	for range w.Intn(3) {
		w.one(2, w.run, 2, w.put, 1, w.config, 1, w.take)
	}
}

func (w wideGen) dockerfile() {
	d := w.add('d', "host.directory", "", Args{Tree: []Node{{Path: "a", Mode: "640", Contents: "A\n"}, {Path: "x.sh", Mode: "755", Contents: "#!/bin/sh\necho x \"$@\"\n"}, {Path: "sub/c.txt", Mode: "644", Contents: "C\n"}, {Path: "sub/deep/d.log", Mode: "600", Contents: "D\n"}, {Path: "sub/", Mode: "750"}, {Path: "l", Mode: "777", Link: pick(w.gen, "sub", "a", "nowhere")}, {Path: "x y", Mode: "644", Contents: "sp\n"}}})
	var b strings.Builder
	line := func(f string, x ...any) { fmt.Fprintf(&b, f+"\n", x...) }
	if w.chance(30) {
		line("ARG IMG=BASE_IMAGE\nARG V=top")
	}
	line("FROM BASE_IMAGE AS one")
	some := []string{
		"ARG V\nRUN echo \"v=$V\" >/v.txt", "ARG V=x\nENV W=$V\nRUN echo $W >/w.txt", "ENV A=1 B=\"$A 2\"\nENV C=${A:+set} D=${NO:-d}", "WORKDIR /w\nWORKDIR sub\nWORKDIR ../x", "WORKDIR /m", "USER nobody\nRUN id -u >/tmp/id; touch /tmp/mine", "USER 1000:1000", "USER root",
		"COPY a sub/c.txt /m/", "COPY sub /m/sub", "COPY sub/ /m", "COPY --chown=nobody:nogroup sub /own", "COPY --chmod=4755 x.sh /usr/local/bin/x\nRUN x y >/x.out", "COPY --chmod=u+x,go-r a /sym", "COPY --parents sub/deep/d.log /p/", "COPY --exclude=*.log sub /ex", "COPY l /l", "COPY [\"x y\", \"/sp ace/\"]", "COPY <<EOF /here\nhi $V\nEOF", "COPY <<'EOF' /raw.txt\nraw $V\nEOF", "COPY --link a /linked/", "ADD sub /added/", "ADD --chmod=600 a /added600",
		"RUN --mount=type=bind,target=/ctx cat /ctx/a >/frombind", "RUN --mount=type=tmpfs,target=/t touch /t/x", "RUN --mount=type=cache,target=/c,uid=1000,mode=0700 stat -c '%%u %%a' /c >/c.txt", "RUN --network=none true", "RUN <<EOF\n#!/bin/sh\necho script >/script\nEOF", "RUN [\"sh\", \"-c\", \"echo $0 exec >/ex.txt\"]", "SHELL [\"/bin/sh\", \"-eu\", \"-c\"]\nRUN echo $- >/shell.txt", "RUN cd /tmp && pwd >/pwd.txt", "RUN echo $HOME $PWD >/home.txt", "RUN ln -s /m /ml && mkdir -p /m\nCOPY a /ml/via", "RUN exit 3",
		"LABEL a=1 b=\"two words\"\nLABEL a=3", "EXPOSE 80/tcp 53/udp 100-102", "ENTRYPOINT [\"x\"]\nCMD [\"y\"]", "ENTRYPOINT x $V", "CMD echo $A", "VOLUME [\"/m\", \"/v\"]", "STOPSIGNAL 9", "HEALTHCHECK --interval=5s CMD true", "ONBUILD COPY a /onb", "MAINTAINER x <y@z>",
	}
	stage := func() {
		for range 2 + w.Intn(5) {
			line("%s", strings.ReplaceAll(pick(w.gen, some...), "%%", "%"))
		}
	}
	stage()
	a := Args{}
	if w.chance(45) {
		line("FROM %s AS two", pick(w.gen, "one", "BASE_IMAGE", "scratch", "$IMG"))
		line(pick(w.gen, "COPY --from=one /etc/passwd /p", "COPY --from=one --chown=1:2 /home /h", "COPY --from=0 /m /m", "RUN --mount=type=bind,from=one,target=/o ls /o >/ls.txt", "COPY --from=one --chmod=700 /etc/issue /i"))
		if w.chance(50) {
			stage()
		}
		a.Target = pick(w.gen, "", "", "two", "one")
	}
	d = w.add('d', "directory.withNewFile", d, Args{Path: "Dockerfile", Contents: b.String()})
	if w.chance(30) {
		d = w.add('d', "directory.withNewFile", d, Args{Path: ".dockerignore", Contents: pick(w.gen, "**\n!a\n", "sub/deep\n", "*.sh\n", "l\n", "sub/*\n!sub/c.txt\n", "#x\n\n  a  \n")})
	}
	if w.chance(40) {
		a.BuildArgs = pick(w.gen, []string{"V=given"}, []string{"V="}, []string{"V=a b"}, []string{"NOSUCH=1"})
	}
	c := w.add('c', "directory.dockerBuild", d, a)
	for range w.Intn(3) {
		c = w.last(w.ctrs)
		w.one(2, func() {
			c = w.add('c', "container.withExec", c, Args{List: []string{"sh", "-c", "id -u; pwd; echo $A $V"}, UseEntrypoint: w.chance(20)})
			w.add(0, "container.stdout", c, Args{})
		}, 1, w.put, 1, w.take, 1, func() { w.add('c', "container.publish", c, Args{Path: "df:1"}) })
	}
}
