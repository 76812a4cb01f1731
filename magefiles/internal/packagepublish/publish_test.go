package packagepublish_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/packagepublish"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// site is a repository and an index in memory.
type site struct {
	files   fstest.MapFS
	changed []string
	offMain bool
	stored  map[string]string // hashes in the index by file
	uploads []string
	fail    map[string]error // of uploads by file; it happens once
	late    map[string]string
	builds  int
	notes   []string
	plan    []string
}

func newSite(pyproject string) *site {
	return &site{
		files:  fstest.MapFS{"python/a/pyproject.toml": {Data: []byte(pyproject)}, "python/a/a.py": {Data: []byte("A = 1\n")}},
		stored: map[string]string{}, fail: map[string]error{}, late: map[string]string{},
	}
}

func (s *site) Head() (image.Commit, error) {
	return image.Commit{Hash: strings.Repeat("ab", 20), Time: time.Unix(1.6e9, 0)}, nil
}
func (s *site) Changed(context.Context, ...string) ([]string, error) { return s.changed, nil }
func (s *site) OnDefaultBranch(context.Context, string) (bool, string, error) {
	return !s.offMain, "main", nil
}
func (s *site) Recorded(string) (fs.FS, error) { return s.files, nil }

func (s *site) checkOut(context.Context, string, string) (fs.FS, error) { return s.files, nil }

func (s *site) URL() string { return "https://index.example/me" }

func (s *site) Files(context.Context, string) (files []python.Stored, err error) {
	for _, name := range slices.Sorted(maps.Keys(s.stored)) {
		files = append(files, python.Stored{Name: name, SHA256: s.stored[name]})
	}
	return files, nil
}

func (s *site) Upload(_ context.Context, d python.Dist) error {
	s.uploads = append(s.uploads, d.Name)
	if late, ok := s.late[d.Name]; ok { // another client was faster
		s.stored[d.Name] = strings.ReplaceAll(late, "SAME", d.SHA256)
		return fmt.Errorf("upload: %w", python.ErrStored)
	}
	if err := s.fail[d.Name]; err != nil {
		delete(s.fail, d.Name)
		return err
	}
	s.stored[d.Name] = d.SHA256
	return nil
}

// Build makes a wheel and an sdist that contain the source.
func (s *site) Build(_ context.Context, g python.Generation, to string) error {
	s.builds++
	p, err := python.Open(os.DirFS(g.Source), ".")
	if err != nil {
		return err
	}
	version := p.StatedVersion()
	if p.From != python.FromFile {
		version = g.Env["SETUPTOOLS_SCM_PRETEND_VERSION"]
	}
	module, err := os.ReadFile(filepath.Join(g.Source, "a.py"))
	if err != nil {
		return err
	}
	metadata := fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\nSummary: %s\n", p.Name, version, strings.TrimSpace(string(module)))
	var wheel, sdist bytes.Buffer
	zipped := zip.NewWriter(&wheel)
	f, err := zipped.Create("a-" + version + ".dist-info/METADATA")
	if err == nil {
		_, err = io.WriteString(f, metadata)
	}
	gzipped := gzip.NewWriter(&sdist)
	archive := tar.NewWriter(gzipped)
	err = errors.Join(err, zipped.Close(), archive.WriteHeader(&tar.Header{Name: "a-" + version + "/PKG-INFO", Size: int64(len(metadata)), Mode: 0o644}))
	_, writeErr := io.WriteString(archive, metadata)
	return errors.Join(err, writeErr, archive.Close(), gzipped.Close(), os.Mkdir(to, 0o755),
		os.WriteFile(filepath.Join(to, "a-"+version+"-py3-none-any.whl"), wheel.Bytes(), 0o644), os.WriteFile(filepath.Join(to, "a-"+version+".tar.gz"), sdist.Bytes(), 0o644))
}

func (s *site) publish() packagepublish.Publish {
	return packagepublish.Publish{
		Places: python.Places{Folders: []string{"python"}}, Repo: s, CheckOut: s.checkOut, Builder: s, Index: s, Note: func(text string) { s.notes = append(s.notes, text) },
	}
}

func (s *site) run(t *testing.T, version string) (packagepublish.Result, error) {
	t.Helper()
	s.uploads = nil
	return s.publish().Run(t.Context(), "A", version)
}

func stated(version string) string {
	return "[project]\nname = \"a\"\nversion = \"" + version + "\"\n"
}

const scm = "[project]\nname = \"a\"\ndynamic = [\"version\"]\n[tool.setuptools_scm]\n"

const wheelFile, sdistFile = "a-1.0.0-py3-none-any.whl", "a-1.0.0.tar.gz"

