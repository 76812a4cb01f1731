package docsrelease_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

type docsPackages struct{ *releaser }

func (p docsPackages) Check(context.Context) error {
	return p.Call("Packages.Check", func() error { return nil })
}

func (p docsPackages) Upload(_ context.Context, version, file string, content io.ReaderAt, size int64) error {
	return p.Call("Upload", func() error {
		if _, ok := p.w.packages[version][file]; ok {
			return vcs.ErrFileExists
		}
		data, err := io.ReadAll(io.NewSectionReader(content, 0, size))
		if err != nil || p.w.drops {
			return err
		}
		if p.w.packages[version] == nil {
			p.w.packages[version] = map[string]string{}
		}
		p.w.packages[version][file] = string(data)
		p.w.Happened("upload %s", file)
		return nil
	})
}

func (p docsPackages) Sum(ctx context.Context, version, file string) (vcs.Sum, error) {
	data, err := p.Read(ctx, version, file)
	return vcs.Sum{SHA256: sumOf(string(data)), Size: int64(len(data))}, err
}

func (p docsPackages) Read(_ context.Context, version, file string) (data []byte, err error) {
	err = p.Call("Read", func() error {
		content, ok := p.w.packages[version][file]
		if !ok {
			return vcs.ErrNoFile
		}
		data = []byte(content)
		return nil
	})
	return data, err
}

func (p docsPackages) Versions(context.Context) (versions []string, err error) {
	err = p.Call("Versions", func() error { versions = slices.Collect(maps.Keys(p.w.packages)); return nil })
	slices.Sort(versions)
	return versions, err
}

func (p docsPackages) Delete(_ context.Context, version string) error {
	return p.Call("Delete", func() error {
		delete(p.w.packages, version)
		newer := 0
		for tag := range p.w.Tags {
			if semver.Compare(tag, version) > 0 {
				newer++
			}
		}
		if newer >= p.keep {
			p.w.retired = append(p.w.retired, version)
		}
		p.w.Happened("delete %s", version)
		return nil
	})
}

func (docsPackages) URL(version, file string) string { return docsHost + version + "/" + file }

func (docsPackages) Locate(url string) (version, file string, ok bool) { return locateDocs(url) }

func locateDocs(url string) (version, file string, ok bool) {
	path, ok := strings.CutPrefix(url, docsHost)
	version, file, cut := strings.Cut(path, "/")
	return version, file, ok && cut
}

type docsAnnouncer struct{ *releaser }

func (a docsAnnouncer) Check(context.Context) error {
	return a.Call("Announcer.Check", func() error { return nil })
}

func (a docsAnnouncer) Find(_ context.Context, tag string) (found vcs.Release, ok bool, err error) {
	err = a.Call("Find", func() error { found, ok = a.w.releases[tag]; return nil })
	return found, ok, err
}

func (a docsAnnouncer) Put(_ context.Context, commit string, what vcs.Release) (url string, err error) {
	err = a.Call("Put", func() error {
		if a.w.Tags[what.Tag] != commit {
			return errors.New("the tag is on another commit")
		}
		what.URL = "https://forge.example/releases/" + what.Tag
		a.w.releases[what.Tag] = what
		a.w.Happened("announce %s", what.Tag)
		return nil
	})
	return what.URL, err
}

type docsSite struct{ *releaser }

func (docsSite) String() string { return "https://docs.example" }

func (s docsSite) Version(context.Context) (version string, err error) {
	err = s.Call("Version", func() error { version = s.w.served(); return nil })
	return version, err
}

type docsBuilder struct{ *releaser }

func (b docsBuilder) Check(context.Context, string) error {
	return b.Call("Builder.Check", func() error { return nil })
}

func (docsBuilder) Source(context.Context) (string, error) { return "generator 1", nil }

func (b docsBuilder) Build(_ context.Context, commit, version, date, file string) error {
	return b.Call("Build", func() error {
		content := version + " of " + date + ": " + b.w.Commits[commit].Files["docs/index.md"]
		if b.w.unrepeatable >= 0 {
			b.w.unrepeatable++
			content += fmt.Sprint(b.w.unrepeatable)
		}
		b.w.Happened("build %s", version)
		return os.WriteFile(file, []byte(content), 0o600)
	})
}
