package packagebuild_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/packagebuild"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// backend makes a wheel and an sdist of this version, or of the one that it is told.
type backend struct {
	version string
	err     error
	sources []string // the files of the last build
}

func (b *backend) Build(_ context.Context, g python.Generation, to string) error {
	entries, err := os.ReadDir(g.Source)
	if err != nil || b.err != nil {
		return errors.Join(err, b.err)
	}
	b.sources = nil
	for _, e := range entries {
		b.sources = append(b.sources, e.Name())
	}
	version := b.version
	if pretended := g.Env["SETUPTOOLS_SCM_PRETEND_VERSION"]; pretended != "" {
		version = pretended
	}
	metadata := "Metadata-Version: 2.1\nName: a\nVersion: " + version + "\n"
	var wheel, sdist bytes.Buffer
	zipped, gzipped := zip.NewWriter(&wheel), gzip.NewWriter(&sdist)
	archive := tar.NewWriter(gzipped)
	f, err := zipped.Create("a-" + version + ".dist-info/METADATA")
	if err == nil {
		_, err = io.WriteString(f, metadata)
	}
	err = errors.Join(err, zipped.Close(), archive.WriteHeader(&tar.Header{Name: "a-" + version + "/PKG-INFO", Size: int64(len(metadata)), Mode: 0o644}))
	_, writeErr := io.WriteString(archive, metadata)
	return errors.Join(err, writeErr, archive.Close(), gzipped.Close(), os.Mkdir(to, 0o755),
		os.WriteFile(filepath.Join(to, "a-"+version+"-py3-none-any.whl"), wheel.Bytes(), 0o600), os.WriteFile(filepath.Join(to, "a-"+version+".tar.gz"), sdist.Bytes(), 0o600))
}

const stated, scm = "[project]\nname = \"a\"\nversion = \"1.0\"\n", "[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\n"

// build builds a project with a file a.py.
func build(t *testing.T, pyproject string, b *backend, args tasks.PackageArgs) (r packagebuild.Result, notes string, err error) {
	t.Helper()
	use := packagebuild.Build{
		Files: fstest.MapFS{"p/pyproject.toml": {Data: []byte(pyproject)}, "p/a.py": {}, "p/ignored.tmp": {}}, Places: python.Places{Folders: []string{"."}}, Builder: b,
		List: func(_ context.Context, dir string) ([]string, error) {
			return []string{dir + "/a.py", dir + "/pyproject.toml"}, nil
		},
		Commit: image.Commit{Hash: strings.Repeat("ab", 20), Time: time.Unix(1.6e9, 0)}, Note: func(text string) { notes += text + "\n" },
	}
	r, err = use.Run(t.Context(), args)
	return r, notes, err
}

func TestBuild(t *testing.T) {
	b := &backend{version: "1.0"}
	to := filepath.Join(t.TempDir(), "dist")
	r, notes, err := build(t, stated, b, tasks.PackageArgs{Name: "A", Output: to})
	want := fmt.Sprintf("%[1]s/a-1.0-py3-none-any.whl sha256:%[2]s\n%[1]s/a-1.0.tar.gz sha256:%[3]s", to, sum(r, 0), sum(r, 1))
	if err != nil || notes != "" || r.String() != want || r.Version != "1.0" || strings.Join(b.sources, " ") != "a.py pyproject.toml" {
		t.Fatalf("%+v, %q, built %v, %v", r, notes, b.sources, err)
	}
	wheel, sdist := to+"/a-1.0-py3-none-any.whl", to+"/a-1.0.tar.gz"
	if got, want := r.Outputs(), (map[string]string{
		"package": "a==1.0", "version": "1.0", "wheel": wheel, "sdist": sdist, "files": wheel + " " + sdist, "checksums": "sha256:" + sum(r, 0) + " sha256:" + sum(r, 1),
	}); !maps.Equal(got, want) {
		t.Errorf("the outputs are %v", got)
	}
	if got, want := r.Summary(), fmt.Sprintf("- `a==1.0`, `%s` (sha256:%s), `%s` (sha256:%s)", wheel, sum(r, 0), sdist, sum(r, 1)); got != want {
		t.Errorf("the summary is %q", got)
	}
	for _, f := range r.Files {
		if info, err := os.Stat(f.Path); err != nil || info.Size() != f.Size || info.Mode() != 0o644 {
			t.Errorf("%s: %v, %v", f.Path, info, err)
		}
	}
	if err := os.WriteFile(filepath.Join(to, "other"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := build(t, stated, b, tasks.PackageArgs{Name: ".", Output: to}); err != nil {
		t.Errorf("again: %v", err)
	}
	if entries, err := os.ReadDir(to); len(entries) != 3 {
		t.Errorf("the folder has %v, %v", entries, err)
	}
	if r, notes, err := build(t, scm, b, tasks.PackageArgs{Name: "a", Output: to}); err != nil || r.Version != "0.dev0+gabababababab" || !strings.Contains(notes, "comes from a tag") {
		t.Errorf("%+v, %q, %v", r, notes, err)
	}
}

func sum(r packagebuild.Result, i int) string {
	if len(r.Files) != 2 {
		return ""
	}
	return r.Files[i].SHA256
}

func TestNotBuilt(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("broken")
	for name, c := range map[string]struct {
		backend *backend
		args    tasks.PackageArgs
		says    string
	}{
		"unknown":       {&backend{version: "1.0"}, tasks.PackageArgs{Name: "b", Output: dir}, "not found (known: a)"},
		"a file":        {&backend{version: "1.0"}, tasks.PackageArgs{Name: "a", Output: file}, "is not a folder"},
		"below a file":  {&backend{version: "1.0"}, tasks.PackageArgs{Name: "a", Output: filepath.Join(file, "x")}, "not a directory"},
		"no folder":     {&backend{version: "1.0"}, tasks.PackageArgs{Name: "a", Output: filepath.Join(dir, "x", "y")}, "create it first"},
		"backend":       {&backend{err: broken}, tasks.PackageArgs{Name: "a", Output: filepath.Join(dir, "dist")}, "build a: broken"},
		"other version": {&backend{version: "2.0"}, tasks.PackageArgs{Name: "a", Output: filepath.Join(dir, "dist")}, "has version 2.0, expected 1.0"},
	} {
		if r, _, err := build(t, stated, c.backend, c.args); err == nil || !strings.Contains(err.Error(), c.says) || len(r.Files) != 0 {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "dist")); err == nil {
		t.Error("a build that failed has made its output")
	}
}