func TestPublish(t *testing.T) {
	s := newSite(stated("1.0.0"))
	r, err := s.run(t, "v1.0.0")
	if err != nil || r.String() != "a==1.0.0" || r.Status != packagepublish.StatusPublished || len(s.stored) != 2 || !slices.Equal(s.uploads, []string{wheelFile, sdistFile}) {
		t.Fatalf("%+v, %v, %v", r, s.uploads, err)
	}
	if got := r.Outputs(); got["package"] != "a==1.0.0" || got["version"] != "v1.0.0" || got["files"] != wheelFile+" "+sdistFile {
		t.Errorf("outputs %v", got)
	}
	again, err := s.run(t, "v1.0.0")
	if err != nil || again.String() != r.String() || again.Status != "unchanged" || len(s.uploads) != 0 || len(again.Files) != 2 || again.Files[0].Status != "unchanged" {
		t.Errorf("again: %+v, %v, %v", again, s.uploads, err)
	}
	delete(s.stored, sdistFile)
	if r, err := s.run(t, "v1.0.0"); err != nil || r.Status != packagepublish.StatusPublished || !slices.Equal(s.uploads, []string{sdistFile}) || r.Files[0].Status != "unchanged" {
		t.Errorf("half of it was there: %+v, %v, %v", r, s.uploads, err)
	}
	delete(s.stored, sdistFile)
	s.files["python/a/a.py"] = &fstest.MapFile{Data: []byte("A = 2\n")}
	var taken *packagepublish.TakenError
	if r, err := s.run(t, "v1.0.0"); !errors.As(err, &taken) || taken.File != wheelFile || len(s.uploads) != 0 {
		t.Errorf("another content: %+v, %v, %v", r, s.uploads, err)
	}
	s.stored[wheelFile] = ""
	if _, err := s.run(t, "v1.0.0"); err == nil || !strings.Contains(err.Error(), "does not state its SHA256") {
		t.Errorf("no hash: %v", err)
	}
}

// An upload that fails, or that another client makes first.
func TestInterrupted(t *testing.T) {
	s := newSite(stated("1.0.0"))
	broken := errors.New("broken")
	s.fail[sdistFile] = broken
	if _, err := s.run(t, "v1.0.0"); !errors.Is(err, broken) || len(s.stored) != 1 {
		t.Errorf("%v, %v", s.stored, err)
	}
	if r, err := s.run(t, "v1.0.0"); err != nil || r.Status != packagepublish.StatusPublished || !slices.Equal(s.uploads, []string{sdistFile}) {
		t.Errorf("the next run: %+v, %v, %v", r, s.uploads, err)
	}
	s = newSite(stated("1.0.0"))
	s.late[wheelFile] = "SAME"
	if _, err := s.run(t, "v1.0.0"); err != nil {
		t.Errorf("another client uploaded the same: %v", err)
	}
	s = newSite(stated("1.0.0"))
	sum := sha256.Sum256(nil)
	s.late[wheelFile] = hex.EncodeToString(sum[:])
	var taken *packagepublish.TakenError
	if _, err := s.run(t, "v1.0.0"); !errors.As(err, &taken) {
		t.Errorf("another client uploaded another content: %v", err)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		pyproject, version string
		change             func(*site)
		says, hint         string
	}{
		"changes":       {stated("1.0.0"), "v1.0.0", func(s *site) { s.changed = []string{"x"} }, "the tree has changes (x)", "commit or stash"},
		"branch":        {stated("1.0.0"), "v1.0.0", func(s *site) { s.offMain = true }, "is not on branch main", "merge and push it to main"},
		"other version": {stated("1.0.0"), "v1.1.0", nil, "python/a/pyproject.toml states version 1.0.0, but v1.1.0 is 1.1.0", `write version = "1.1.0" there and commit it, or publish v1.0.0`},
		"preview":       {stated("1.0.0"), "v1.0.0-x.1", nil, "Python packages have no preview -x.1", ""},
		"no version":    {stated("1.0.0"), "1.0.0", nil, "did you mean v1.0.0?", ""},
		"unknown":       {"[project]\nname = \"b\"\nversion = \"1\"\n", "v1.0.0", nil, "not found (known: b)", ""},
		"bump":          {stated("1.0.0"), "minor", func(s *site) { s.stored["a-1.2.0.tar.gz"] = "" }, "states version 1.0.0, but minor is 1.3.0", `write version = "1.3.0"`},
	} {
		s := newSite(c.pyproject)
		if c.change != nil {
			c.change(s)
		}
		r, err := s.run(t, c.version)
		if err == nil || !strings.Contains(err.Error(), c.says) || s.builds != 0 || len(s.uploads) != 0 {
			t.Errorf("%s: %+v, %v, %d builds", name, r, err, s.builds)
		}
		var hinter interface{ Hint() string }
		if c.hint != "" && (!errors.As(err, &hinter) || !strings.Contains(hinter.Hint(), c.hint)) {
			t.Errorf("%s: no hint %q: %v", name, c.hint, err)
		}
	}
}

