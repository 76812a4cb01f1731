package python_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

const metadata = "Metadata-Version: 2.1\nName: My.Pkg\nVersion: 1.2.0\n"

// wheel is a wheel with this metadata.
func wheel(t testing.TB, metadata string, at time.Time) []byte {
	t.Helper()
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	for name, text := range map[string]string{"my_pkg/__init__.py": "", "my_pkg-1.2.0.dist-info/METADATA": metadata} {
		f, err := archive.CreateHeader(&zip.FileHeader{Name: name, Modified: at})
		if err == nil {
			_, err = io.WriteString(f, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// sdist is an sdist with this metadata.
func sdist(t testing.TB, metadata string, at time.Time) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	zipped.ModTime = at
	archive := tar.NewWriter(zipped)
	for _, name := range []string{"my_pkg-1.2.0/PKG-INFO", "my_pkg-1.2.0/my_pkg.egg-info/PKG-INFO"} {
		err := archive.WriteHeader(&tar.Header{Name: name, Size: int64(len(metadata)), Mode: 0o644, ModTime: at, Typeflag: tar.TypeReg})
		if err == nil {
			_, err = io.WriteString(archive, metadata)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(archive.Close(), zipped.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func put(t testing.TB, dir, name string, content []byte) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

var moment = time.Unix(1.6e9, 0)

func TestReadDist(t *testing.T) {
	for name, content := range map[string][]byte{"my_pkg-1.2.0-py3-none-any.whl": wheel(t, metadata, moment), "My.Pkg-1.2.tar.gz": sdist(t, metadata, moment)} {
		d, err := python.ReadDist(put(t, t.TempDir(), name, content))
		if err != nil || d.Metadata.Name != "My.Pkg" || d.Metadata.Version.String() != "1.2.0" || d.Size != int64(len(content)) || !d.Newest.Equal(moment) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
	for name, c := range map[string]struct {
		file    string
		content []byte
		says    string
	}{
		"other kind":     {"x.txt", nil, "is neither a wheel (.whl) nor an sdist"},
		"name":           {"x.whl", wheel(t, metadata, moment), "does not have the form of a file name of a wheel"},
		"no zip":         {"my_pkg-1.2.0-py3-none-any.whl", []byte("x"), "is not a readable wheel: zip: "},
		"no gzip":        {"my_pkg-1.2.0.tar.gz", []byte("xxxxxxxxxxxxxxx"), "is not a readable sdist: gzip: "},
		"other version":  {"my_pkg-1.3.0-py3-none-any.whl", wheel(t, metadata, moment), "has metadata of My.Pkg 1.2.0"},
		"other name":     {"other-1.2.0.tar.gz", sdist(t, metadata, moment), "has metadata of My.Pkg 1.2.0"},
		"no version":     {"my_pkg-1.2.0.tar.gz", sdist(t, "Metadata-Version: 2.1\nName: a\n", moment), "has 0 fields Version"},
		"invalid line":   {"my_pkg-1.2.0.tar.gz", sdist(t, "no field\n", moment), "has an invalid line in its metadata: no field"},
		"not UTF-8":      {"my_pkg-1.2.0.tar.gz", sdist(t, metadata+"Summary: \xff\n", moment), "is not UTF-8"},
		"large metadata": {"my_pkg-1.2.0.tar.gz", sdist(t, metadata+"\n"+strings.Repeat("x", 4<<20), moment), "metadata is larger than"},
	} {
		var invalid *python.DistError
		if d, err := python.ReadDist(put(t, t.TempDir(), c.file, c.content)); !errors.As(err, &invalid) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, d, err)
		}
	}
}

func TestFaults(t *testing.T) {
	for text, want := range map[string]string{
		"Description-Content-Type: text/markdown; charset=UTF-8; variant=GFM\n":                   "",
		"Description-Content-Type: text/html\n":                                                   "the content type of the README",
		"Description-Content-Type: text/markdown; charset=latin-1\n":                              "expected UTF-8",
		"Description-Content-Type: text/markdown; variant=Other\n":                                "expected GFM or CommonMark",
		"Classifier: Programming Language :: Python :: 3\n":                                       "",
		"Classifier: Python\n":                                                                    "does not have the form A :: B",
		"Classifier: A ::B\n":                                                                     "does not have the form A :: B",
		"Summary: one\n  two\n":                                                                   "more than one line",
		"License-Expression: MIT\n":                                                               "",
		"License-Expression: (GPL-2.0+ WITH Classpath-exception-2.0 or MIT) AND LicenseRef-own\n": "",
		"License-Expression: MIT License\n":                                                       "not an expression of SPDX",
		"License-Expression: (MIT\n":                                                              "not an expression of SPDX",
		"License-Expression: MIT AND\n":                                                           "not an expression of SPDX",
		"License-Expression: MIT WITH (A)\n":                                                      "not an expression of SPDX",
		"License-Expression: MIT\nClassifier: License :: OSI Approved :: MIT License\n":           "remove the classifier",
	} {
		m, err := python.ParseMetadata(metadata + text)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(m.Faults(), "; "); !strings.Contains(got, want) || (got == "") != (want == "") {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// backend is a python.Builder that makes these files.
type backend map[string][]byte

func (b backend) Build(_ context.Context, _ python.Generation, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	for name, content := range b {
		if err := os.WriteFile(filepath.Join(to, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func TestBuild(t *testing.T) {
	const wheelFile, sdistFile = "my_pkg-1.2.0-py3-none-any.whl", "my_pkg-1.2.0.tar.gz"
	p, err := python.Parse(static)
	if err != nil {
		t.Fatal(err)
	}
	build := func(p python.Project, b backend) (dists []python.Dist, notes string, err error) {
		dists, err = p.Build(t.Context(), b, python.Making{
			To: filepath.Join(t.TempDir(), "dist"), Time: moment, Version: p.Version, Note: func(text string) { notes += text + "\n" },
		})
		return dists, notes, err
	}
	good := backend{wheelFile: wheel(t, metadata, moment), sdistFile: sdist(t, metadata, moment)}
	dists, notes, err := build(p, good)
	if err != nil || notes != "" || len(dists) != 2 || dists[0].Kind != python.Wheel || dists[1].Kind != python.Sdist {
		t.Errorf("%+v, %q, %v", dists, notes, err)
	}
	var sums []string
	for _, at := range []time.Time{moment.Add(time.Hour), moment.Add(2 * time.Hour)} {
		dists, notes, err := build(p, backend{wheelFile: wheel(t, metadata, at), sdistFile: sdist(t, metadata, at)})
		if err != nil || !strings.Contains(notes, wheelFile+" contains the time of the build") || !strings.Contains(notes, sdistFile+" contained the time of the build: it was replaced with the time of the commit, 2020-09-13T12:26:40Z") {
			t.Fatalf("%q, %v", notes, err)
		}
		sums = append(sums, dists[1].SHA256)
		if !dists[1].Newest.Equal(moment) {
			t.Errorf("the newest entry is of %s", dists[1].Newest)
		}
	}
	if sums[0] != sums[1] {
		t.Error("sdists of two times differ")
	}
	other := p
	other.Name = "other"
	for name, c := range map[string]struct {
		project python.Project
		files   backend
		says    string
	}{
		"no sdist": {p, backend{wheelFile: good[wheelFile]}, "expected one wheel and one sdist"},
		"name":     {other, good, "has the name My.Pkg, but pyproject.toml states other"},
		"faults":   {p, backend{wheelFile: wheel(t, metadata+"Classifier: x\n", moment), sdistFile: good[sdistFile]}, `would be refused by an index: classifier "x"`},
	} {
		if dists, _, err := build(c.project, c.files); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, dists, err)
		}
	}
	p.Version, err = python.ParseVersion("1.3")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := build(p, good); err == nil || !strings.Contains(err.Error(), "has version 1.2.0, expected 1.3") {
		t.Errorf("another version: %v", err)
	}
}

func TestStage(t *testing.T) {
	p := python.Project{Name: "a", Dir: "python/a"}
	files := fstest.MapFS{
		"python/a/pyproject.toml": {Data: []byte(static), Mode: 0o600}, "python/a/run.sh": {Data: []byte("x"), Mode: 0o700}, "python/a/LICENSE": {Data: []byte("../../LICENSE"), Mode: fs.ModeSymlink},
		"LICENSE": {Data: []byte("free")}, "python/a/dead": {Data: []byte("nowhere"), Mode: fs.ModeSymlink}, "python/a/ignored": {},
	}
	to := filepath.Join(t.TempDir(), "source")
	if err := p.Stage(files, []string{"LICENSE", "python/a/LICENSE", "python/a/pyproject.toml", "python/a/run.sh", "python/ab/x"}, to); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]fs.FileMode{"pyproject.toml": 0o644, "run.sh": 0o755, "LICENSE": 0o644} {
		if info, err := os.Lstat(filepath.Join(to, name)); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
	if text, err := os.ReadFile(filepath.Join(to, "LICENSE")); string(text) != "free" {
		t.Errorf("the link is %q, %v", text, err)
	}
	if entries, err := os.ReadDir(to); len(entries) != 3 {
		t.Errorf("%v, %v", entries, err)
	}
	for says, names := range map[string][]string{
		"python/a/dead is a link to a file that does not exist": {"python/a/pyproject.toml", "python/a/dead"},
		"python/a/pyproject.toml is ignored by git":             {"python/a/run.sh"},
	} {
		if err := p.Stage(files, names, filepath.Join(t.TempDir(), "source")); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// A link out of the repository adds no file of this machine to a package.
func TestStageLinkOutside(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "secret")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "pyproject.toml"), []byte(static), 0o600), os.WriteFile(outside, nil, 0o600), os.Symlink(outside, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	p := python.Project{Name: "a", Dir: "."}
	if err := p.Stage(root.FS(), []string{"pyproject.toml", "link"}, filepath.Join(t.TempDir(), "source")); err == nil || !strings.Contains(err.Error(), "link cannot be read: path escapes from parent") {
		t.Errorf("error %v", err)
	}
}

// FuzzMetadata: metadata is refused, or has a name, a version and printable faults.
func FuzzMetadata(f *testing.F) {
	f.Add(metadata + "Summary: a\n        b\n\n# Title\n")
	f.Add(metadata + "License-Expression: (MIT OR GPL-2.0+ WITH x) AND y\nClassifier: a :: b\nDescription-Content-Type: text/markdown; variant=\"GFM\"\n")
	f.Add("Metadata-Version: 2.1\r\nName: a\r\nVersion: 1\r\n\r\nText")
	f.Fuzz(func(t *testing.T, text string) {
		m, err := python.ParseMetadata(text)
		if err != nil {
			return
		}
		if m.Name == "" || m.Version.String() == "" || len(m.Fields()) < 3 || strings.Contains(strings.Join(m.Faults(), ""), "\n") {
			t.Errorf("%+v: %q", m, m.Faults())
		}
	})
}
