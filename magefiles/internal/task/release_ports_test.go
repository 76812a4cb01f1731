package task_test

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing/fstest"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

type docsOrigin struct{ *releaser }

func (o docsOrigin) CheckPush(context.Context) error {
	return o.call("CheckPush", func() error { return nil })
}

func (o docsOrigin) CheckTag(_ context.Context, name string) error {
	return o.call("CheckTag "+name, func() error { return nil })
}

func (o docsOrigin) Look(context.Context) (heads vcs.Heads, err error) {
	err = o.call("Look", func() error {
		heads = vcs.Heads{Branch: "main", Commit: o.w.branch, Tags: maps.Clone(o.w.tags)}
		return nil
	})
	return heads, err
}

func (o docsOrigin) Push(_ context.Context, p vcs.Push) error {
	return o.call("Push", func() error {
		if o.w.branch == p.New && (p.Tag == "" || o.w.tags[p.Tag] == p.New) {
			return nil
		}
		if o.w.branch != p.Old || o.w.tags[p.Tag] != "" {
			return &vcs.RaceError{Err: errors.New("the remote has moved")}
		}
		if o.w.commits[p.New].parent != p.Old {
			return errors.New("that does not follow the base")
		}
		o.w.branch = p.New
		if p.Tag != "" {
			if p.TagHash != "tag "+p.Tag+" "+p.New {
				return errors.New("no such tag object")
			}
			o.w.tags[p.Tag] = p.New
		}
		o.w.happened("push %s", p.Tag)
		return nil
	})
}

func (o docsOrigin) Files(commit string) (fs.FS, error) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	tree := fstest.MapFS{}
	for name, text := range o.w.commits[commit].files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree, nil
}

func (o docsOrigin) Tree(commit, path string) (string, error) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	sum, files := sha1.New(), o.w.commits[commit].files
	any := false
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if name == path || strings.HasPrefix(name, path+"/") {
			any = true
			fmt.Fprintf(sum, "%q %q\n", name, files[name])
		}
	}
	if !any {
		return "", nil
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (o docsOrigin) Contains(_ context.Context, commit, ancestor string) (has bool, err error) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	return o.w.contains(commit, ancestor), nil
}

func (o docsOrigin) Parent(commit string) (string, error) {
	o.w.mu.Lock()
	defer o.w.mu.Unlock()
	return o.w.commits[commit].parent, nil
}

func (o docsOrigin) Commit(_ context.Context, base string, changes []vcs.Change, message string, when time.Time) (hash string, err error) {
	err = o.call("Commit", func() error {
		files := maps.Clone(o.w.commits[base].files)
		for _, c := range changes {
			files[c.Path] = string(c.Content)
			if c.Delete {
				delete(files, c.Path)
			}
		}
		hash = o.w.add(docsCommit{parent: base, message: message, files: files})
		return nil
	})
	return hash, err
}

func (o docsOrigin) Tag(_ context.Context, name, commit, _ string, _ time.Time) (object string, err error) {
	err = o.call("Tag", func() error { object = "tag " + name + " " + commit; return nil })
	return object, err
}

func (o docsOrigin) Unpushed(context.Context, string, ...string) ([]string, error) {
	return o.unpushed, o.call("Unpushed", func() error { return nil })
}

func (o docsOrigin) Adopt(_ context.Context, _, base, commit string) (why string, err error) {
	err = o.call("Adopt", func() error {
		at := commit
		for at != "" && at != o.head {
			at = o.w.commits[at].parent
		}
		switch {
		case at != "":
			o.head = commit
		case base != "":
			why = "it is elsewhere"
		}
		return nil
	})
	return why, err
}

type docsPackages struct{ *releaser }

func (p docsPackages) Check(context.Context) error {
	return p.call("Packages.Check", func() error { return nil })
}

func (p docsPackages) Upload(_ context.Context, version, file string, content io.ReaderAt, size int64) error {
	return p.call("Upload", func() error {
		if _, ok := p.w.packages[version][file]; ok {
			return task.ErrFileExists
		}
		data, err := io.ReadAll(io.NewSectionReader(content, 0, size))
		if err != nil || p.w.drops {
			return err
		}
		if p.w.packages[version] == nil {
			p.w.packages[version] = map[string]string{}
		}
		p.w.packages[version][file] = string(data)
		p.w.happened("upload %s", file)
		return nil
	})
}

