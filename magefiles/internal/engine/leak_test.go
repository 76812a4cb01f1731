package engine_test

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"dagger.io/dagger"
)

const listFiles = `package main

import ("fmt"; "os")

func main() {
	entries, err := os.ReadDir(os.Args[1])
	if err != nil { fmt.Println(err) }
	for _, e := range entries { fmt.Println(e.Name()) }
}
`

// The test copies an empty directory in each way, after it copied a directory with a file in the same way: the engine's cache must not answer for
// one with the other.
func TestAnEmptyDirectoryIsEmpty(t *testing.T) {
	ctx := context.Background()
	c := connect(t, t.TempDir())
	ct := box(t, c, listFiles)
	// No earlier run of this test may have filled the cache with the right answers.
	nonce := int(time.Now().UnixNano()%1e9) + 1000
	owner, place := strconv.Itoa(nonce)+":11", "/at-"+strconv.Itoa(nonce)
	base := c.Directory().WithNewFile("nonce", strconv.Itoa(nonce))

	ways := map[string]func(*dagger.Directory) *dagger.Directory{
		"mounted with an owner": func(d *dagger.Directory) *dagger.Directory {
			return ct.WithMountedDirectory(place, d, dagger.ContainerWithMountedDirectoryOpts{Owner: owner}).Directory(place)
		},
		"copied with an owner": func(d *dagger.Directory) *dagger.Directory {
			return ct.WithDirectory(place, d, dagger.ContainerWithDirectoryOpts{Owner: owner}).Directory(place)
		},
		"copied": func(d *dagger.Directory) *dagger.Directory {
			return base.WithDirectory(place, d).Directory(place)
		},
		"copied in part": func(d *dagger.Directory) *dagger.Directory {
			return base.WithDirectory(place, d, dagger.DirectoryWithDirectoryOpts{Include: []string{"*"}}).Directory(place)
		},
		"copied by a Dockerfile": func(d *dagger.Directory) *dagger.Directory {
			files, err := d.Entries(ctx)
			must(t, err)
			stage := "FROM scratch AS one\n"
			if len(files) > 0 {
				stage += "COPY file /\n"
			}
			context := d.WithNewFile("Dockerfile", stage+"FROM scratch\nCOPY --from=one / "+place+"/\n")
			return context.DockerBuild().WithNewFile(place+"/x", "").Rootfs().Directory(place).WithoutFile("x")
		},
		"with times": func(d *dagger.Directory) *dagger.Directory { return d.WithTimestamps(nonce) },
		"as a root file system": func(d *dagger.Directory) *dagger.Directory {
			return c.Container().WithRootfs(d).WithNewFile(place+"/x", "").Rootfs().WithoutDirectory(place)
		},
		"a cache volume's first content": func(d *dagger.Directory) *dagger.Directory {
			files, err := d.Entries(ctx)
			must(t, err)
			volume := c.CacheVolume(strconv.Itoa(nonce) + strconv.Itoa(len(files)))
			listed, err := ct.WithMountedCache("/m", volume, dagger.ContainerWithMountedCacheOpts{Source: d, Owner: owner}).
				WithExec([]string{"/program", "/m"}).Stdout(ctx)
			must(t, err)
			if listed == "" {
				return c.Directory()
			}
			return c.Directory().WithNewFile(listed, "")
		},
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			full, err := way(c.Directory().WithNewFile("file", "1")).Entries(ctx)
			must(t, err)
			if len(full) == 0 {
				t.Fatal("a directory with one file came out empty")
			}
			empty, err := way(c.Directory()).Entries(ctx)
			must(t, err)
			if len(empty) != 0 {
				t.Errorf("an empty directory came out with %q", empty)
			}
		})
	}
}

// An empty file and an empty folder with one name and mode must be different, in either order.
func TestAnEmptyFileIsNoFolder(t *testing.T) {
	ctx := context.Background()
	c := connect(t, t.TempDir())
	base := c.Directory().WithNewFile("nonce", time.Now().String())
	must2 := func(entries []string, err error) []string { must(t, err); return entries }
	folder := must2(base.WithNewDirectory("it", dagger.DirectoryWithNewDirectoryOpts{Permissions: 0o755}).Entries(ctx))
	file := must2(base.WithNewFile("it", "", dagger.DirectoryWithNewFileOpts{Permissions: 0o755}).Entries(ctx))
	if folder[0] != "it/" || file[0] != "it" {
		t.Errorf("the folder is %q, the file %q", folder[0], file[0])
	}
}

