package engine_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/engine/enginetest"
)

// tellTimes prints the time of the files "f" below a folder; with two arguments it sets the time before.
const tellTimes = `package main

import ("fmt"; "io/fs"; "os"; "path/filepath"; "strconv"; "time")

func main() {
	filepath.WalkDir(os.Args[1], func(p string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != "f" { return nil }
		if len(os.Args) > 2 {
			seconds, _ := strconv.ParseInt(os.Args[2], 10, 64)
			os.Chtimes(p, time.Unix(seconds, 0), time.Unix(seconds, 0))
		}
		i, err := e.Info()
		if err != nil { return err }
		if len(os.Args) == 2 { fmt.Print(i.ModTime().Unix()) }
		return nil
	})
}
`

// timed is the setup of a test of times: a session, a container that prints times, and a name that no earlier run had.
type timed struct {
	*testing.T
	ctx   context.Context
	c     *dagger.Client
	ct    *dagger.Container
	nonce string
	dir   string // on the host
}

func (t timed) told(c *dagger.Container) string {
	t.Helper()
	out, err := c.WithExec([]string{"/program", "/d"}).Stdout(t.ctx)
	must(t.T, err)
	return out
}

func (t timed) mounted(d *dagger.Directory) string {
	t.Helper()
	return t.told(t.ct.WithMountedDirectory("/d", d))
}

// waysToSetTimes make a directory with the file "f", which has the given time.
var waysToSetTimes = map[string]func(t timed, at int) *dagger.Directory{
	"directory": func(t timed, at int) *dagger.Directory {
		return t.c.Directory().WithNewFile("f", t.nonce).WithTimestamps(at)
	},
	"file": func(t timed, at int) *dagger.Directory {
		return t.c.Directory().WithFile("f", t.c.File("f", t.nonce).WithTimestamps(at))
	},
	"a part": func(t timed, at int) *dagger.Directory {
		return t.c.Directory().WithNewFile("sub/[x]/f", t.nonce).Directory("sub/[x]").WithTimestamps(at)
	},
	"host folder": func(t timed, at int) *dagger.Directory {
		return t.c.Host().Directory(t.dir, dagger.HostDirectoryOpts{Include: []string{"f"}}).WithTimestamps(at)
	},
	"a command": func(t timed, at int) *dagger.Directory {
		return t.ct.WithNewFile("/d/f", t.nonce).WithExec([]string{"/program", "/d", strconv.Itoa(at)}).Directory("/d")
	},
	"an image": func(t timed, at int) *dagger.Directory {
		archive := filepath.Join(t.dir, strconv.Itoa(at)+".tar")
		_, err := t.c.Container().WithDirectory("/d", t.c.Directory().WithNewFile("f", t.nonce).WithTimestamps(at)).Export(t.ctx, archive)
		must(t.T, err)
		return t.c.Container().Import(t.c.Host().File(archive)).Directory("/d")
	},
}

