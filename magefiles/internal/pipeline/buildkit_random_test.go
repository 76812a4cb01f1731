package pipeline_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/pipeline"
)

// composed is the number of Dockerfiles that are composed from parts. They are the same in each run.
const composed = 24

// TestComposedBuildsLikeBuildKit compares generated Dockerfiles, in which each instruction works on the result of the one before.
func TestComposedBuildsLikeBuildKit(t *testing.T) {
	d := newDifferential(t)
	for seed := range uint64(composed) {
		c := compose(seed)
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			base := d.base()
			if seed%2 == 1 {
				base = logicalBase
			}
			d.compare(t, c, base)
			if t.Failed() {
				t.Logf("%q", c.files)
			}
		})
	}
}

// composer composes a Dockerfile from parts.
type composer struct {
	*rand.Rand
	lines  []string
	canRun bool // there is a shell
}

func compose(seed uint64) buildCase {
	r := &composer{Rand: rand.New(rand.NewPCG(11, seed))}
	r.add("ARG GLOBAL=other")
	for stage := range 1 + r.IntN(3) {
		from := "@BASE@"
		switch n := r.IntN(4); {
		case n == 0 && stage > 0:
			from = fmt.Sprintf("stage%d", r.IntN(stage))
		case n == 1:
			from = "scratch"
		}
		r.canRun = from == "@BASE@"
		r.add(fmt.Sprintf("FROM %s AS stage%d", from, stage))
		for range 2 + r.IntN(5) {
			r.instruction(stage)
		}
	}
	c := buildCase{name: fmt.Sprint(seed), files: map[string]string{"Dockerfile": strings.Join(r.lines, "\n") + "\n"}, args: map[string]string{}, mayFail: true, on: image.NativePlatform()}
	if r.IntN(2) == 0 {
		c.files[r.pick(".dockerignore", "Dockerfile.dockerignore")] = r.pick("*\n!dir\n!*.txt\n", "**/*.md\n", "Dockerfile\nother\n", "dir/sub\n!dir/sub/deep\n", "*.tar\n.*\n", "*ocker*\n")
	}
	if r.IntN(3) == 0 {
		c.args["GLOBAL"] = "dir"
	}
	return c
}

func (r *composer) add(line string) { r.lines = append(r.lines, line) }

func (r *composer) pick(of ...string) string { return of[r.IntN(len(of))] }

// some returns a few of the flags, in their order.
func (r *composer) some(flags ...string) string {
	text := ""
	for _, f := range flags {
		if r.IntN(4) == 0 {
			text += " " + f
		}
	}
	return text
}

func (r *composer) instruction(stage int) {
	to := r.pick("/x", "/x/", "rel", "./", "/dir/", "/a/b/c", "$TO", "/l/")
	switch r.IntN(9) {
	case 0, 1:
		r.add("COPY" + r.some("--chown=5:6", "--chmod="+r.pick("0711", "u+w,go-r", "4750"), "--link", "--exclude=**/"+r.pick("*.txt", "sub", "x*"), "--parents") + " " +
			r.pick("a.txt", "dir", "dir other", "d*", "*.txt", "run.sh private", ".", "link dirlink/", "./dir/./sub", "${GLOBAL}", "empty", "bundle.t*") + " " + to)
	case 2:
		r.add("ADD" + r.some("--chown=7", "--chmod=0700", "--link", "--unpack=false", "--exclude=*.md") + " " + r.pick("bundle.tar", "bundle.tgz a.txt", "dir", "hard", "other/") + " " + to)
	case 3:
		if stage > 0 {
			r.add(fmt.Sprintf("COPY%s --from=stage%d %s %s", r.some("--chown=1:2", "--link", "--exclude=sub"), r.IntN(stage), r.pick("/", "/x*", "/di*", "/[al]*", "/etc*"), to))
		}
	case 4:
		r.add(r.pick("WORKDIR /w/$GLOBAL", "WORKDIR in", "WORKDIR /", "ENV TO=/t/ X=\"a $GLOBAL\"", "ENV X=${X:-none}y", "ARG GLOBAL", "ARG GLOBAL=b"))
	case 5:
		r.add(r.pick("LABEL a=$X b='$X'", "USER 5:6", "USER 0", "EXPOSE 80 81/udp", "VOLUME /x", "STOPSIGNAL 9", "CMD [\"$X\"]", "CMD echo $X", "ENTRYPOINT [\"/e\"]",
			"HEALTHCHECK --retries=2 CMD x", "SHELL [\"/bin/sh\", \"-c\"]", "MAINTAINER m", "ONBUILD COPY a.txt /onbuild"))
	case 6:
		r.add("COPY" + r.some("--chmod=0600", "--chown=3") + " <<A <<\"B\" /h/\none $GLOBAL\nA\ntwo $GLOBAL\nB")
	default:
		if r.canRun {
			r.add("RUN " + r.pick("pwd > /tmp/pwd || true", "id > /id || true", "find /work /t /a /l -type f | sort > /tmp/found || true", "rm -rf /x /dir/sub || true",
				"mkdir -p /a/b && ln -s /a /l || true", "--mount=target=/ctx find /ctx | sort > /tmp/ctx || true", "env | sort > /tmp/env || true", "chmod -R o-r /dir || true"))
		}
	}
}

// An edit of a Dockerfile that is not copied causes no step to run again, with or without a mirror.
func TestEditsOfADockerfileThatIsNotCopied(t *testing.T) {
	for name, base := range map[string]func(differential) string{"plain": differential.base, "mirrored": func(differential) string { return logicalBase }} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "containers", "web")
			writeContext(t, dir)
			place(t, filepath.Join(dir, ".dockerignore"), "Dockerfile\nb.md\n", 0o644)
			build := func(comment string) string {
				d := newDifferential(t) // of a new session: a session reads a folder once
				place(t, filepath.Join(dir, "Dockerfile"), comment+"FROM "+base(d)+"\nCOPY . /c\nRUN cat /proc/sys/kernel/random/uuid > /ran\n", 0o644)
				return d.ran(t, root)
			}
			first, second := build(""), build("# a comment\n")
			place(t, filepath.Join(dir, "a.txt"), fmt.Sprint(rand.Uint64()), 0o644)
			if third := build("# another\n"); first != second || second == third {
				t.Errorf("the step ran as %q; want it again for the file that is copied alone", []string{first, second, third})
			}
		})
	}
}

// ran builds and reads the output of its step.
func (d differential) ran(t *testing.T, root string) string {
	t.Helper()
	d.images.Root = root
	img, err := d.images.Build(t.Context(), pipeline.Request{BuildRequest: image.BuildRequest{
		Container: image.Container{Name: "web", Kind: image.KindDockerfile, Dir: "containers/web"}, Platforms: []image.Platform{image.NativePlatform()},
	}})
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "root")
	if err := img.Rootfs(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	id, err := os.ReadFile(filepath.Join(to, "ran"))
	if err != nil {
		t.Fatal(err)
	}
	return string(id)
}
