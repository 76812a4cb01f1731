package build_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/build"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image/imagetest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

func TestBuild(t *testing.T) {
	b := &imagetest.Builder{T: t}
	built, err := build.Build{Files: imagetest.Files, Builder: b}.Run(t.Context(),
		tasks.BuildArgs{Name: "devpi", Platforms: "linux/amd64,linux/arm64", Target: "base", Args: "A=1,B=x=y"})
	if err != nil {
		t.Fatal(err)
	}
	if want := "devpi linux/amd64,linux/arm64"; built.String() != want {
		t.Errorf("prints %q, want %q", built, want)
	}
	r := b.Requests[0]
	if r.Container.Name != "devpi" || r.Target != "base" || !reflect.DeepEqual(r.Args, map[string]string{"A": "1", "B": "x=y"}) ||
		!reflect.DeepEqual(r.Platforms, []image.Platform{imagetest.AMD64, imagetest.ARM64}) {
		t.Errorf("built %+v", r)
	}
}

func TestBuildStepsAreTold(t *testing.T) {
	var told []string
	watch := func(step string) func(error) {
		return func(err error) { told = append(told, step) }
	}
	out := filepath.Join(t.TempDir(), "image.tar")
	if _, err := (build.Build{Files: imagetest.Files, Builder: &imagetest.Builder{T: t}, Watch: watch}).Run(t.Context(), tasks.BuildArgs{Name: "devpi", Output: out}); err != nil {
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
		args tasks.BuildArgs
		want string
	}{
		{tasks.BuildArgs{Name: "-platform=linux/amd64"}, "flags come after"},
		{tasks.BuildArgs{Name: "netest"}, "did you mean nettest?"},
		{tasks.BuildArgs{Name: "nettest", Platforms: "arm"}, "did you mean linux/arm64"},
		{tasks.BuildArgs{Name: "nettest", Target: "x"}, "has no stages"},
		{tasks.BuildArgs{Name: "nettest", Args: "A=1"}, "accepts no build arguments"},
		{tasks.BuildArgs{Name: "devpi", Args: "A"}, "NAME=VALUE"},
		{tasks.BuildArgs{Name: "devpi", Args: "A="}, "Dagger cannot pass"},
		{tasks.BuildArgs{Name: "devpi", Args: "A=1,A=2"}, "only once"},
		{tasks.BuildArgs{Name: "devpi", Args: "A-B=1"}, "letters, digits and underscores"},
		{tasks.BuildArgs{Name: "devpi", Output: "."}, "FILE.tar"},
		{tasks.BuildArgs{Name: "devpi", Output: "oci:"}, "FILE.tar"},
		{tasks.BuildArgs{Name: "devpi", Output: filepath.Join(dir, "no/x.tar")}, "not found; create it first"},
		{tasks.BuildArgs{Name: "devpi", Output: taken}, "not an image that this command can replace"},
		{tasks.BuildArgs{Name: "devpi", Output: dir}, "not an image that this command can replace"},
		{tasks.BuildArgs{Name: "devpi", Output: "dir:" + dir}, "this command did not write it"},
		{tasks.BuildArgs{Name: "devpi", Output: "dir:x", Platforms: "linux/amd64,linux/arm64"}, "one platform"},
	} {
		b := &imagetest.Builder{T: t}
		_, err := build.Build{Files: imagetest.Files, Builder: b}.Run(t.Context(), c.args)
		testenv.WantError(t, err, c.want)
		if len(b.Requests) > 0 {
			t.Errorf("%+v was built", c.args)
		}
	}
	imagetest.WantEntries(t, dir, "notes.tar")
}

// Each output is written, and written again over the earlier one.
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
			built, err := build.Build{Files: imagetest.Files, Builder: &imagetest.Builder{T: t, Content: content}}.Run(t.Context(), tasks.BuildArgs{Name: "devpi", Output: where})
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
	imagetest.WantEntries(t, dir, "image.tar", "layout", "plain")
	for _, file := range []string{"layout/oci-layout", "layout/index.json", "plain/blobs/sha256"} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}