// Files with one name in different folders of one directory must be different: the path is part of the copied and mounted content.
func TestNamesakesAreToldApart(t *testing.T) {
	ctx := context.Background()
	c := connect(t, t.TempDir())
	ct := box(t, c, printEnv)
	d := c.Directory().WithNewFile("nonce", time.Now().String()).WithNewFile("a/f", "1").WithNewFile("b/f", "2").WithNewFile("a/a/f", "3").WithNewFile("a/b/f", "4")
	readOnly := dagger.ContainerWithMountedDirectoryOpts{ReadOnly: true}
	printed := func(c *dagger.Container, args ...string) string {
		out, err := c.WithExec(append([]string{"/program"}, args...)).Stdout(ctx)
		must(t, err)
		return strings.ReplaceAll(out, " <nil>\n", "")
	}
	built := func(dockerfile string) *dagger.Container {
		return d.WithFile("program", ct.File("/program")).WithNewFile("Dockerfile", "FROM scratch\n"+dockerfile).DockerBuild()
	}
	contents := func(f *dagger.File) string {
		text, err := f.Contents(ctx)
		must(t, err)
		return text
	}
	// Each way gets two paths, and returns their content.
	ways := map[string]func(one, other string) string{
		"file copied within a directory":   func(one, _ string) string { return contents(d.WithFile("g", d.File(one+"/f")).File("g")) },
		"folder copied within a directory": func(one, _ string) string { return contents(d.WithDirectory("g", d.Directory(one)).File("g/f")) },
		"file copied within a container": func(one, _ string) string {
			c := c.Container().WithDirectory("/", d)
			return contents(c.WithFile("/g", c.File(one+"/f")).File("/g"))
		},
		"copied by a Dockerfile to one place": func(one, other string) string {
			return contents(built("COPY " + one + "/f " + other + "/f /d/\n").File("/d/f"))
		},
		"mounted at two places": func(one, other string) string {
			return printed(ct.WithMountedDirectory("/1", d.Directory(one), readOnly).WithMountedDirectory("/2", d.Directory(other), readOnly), "@/1/f", "@/2/f")
		},
		"mounted by a Dockerfile": func(one, other string) string {
			out, err := built("COPY program /\nRUN --mount=type=bind,source=" + one + ",target=/1 --mount=type=bind,source=" + other + ",target=/2 [\"/program\", \"@/1/f\", \"@/2/f\"]\n").Stdout(ctx)
			must(t, err)
			return strings.ReplaceAll(out, " <nil>\n", "")
		},
	}
	text := map[string]string{"a": "1", "b": "2", "a/a": "3", "a/b": "4"}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			for _, p := range [][2]string{{"a", "b"}, {"b", "a"}, {"a", "a/a"}, {"a", "a/b"}, {"a/a", "a"}, {"a/b", "a"}} {
				got, want := way(p[0], p[1]), text[p[0]]+text[p[1]]
				switch {
				case name == "copied by a Dockerfile to one place":
					want = text[p[1]] // the last one
				case len(got) == 1:
					want = text[p[0]]
				}
				if got != want {
					t.Errorf("of %q: got %q, want %q", p, got, want)
				}
			}
		})
	}
}

// The content of a cache volume must not be that of another.
func TestCacheVolumesAreToldApart(t *testing.T) {
	ctx := context.Background()
	c := connect(t, t.TempDir())
	ct := box(t, c, printEnv).WithEnvVariable("NONCE", time.Now().String())
	with := func(name string, args ...string) *dagger.Container {
		volume := c.CacheVolume(name + time.Now().String()[:10])
		return ct.WithMountedCache("/m", volume).WithExec(append([]string{"/program"}, args...))
	}
	name := strconv.FormatInt(time.Now().UnixNano(), 36)
	_, err := with("one"+name, ">/m/f").Sync(ctx)
	must(t, err)
	one, err := with("one"+name, "@/m/f").Stdout(ctx)
	must(t, err)
	other, err := with("other"+name, "@/m/f").Stdout(ctx)
	must(t, err)
	if !strings.Contains(one, "<nil>") || !strings.Contains(other, "no such file") {
		t.Errorf("one volume has %q, the other %q", one, other)
	}
}
