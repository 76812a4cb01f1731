package engine_test

import (
	"context"
	"strconv"
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

// An empty directory goes every way that copies it, after a directory with a file went the same way: the engine's cache may not answer
// for the one with the other.
func TestAnEmptyDirectoryHoldsNothingOfAnother(t *testing.T) {
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

// An empty file and an empty folder of one name and mode are two things, whatever was made first.
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