func (p docsPackages) Sum(ctx context.Context, version, file string) (task.Sum, error) {
	data, err := p.Read(ctx, version, file)
	return task.Sum{SHA256: sumOf(string(data)), Size: int64(len(data))}, err
}

func (p docsPackages) Read(_ context.Context, version, file string) (data []byte, err error) {
	err = p.call("Read", func() error {
		content, ok := p.w.packages[version][file]
		if !ok {
			return task.ErrNoFile
		}
		data = []byte(content)
		return nil
	})
	return data, err
}

func (p docsPackages) Versions(context.Context) (versions []string, err error) {
	err = p.call("Versions", func() error { versions = slices.Collect(maps.Keys(p.w.packages)); return nil })
	slices.Sort(versions)
	return versions, err
}

func (p docsPackages) Delete(_ context.Context, version string) error {
	return p.call("Delete", func() error {
		delete(p.w.packages, version)
		newer := 0
		for tag := range p.w.tags {
			if semver.Compare(tag, version) > 0 {
				newer++
			}
		}
		if newer >= p.keep {
			p.w.retired = append(p.w.retired, version)
		}
		p.w.happened("delete %s", version)
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
	return a.call("Announcer.Check", func() error { return nil })
}

func (a docsAnnouncer) Find(_ context.Context, tag string) (found task.Announcement, ok bool, err error) {
	err = a.call("Find", func() error { found, ok = a.w.releases[tag]; return nil })
	return found, ok, err
}

func (a docsAnnouncer) Put(_ context.Context, commit string, what task.Announcement) (url string, err error) {
	err = a.call("Put", func() error {
		if a.w.tags[what.Tag] != commit {
			return errors.New("the tag is on another commit")
		}
		what.URL = "https://forge.example/releases/" + what.Tag
		a.w.releases[what.Tag] = what
		a.w.happened("announce %s", what.Tag)
		return nil
	})
	return what.URL, err
}

// docsDeployer deploys the manifests of the branch, like Argo CD.
type docsDeployer struct{ *releaser }

func (d docsDeployer) Check(context.Context) error {
	return d.call("Deployer.Check", func() error { return nil })
}

func (d docsDeployer) State(ctx context.Context, _ string, contains task.Contains) (deployed bool, why string, err error) {
	revision := ""
	if err := d.call("State", func() error { revision = d.w.deployed; return nil }); err != nil {
		return false, "", err
	}
	deployed, err = contains(ctx, revision)
	return deployed, "Argo CD has " + revision, err
}

func (d docsDeployer) Deploy(ctx context.Context, commit string, contains task.Contains) error {
	revision := ""
	if err := d.call("Deploy", func() error {
		d.w.deployed = d.w.branch
		revision = d.w.deployed
		return nil
	}); err != nil {
		return err
	}
	if ok, err := contains(ctx, revision); err != nil || !ok {
		return fmt.Errorf("%s is deployed, which does not have %s: %w", revision, commit, errors.Join(err, errors.ErrUnsupported))
	}
	return nil
}

type docsSite struct{ *releaser }

func (docsSite) String() string { return "https://docs.example" }

func (s docsSite) Version(context.Context) (version string, err error) {
	err = s.call("Version", func() error { version = s.w.served(); return nil })
	return version, err
}

type docsBuilder struct{ *releaser }

func (b docsBuilder) Check(context.Context, string) error {
	return b.call("Builder.Check", func() error { return nil })
}

func (docsBuilder) Source(context.Context) (string, error) { return "generator 1", nil }

func (b docsBuilder) Build(_ context.Context, commit, version, date, file string) error {
	return b.call("Build", func() error {
		content := version + " of " + date + ": " + b.w.commits[commit].files["docs/index.md"]
		if b.w.unrepeatable >= 0 {
			b.w.unrepeatable++
			content += fmt.Sprint(b.w.unrepeatable)
		}
		b.w.happened("build %s", version)
		return os.WriteFile(file, []byte(content), 0o600)
	})
}

// mustRelease releases, and checks that no property was violated.
