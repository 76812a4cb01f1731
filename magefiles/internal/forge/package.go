package forge

import (
	"context"
	"errors"
	"io"
	"regexp"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Package is a generic package with files in versions, of the owner of a repository.
type Package struct {
	client     *Client
	name       string
	repository Repository // that the package is shown with
	address    string     // of the forge, for deployments
	located    *regexp.Regexp
	note       func(string)
}

// NewPackage is the package of that name. The addresses of its files begin with address; note is called with notes for the user.
func NewPackage(client *Client, name string, repository Repository, address string, note func(string)) Package {
	p := Package{client: client, name: name, repository: repository, address: strings.TrimSuffix(address, "/"), note: note}
	prefix, _, _ := strings.Cut(p.file("VERSION", "FILE").Path(), "VERSION/")
	p.located = regexp.MustCompile(`^https?://[^?#]*` + regexp.QuoteMeta(below(prefix)) + `([^/?#]+)/([^/?#]+)$`)
	return p
}

// below is a path below the forge's address.
func below(path string) string { return "/" + strings.TrimPrefix(path, "/") }

func (p Package) file(version, name string) File {
	return File{Owner: p.repository.Owner, Package: p.name, Version: version, Name: name}
}

// Check checks that files could be uploaded, and uploads nothing.
func (p Package) Check(ctx context.Context) error {
	return Failures(p.client.Preflight(ctx, Need{Packages: p.repository.Owner, Public: true}))
}

// Upload stores a file. vcs.ErrFileExists if a file of that name exists, with any content.
func (p Package) Upload(ctx context.Context, version, file string, content io.ReaderAt, size int64) error {
	err := p.client.Upload(ctx, p.file(version, file), content, size)
	if errors.Is(err, ErrExists) {
		return vcs.ErrFileExists
	}
	if err == nil {
		p.link(ctx)
	}
	return err
}

// link shows the package with the repository. It is only for people, and old forges have no API for it.
func (p Package) link(ctx context.Context) {
	err := p.client.Link(ctx, p.repository.Owner, p.name, p.repository.Name)
	if err != nil && !errors.Is(err, ErrNotFound) && ctx.Err() == nil {
		p.note("cannot link the package to the repository: " + err.Error())
	}
}

// Sum downloads a file and returns its hash and size. vcs.ErrNoFile if there is none.
func (p Package) Sum(ctx context.Context, version, file string) (vcs.Sum, error) {
	found, err := p.client.Sum(ctx, p.file(version, file))
	return found, noFile(err)
}

// readSize is far more than the files have that are read as a whole.
const readSize = 1 << 16

// Read downloads a file of a few hundred bytes. vcs.ErrNoFile if there is none.
func (p Package) Read(ctx context.Context, version, file string) ([]byte, error) {
	text, err := p.client.Read(ctx, p.file(version, file), readSize)
	return text, noFile(err)
}

func noFile(err error) error {
	if errors.Is(err, ErrNotFound) {
		return vcs.ErrNoFile
	}
	return err
}

// Versions lists the versions in any order.
func (p Package) Versions(ctx context.Context) ([]string, error) {
	found, err := p.client.Versions(ctx, p.repository.Owner, p.name)
	versions := make([]string, len(found))
	for i, v := range found {
		versions[i] = v.Version
	}
	return versions, err
}

// Delete removes a version with all its files. A missing one is no error.
func (p Package) Delete(ctx context.Context, version string) error {
	return p.client.DeleteVersion(ctx, p.repository.Owner, p.name, version)
}

// URL is the address of a file for deployments.
func (p Package) URL(version, file string) string {
	return p.address + below(p.file(version, file).Path())
}

// Locate is the inverse of URL. It takes any address of the forge: it may have been another one when the manifest was written. ok is false for an
// address outside this package.
func (p Package) Locate(url string) (version, file string, ok bool) {
	m := p.located.FindStringSubmatch(url)
	if m == nil {
		return "", "", false
	}
	return m[1], m[2], true
}