// TestBump: the next version comes after the newest one in the index. A version that this commit states, or of which a file is missing, is finished.
func TestBump(t *testing.T) {
	for name, c := range map[string]struct {
		pyproject, bump string
		stored          []string
		want            string
	}{
		"first":            {scm, "patch", nil, "a==0.1.0"},
		"next":             {scm, "minor", []string{"a-1.2.3.tar.gz", "a-1.2.3-py3-none-any.whl", "a-1.10.0rc1.tar.gz", "a-1.0.post1.tar.gz", "notes.txt"}, "a==1.3.0"},
		"half of it":       {scm, "minor", []string{"a-1.1.0.tar.gz", "a-1.1.0-py3-none-any.whl", "a-1.2.3.tar.gz"}, "a==1.2.3"},
		"stated":           {stated("2.0"), "major", []string{"a-1.2.3.tar.gz", "a-1.2.3-py3-none-any.whl"}, "a==2.0.0"},
		"stated and there": {stated("1.2.3"), "patch", []string{"a-1.2.3.tar.gz"}, "a==1.2.3"},
	} {
		s := newSite(c.pyproject)
		for _, file := range c.stored {
			s.stored[file] = ""
		}
		if r, err := s.publish().DryRun(func(text string) { s.plan = append(s.plan, text) }).Run(t.Context(), ".", c.bump); err != nil || r.Package != c.want {
			t.Errorf("%s: %+v, %v", name, r, err)
		}
	}
}

// TestHalfForEver: the index has one file of a version, with another content. Each bump would finish that version, so the hint says which one is free.
func TestHalfForEver(t *testing.T) {
	s := newSite(scm)
	s.stored["a-1.2.3.tar.gz"] = strings.Repeat("0", 64)
	hint := func(version string) string {
		t.Helper()
		var taken *packagepublish.TakenError
		if _, err := s.run(t, version); !errors.As(err, &taken) || len(s.uploads) != 0 {
			t.Fatalf("%s: %v, %v", version, s.uploads, err)
		}
		return taken.Hint()
	}
	for version, want := range map[string]string{"patch": "publish v1.2.4, which is free. If", "minor": "publish v1.3.0, which is free. If", "v1.2.3": "publish v1.2.4, which is free. If"} {
		if got := hint(version); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s, want %s", version, got, want)
		}
	}
	if r, err := s.run(t, "v1.2.4"); err != nil || r.Version != "v1.2.4" || len(s.uploads) != 2 {
		t.Fatalf("the free one: %+v, %v, %v", r, s.uploads, err)
	}
	s.files["python/a/a.py"] = &fstest.MapFile{Data: []byte("A = 3\n")}
	if r, err := s.run(t, "patch"); err != nil || r.Version != "v1.2.5" {
		t.Errorf("the next bump: %+v, %v", r, err)
	}
	s = newSite(stated("1.2.3"))
	s.stored["a-1.2.3.tar.gz"] = strings.Repeat("0", 64)
	if got, want := hint("patch"), `write version = "1.2.4" in python/a/pyproject.toml, commit it, and publish v1.2.4. If`; !strings.HasPrefix(got, want) {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestDryRun(t *testing.T) {
	s := newSite(stated("1.0.0"))
	dry := s.publish().DryRun(func(text string) { s.plan = append(s.plan, text) })
	r, err := dry.Run(t.Context(), "a", "v1.0.0")
	want := "would build a==1.0.0 (setuptools.build_meta:__legacy__) from commit abababababab\nwould upload its wheel and its sdist to https://index.example/me"
	if err != nil || r.Status != "planned" || s.builds != 0 || len(s.uploads) != 0 || strings.Join(s.plan, "\n") != want {
		t.Errorf("%+v, %q, %v", r, s.plan, err)
	}
	s.stored[wheelFile], s.plan = "", nil
	if _, err := dry.Run(t.Context(), "a", "v1.0.0"); err != nil || !strings.Contains(strings.Join(s.plan, "\n"), "has already: "+wheelFile) {
		t.Errorf("%q, %v", s.plan, err)
	}
}

// heads are the tags of a forge.
type heads map[string]string

func (h heads) Heads(context.Context) (vcs.Heads, error) { return vcs.Heads{Tags: h}, nil }

// A tag publishes if the forge has it on the commit that is checked out.
func TestTag(t *testing.T) {
	for says, at := range map[string]string{"": strings.Repeat("ab", 20), "the forge has no tag": "", "is on commit cdcdcdcdcdcd at the forge, but abababababab is checked out": strings.Repeat("cd", 20)} {
		s := newSite(stated("1.0.0"))
		p := s.publish()
		p.Tag, p.Remote = "python-a-v1.0.0", heads{"python-a-v1.0.0": at}
		_, err := p.Run(t.Context(), "a", "v1.0.0")
		if (err == nil) != (says == "") || err != nil && !strings.Contains(err.Error(), says) || err != nil && s.builds != 0 {
			t.Errorf("%v, want %q", err, says)
		}
	}
}

// A version that a tool takes from the tag is the one that is published.
func TestVersionFromTag(t *testing.T) {
	s := newSite(scm)
	if r, err := s.run(t, "v1.2.0-rc.1"); err != nil || r.Package != "a==1.2.0rc1" || r.Version != "v1.2.0-rc.1" {
		t.Errorf("%+v, %v", r, err)
	}
}