// waysToUseTimes return the time of the file "f" of a directory after a copy or a mount.
var waysToUseTimes = map[string]func(t timed, d *dagger.Directory) string{
	"mounted": timed.mounted,
	"mounted to be read": func(t timed, d *dagger.Directory) string {
		return t.told(t.ct.WithMountedDirectory("/d", d, dagger.ContainerWithMountedDirectoryOpts{ReadOnly: true}))
	},
	"mounted with an owner": func(t timed, d *dagger.Directory) string {
		return t.told(t.ct.WithMountedDirectory("/d", d, dagger.ContainerWithMountedDirectoryOpts{Owner: "7:7"}))
	},
	"copied":      func(t timed, d *dagger.Directory) string { return t.told(t.ct.WithDirectory("/d", d)) },
	"file copied": func(t timed, d *dagger.Directory) string { return t.told(t.ct.WithFile("/d/f", d.File("f"))) },
	"file renamed": func(t timed, d *dagger.Directory) string {
		return t.told(t.ct.WithFiles("/d", []*dagger.File{d.WithFile("g", d.File("f")).File("g").WithName("f")}))
	},
	"file mounted": func(t timed, d *dagger.Directory) string { return t.told(t.ct.WithMountedFile("/d/f", d.File("f"))) },
	"copied twice": func(t timed, d *dagger.Directory) string {
		return t.mounted(t.c.Directory().WithDirectory("a", t.c.Directory().WithDirectory("b", d)))
	},
	"copied in part": func(t timed, d *dagger.Directory) string {
		return t.mounted(t.c.Directory().WithDirectory("a", d.WithNewFile("g", ""), dagger.DirectoryWithDirectoryOpts{Include: []string{"f"}}))
	},
	"filtered": func(t timed, d *dagger.Directory) string {
		return t.mounted(d.Filter(dagger.DirectoryFilterOpts{Exclude: []string{"g"}}))
	},
	"with another owner": func(t timed, d *dagger.Directory) string { return t.mounted(d.Chown("/", "7:7")) },
	"changed":            func(t timed, d *dagger.Directory) string { return t.mounted(d.WithNewFile("g", "").WithoutFile("g")) },
	"part of another": func(t timed, d *dagger.Directory) string {
		return t.mounted(t.c.Directory().WithDirectory("a", d).Directory("a"))
	},
	"what it has more": func(t timed, d *dagger.Directory) string {
		return t.mounted(t.c.Directory().WithNewFile("g", "").Diff(d))
	},
	"in a root file system": func(t timed, d *dagger.Directory) string {
		root := t.ct.Rootfs().WithDirectory("d", d)
		return t.told(t.c.Container().WithRootfs(root))
	},
	"after a command": func(t timed, d *dagger.Directory) string {
		return t.mounted(t.ct.WithDirectory("/d", d).WithExec([]string{"/program", "/none"}).Directory("/d"))
	},
	"in a mount after a command": func(t timed, d *dagger.Directory) string {
		return t.mounted(t.ct.WithMountedDirectory("/d", d).WithExec([]string{"/program", "/none"}).Directory("/d"))
	},
	"in a new cache volume": func(t timed, d *dagger.Directory) string {
		volume := t.c.CacheVolume(time.Now().String())
		return t.told(t.ct.WithMountedCache("/d", volume, dagger.ContainerWithMountedCacheOpts{Source: d}))
	},
	"copied by a Dockerfile": func(t timed, d *dagger.Directory) string {
		return t.mounted(d.WithNewFile("Dockerfile", "FROM scratch\nCOPY f /d/\n").DockerBuild().Rootfs())
	},
	"through the stages of a Dockerfile": func(t timed, d *dagger.Directory) string {
		return t.mounted(d.WithNewFile("Dockerfile", "FROM scratch AS one\nCOPY f /d/\nFROM scratch\nCOPY --from=one /d /e\n").DockerBuild().Rootfs())
	},
	"mounted by a Dockerfile": func(t timed, d *dagger.Directory) string {
		out, err := d.WithFile("program", t.ct.File("/program")).
			WithNewFile("Dockerfile", "FROM scratch\nCOPY program /\nRUN --mount=type=bind,source=f,target=/d/f [\"/program\", \"/d\"]\n").DockerBuild().Stdout(t.ctx)
		must(t.T, err)
		return out
	},
	"exported": func(t timed, d *dagger.Directory) string {
		to := t.TempDir()
		_, err := d.Export(t.ctx, to)
		must(t.T, err)
		info, err := os.Stat(filepath.Join(to, "f"))
		must(t.T, err)
		return strconv.FormatInt(info.ModTime().Unix(), 10)
	},
	"in an image": func(t timed, d *dagger.Directory) string {
		to := filepath.Join(t.TempDir(), "image.tar")
		_, err := t.c.Container().WithDirectory("/d", d).Export(t.ctx, to)
		must(t.T, err)
		return timeInImage(t.T, to)
	},
}

// timeInImage is the time of the file "f" in the layers of an image's archive.
func timeInImage(t *testing.T, archive string) string {
	t.Helper()
	b, err := os.ReadFile(archive)
	must(t, err)
	found := ""
	for blobs := tar.NewReader(bytes.NewReader(b)); ; {
		_, err := blobs.Next()
		if errors.Is(err, io.EOF) {
			return found
		}
		must(t, err)
		z, err := gzip.NewReader(blobs)
		if err != nil {
			continue // not a layer
		}
		for layer := tar.NewReader(z); ; {
			h, err := layer.Next()
			if err != nil {
				break
			}
			if path.Base(h.Name) == "f" {
				found += strconv.FormatInt(h.ModTime.Unix(), 10)
			}
		}
	}
}

// used are the ways that use times which were not set on a directory: the operations after that are the same.
var used = []string{"mounted", "copied twice", "file copied", "in a root file system"}

// TestTimesAreThoseThatWereSet makes the same files with other times, in one session and in the next, and uses them in all ways: the cache must
// not answer for one with the other.
func TestTimesAreThoseThatWereSet(t *testing.T) {
	enginetest.NeedsRuntime(t, enginetest.Options(t, "/"))
	programs, host, nonce := program(t, tellTimes), t.TempDir(), time.Now().String()
	must(t, os.WriteFile(filepath.Join(host, "f"), []byte(nonce), 0o644))
	for _, at := range []int{1, 86400} {
		s, err := engine.Connect(t.Context(), enginetest.Options(t, host))
		must(t, err)
		ct := s.Client.Container().WithFile("/program", s.Client.Host().File(programs+"/program"))
		for set, made := range waysToSetTimes {
			for use, told := range waysToUseTimes {
				if set != "directory" && !slices.Contains(used, use) {
					continue
				}
				t.Run(fmt.Sprintf("%s %s %d", set, use, at), func(t *testing.T) {
					in := timed{T: t, ctx: t.Context(), c: s.Client, ct: ct, nonce: nonce, dir: host}
					if got := strings.TrimSpace(told(in, made(in, at))); got != strconv.Itoa(at) {
						t.Errorf("the file's time is %s", got)
					}
				})
			}
		}
		must(t, s.Close())
	}
}
