package app

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
)

// repository is where the forge has this repository.
func (a *App) repository() forge.Repository {
	return forge.Repository{Owner: a.Owner, Name: a.Repository}
}

// forge is the client of the forge.
func (a *App) forge() (*forge.Client, error) {
	return a.client.get(func() (*forge.Client, error) { return a.forgeAt(0) })
}

// forgeAt is a client that makes so many attempts; 0 is its default.
func (a *App) forgeAt(attempts int) (*forge.Client, error) {
	if err := a.Require("ForgeURL", "Owner", "Repository"); err != nil {
		return nil, console.BadInput(err)
	}
	client, err := forge.New(forge.Options{URL: a.ForgeURL, Token: a.forgeToken, HTTP: a.http(), Log: a.console.Note, Retry: forge.Retry{Attempts: attempts}})
	return client, console.BadInput(err)
}

// docsName is the name of the package of the docs, and the start of its files' names.
const docsName = "docs"

// The container quartz reads these variables.
const (
	docsURLVariable = "DOCS_RELEASE_URL"
	docsSumVariable = "DOCS_RELEASE_SHA256"
)

// packages is a docsrelease.Packages: a generic package of the forge.
type packages struct {
	client     *forge.Client
	repository forge.Repository // that the package is shown with
	address    string           // of the forge, for those who deploy
	located    *regexp.Regexp
	note       func(string)
}

// newPackages is the package of the docs, of the owner of the repository.
func newPackages(client *forge.Client, repository forge.Repository, address string, note func(string)) packages {
	p := packages{client: client, repository: repository, address: strings.TrimSuffix(address, "/"), note: note}
	prefix, _, _ := strings.Cut(p.file("VERSION", "FILE").Path(), "VERSION/")
	p.located = regexp.MustCompile(`^https?://[^?#]*` + regexp.QuoteMeta(p.under(prefix)) + `([^/?#]+)/([^/?#]+)$`)
	return p
}

// under is a path below the forge's address.
func (packages) under(path string) string { return "/" + strings.TrimPrefix(path, "/") }

func (p packages) file(version, name string) forge.File {
	return forge.File{Owner: p.repository.Owner, Package: docsName, Version: version, Name: name}
}

func (p packages) Check(ctx context.Context) error {
	return forge.Failures(p.client.Preflight(ctx, forge.Need{Packages: p.repository.Owner, Public: true}))
}

func (p packages) Upload(ctx context.Context, version, file string, content io.ReaderAt, size int64) error {
	err := p.client.Upload(ctx, p.file(version, file), content, size)
	if errors.Is(err, forge.ErrExists) {
		return docsrelease.ErrFileExists
	}
	if err == nil {
		p.link(ctx)
	}
	return err
}

// link shows the package with the repository. It is only for people, and old forges cannot be asked.
func (p packages) link(ctx context.Context) {
	err := p.client.Link(ctx, p.repository.Owner, docsName, p.repository.Name)
	if err != nil && !errors.Is(err, forge.ErrNotFound) && ctx.Err() == nil {
		p.note("cannot link the package to the repository: " + err.Error())
	}
}

func (p packages) Sum(ctx context.Context, version, file string) (docsrelease.Sum, error) {
	found, err := p.client.Sum(ctx, p.file(version, file))
	return docsrelease.Sum(found), noFile(err)
}

// receiptSize is far more than the files have that are read as a whole.
const receiptSize = 1 << 16

func (p packages) Read(ctx context.Context, version, file string) ([]byte, error) {
	text, err := p.client.Read(ctx, p.file(version, file), receiptSize)
	return text, noFile(err)
}

func noFile(err error) error {
	if errors.Is(err, forge.ErrNotFound) {
		return docsrelease.ErrNoFile
	}
	return err
}

func (p packages) Versions(ctx context.Context) ([]string, error) {
	found, err := p.client.Versions(ctx, p.repository.Owner, docsName)
	versions := make([]string, len(found))
	for i, v := range found {
		versions[i] = v.Version
	}
	return versions, err
}

func (p packages) Delete(ctx context.Context, version string) error {
	return p.client.DeleteVersion(ctx, p.repository.Owner, docsName, version)
}

func (p packages) URL(version, file string) string {
	return p.address + p.under(p.file(version, file).Path())
}

// Locate takes any address of the forge: it may have been another one when the manifest was written.
func (p packages) Locate(url string) (version, file string, ok bool) {
	m := p.located.FindStringSubmatch(url)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}

// announcer is a docsrelease.Announcer: the forge's releases.
type announcer struct {
	client     *forge.Client
	repository forge.Repository
}

func (a announcer) Check(ctx context.Context) error {
	return forge.Failures(a.client.Preflight(ctx, forge.Need{Repository: a.repository, Releases: true}))
}

func (a announcer) Find(ctx context.Context, tag string) (docsrelease.Announcement, bool, error) {
	found, err := a.client.ReleaseByTag(ctx, a.repository, tag)
	if errors.Is(err, forge.ErrNotFound) {
		return docsrelease.Announcement{}, false, nil
	}
	return docsrelease.Announcement{
		Tag: found.Tag, Title: found.Title, Notes: found.Notes, Draft: found.Draft, Prerelease: found.Prerelease, URL: found.URL,
	}, err == nil, err
}

func (a announcer) Put(ctx context.Context, commit string, what docsrelease.Announcement) (string, error) {
	put, err := a.client.Announce(ctx, a.repository, forge.Release{
		Tag: what.Tag, Title: what.Title, Notes: what.Notes, Draft: what.Draft, Prerelease: what.Prerelease,
	}, commit)
	return put.URL, err
}