// A root file system only replaces an earlier one of this command. The umask decides who may read it.
func TestBuildWritesRootfs(t *testing.T) {
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	t.Cleanup(func() { _ = os.Chmod(filepath.Join(root, "closed"), 0o700) })
	args := tasks.BuildArgs{Name: "devpi", Output: "dir:" + root}
	once := func(content string, during func()) error {
		b := build.Build{Files: imagetest.Files, Builder: &imagetest.Builder{T: t, Content: content, During: during}, Outputs: filepath.Join(dir, "records")}
		_, err := b.Run(t.Context(), args)
		return err
	}
	for _, content := range []string{"hello", "edited", "edited", "again"} {
		if err := once(content, nil); err != nil {
			t.Fatal(err)
		}
		if text, err := os.ReadFile(filepath.Join(root, "file")); err != nil || string(text) != content {
			t.Errorf("got %q, %v", text, err)
		}
	}
	imagetest.WantEntries(t, dir, "records", "root")
	usual := filepath.Join(t.TempDir(), "usual")
	if err := os.Mkdir(usual, 0o777); err != nil {
		t.Fatal(err)
	}
	got, gotErr := os.Stat(root)
	want, err := os.Stat(usual)
	if gotErr != nil || err != nil || got.Mode() != want.Mode() {
		t.Errorf("mode %v, %v; a new folder has %v, %v", got.Mode(), gotErr, want.Mode(), err)
	}
}

// Files that a user adds, changes or replaces in such a folder are never removed, not even if that happens during the build.
func TestBuildKeepsWhatIsNotItsOwn(t *testing.T) {
	for name, change := range map[string]func(root string) error{
		"a new file": func(root string) error { return os.WriteFile(filepath.Join(root, "closed-not"), nil, 0o600) },
		"an edit of the same size": func(root string) error {
			file, later := filepath.Join(root, "file"), time.Now().Add(time.Second) // two consecutive writes may have the same time
			return errors.Join(os.WriteFile(file, []byte("HELLO"), 0o600), os.Chtimes(file, later, later))
		},
		"an edit of the same size and time": func(root string) error {
			file := filepath.Join(root, "file")
			info, err := os.Stat(file)
			if err != nil {
				return err
			}
			time.Sleep(20 * time.Millisecond) // the clock of file systems is coarse
			return errors.Join(os.WriteFile(file, []byte("HELLO"), 0o600), os.Chtimes(file, info.ModTime(), info.ModTime()))
		},
		"a link":      func(root string) error { return os.Symlink("file", filepath.Join(root, "link")) },
		"less":        func(root string) error { return os.Remove(filepath.Join(root, "file")) },
		"permissions": func(root string) error { return os.Chmod(filepath.Join(root, "file"), 0o600) },
		"another place": func(root string) error {
			return errors.Join(os.Rename(root, root+"-old"), os.MkdirAll(filepath.Join(root, "mine"), 0o700))
		},
	} {
		for _, late := range []bool{false, true} {
			dir := t.TempDir()
			root := filepath.Join(dir, "root")
			b := &imagetest.Builder{T: t, Content: "hello"}
			build := build.Build{Files: imagetest.Files, Builder: b, Outputs: filepath.Join(dir, "records")}
			args := tasks.BuildArgs{Name: "devpi", Output: "dir:" + root}
			if _, err := build.Run(t.Context(), args); err != nil {
				t.Fatal(err)
			}
			var before []string
			step := func() {
				if err := change(root); err != nil {
					t.Fatal(err)
				}
				before = treeOf(t, root)
			}
			if late {
				b.During = step
			} else {
				step()
			}
			_, err := build.Run(t.Context(), args)
			testenv.WantError(t, err, "remove it")
			if after := treeOf(t, root); !reflect.DeepEqual(after, before) {
				t.Errorf("%s: %q, before %q", name, after, before)
			}
			for _, closed := range []string{root, root + "-old"} {
				_ = os.Chmod(filepath.Join(closed, "closed"), 0o700)
			}
		}
	}
}

func treeOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil {
			names = append(names, fs.FormatFileInfo(info))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFailedBuildLeavesTheOldOutput(t *testing.T) {
	dir := t.TempDir()
	args := tasks.BuildArgs{Name: "devpi", Output: filepath.Join(dir, "image.tar")}
	if _, err := (build.Build{Files: imagetest.Files, Builder: &imagetest.Builder{T: t}}).Run(t.Context(), args); err != nil {
		t.Fatal(err)
	}
	before, _ := os.ReadFile(args.Output)
	boom := errors.New("boom")
	_, err := build.Build{Files: imagetest.Files, Builder: &imagetest.Builder{T: t, Err: boom}}.Run(t.Context(), args)
	if !errors.Is(err, boom) || !strings.HasPrefix(err.Error(), "build devpi: ") {
		t.Errorf("error %v; want the builder's, with the step's name", err)
	}
	if after, _ := os.ReadFile(args.Output); string(after) != string(before) {
		t.Error("the old output was changed")
	}
	imagetest.WantEntries(t, dir, "image.tar")
}
