package task_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

func TestBuild(t *testing.T) {
	b := &builder{t: t}
	built, err := task.Build{Files: files, Builder: b}.Run(t.Context(),
		task.BuildArgs{Name: "devpi", Platforms: "linux/amd64,linux/arm64", Target: "base", Args: "A=1,B=x=y"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "devpi linux/amd64,linux/arm64"; built.String() != want {
		t.Errorf("prints %q, want %q", built, want)
	}
	r := b.requests[0]
	if r.Container.Name != "devpi" || r.Target != "base" || !reflect.DeepEqual(r.Args, map[string]string{"A": "1", "B": "x=y"}) ||
		!reflect.DeepEqual(r.Platforms, []image.Platform{amd64, arm64}) {
		t.Errorf("built %+v", r)
	}
}

func TestBuildStepsAreTold(t *testing.T) {
	var told []string
	watch := func(step string) func(error) {
		return func(err error) { told = append(told, step) }
	}
	out := filepath.Join(t.TempDir(), "image.tar")
	if _, err := (task.Build{Files: files, Builder: &builder{t: t}, Watch: watch}).Run(t.Context(), task.BuildArgs{Name: "devpi", Output: out}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"build devpi", "write " + out}; !reflect.DeepEqual(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
}

func TestBuildRefusesBeforeItBuilds(t *testing.T) {
	dir := t.TempDir()
	taken := filepath.Join(dir, "notes.tar")
	if err := os.WriteFile(taken, []byte("not an image"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args task.BuildArgs
		want string
	}{
		{task.BuildArgs{Name: "-platform=linux/amd64"}, "flags come after"},
		{task.BuildArgs{Name: "netest"}, "did you mean nettest?"},
		{task.BuildArgs{Name: "nettest", Platforms: "arm"}, "did you mean linux/arm64"},
		{task.BuildArgs{Name: "nettest", Target: "x"}, "has no stages"},
		{task.BuildArgs{Name: "nettest", Args: "A=1"}, "takes no build arguments"},
		{task.BuildArgs{Name: "devpi", Args: "A"}, "NAME=VALUE"},
		{task.BuildArgs{Name: "devpi", Args: "A="}, "cannot pass an empty one"},
		{task.BuildArgs{Name: "devpi", Args: "A=1,A=2"}, "given twice"},
		{task.BuildArgs{Name: "devpi", Args: "A-B=1"}, "letters, digits and underscores"},
		{task.BuildArgs{Name: "devpi", Output: "."}, "FILE.tar"},
		{task.BuildArgs{Name: "devpi", Output: "oci:"}, "FILE.tar"},
		{task.BuildArgs{Name: "devpi", Output: filepath.Join(dir, "no/x.tar")}, "there is no folder"},
		{task.BuildArgs{Name: "devpi", Output: taken}, "not an image that this command could replace"},
		{task.BuildArgs{Name: "devpi", Output: dir}, "not an image that this command could replace"},
		{task.BuildArgs{Name: "devpi", Output: "dir:" + dir}, "not an image that this command could replace"},
		{task.BuildArgs{Name: "devpi", Output: "dir:x", Platforms: "linux/amd64,linux/arm64"}, "one platform"},
	} {
		b := &builder{t: t}
		_, err := task.Build{Files: files, Builder: b}.Run(t.Context(), c.args)
		wantError(t, err, c.want)
		if len(b.requests) > 0 {
			t.Errorf("%+v was built", c.args)
		}
	}
	wantEntries(t, dir, "notes.tar")
}

func wantEntries(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Name())
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// Each output is written, and written again over what was written before.
func TestBuildOutputs(t *testing.T) {
	dir := t.TempDir()
	for _, output := range []string{"image.tar", "oci:layout", "plain"} {
		scheme, name, ok := strings.Cut(output, ":")
		where := filepath.Join(dir, output)
		if ok {
			where = scheme + ":" + filepath.Join(dir, name)
		}
		var digests []string
		for _, content := range []string{"old", "new"} {
			built, err := task.Build{Files: files, Builder: &builder{t: t, content: content}}.Run(t.Context(), task.BuildArgs{Name: "devpi", Output: where})
			if err != nil {
				t.Fatalf("%s: %v", output, err)
			}
			if !strings.Contains(built.String(), " "+built.Output+" sha256:") {
				t.Errorf("prints %q; want the path and the digest", built)
			}
			digests = append(digests, built.Digest)
		}
		if digests[0] == digests[1] {
			t.Errorf("%s: two contents have one digest", output)
		}
	}
	wantEntries(t, dir, "image.tar", "layout", "plain")
	for _, file := range []string{"layout/oci-layout", "layout/index.json", "plain/blobs/sha256"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}

func TestBuildWritesRootfs(t *testing.T) {
	dir := t.TempDir()
	args := task.BuildArgs{Name: "devpi", Output: "dir:" + filepath.Join(dir, "root")}
	b := task.Build{Files: files, Builder: &builder{t: t, content: "hello"}}
	if _, err := b.Run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "root/file")); err != nil || string(text) != "hello" {
		t.Errorf("got %q, %v", text, err)
	}
	_, err := b.Run(t.Context(), args)
	wantError(t, err, "remove it")
}

func TestFailedBuildLeavesTheOldOutput(t *testing.T) {
	dir := t.TempDir()
	args := task.BuildArgs{Name: "devpi", Output: filepath.Join(dir, "image.tar")}
	if _, err := (task.Build{Files: files, Builder: &builder{t: t}}).Run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(args.Output)
	boom := errors.New("boom")
	_, err := task.Build{Files: files, Builder: &builder{t: t, err: boom}}.Run(t.Context(), args)
	if !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "build devpi: ") {
		t.Errorf("error %v; want the builder's, with the step's name", err)
	}
	if after, _ := os.ReadFile(args.Output); string(after) != string(before) {
		t.Error("the old output was changed")
	}
	wantEntries(t, dir, "image.tar")
}
