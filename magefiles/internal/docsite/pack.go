package docsite

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// versionFile states the release of a site. It is in the site, so that the public URL can be asked for it.
const versionFile = "release.json"

// Pack writes the archive (.tar.gz) of a built site. The same site and time give the same bytes: entries are sorted, times are t, owners 0,
// modes 0644 and 0755; gzip has its highest level, and neither name nor time. A version other than "" is stated in release.json.
//
// Links are replaced by their targets. An error are links out of the site or to a folder, and names that a server or a
// shell could misread.
func Pack(site *os.Root, to io.Writer, t time.Time, version string) error {
	zip, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return err
	}
	p := packer{site: site, tar: tar.NewWriter(zip), time: t.UTC().Truncate(time.Second)}
	if err := p.checkIndex(); err != nil {
		return err
	}
	if err := p.version(version); err != nil {
		return err
	}
	if err := fs.WalkDir(site.FS(), ".", p.entry); err != nil {
		return err
	}
	return errors.Join(p.tar.Close(), zip.Close())
}

type packer struct {
	site *os.Root
	tar  *tar.Writer
	time time.Time
}

// checkIndex refuses a folder that is not a site: the container that serves it would.
func (p packer) checkIndex() error {
	if info, err := p.site.Stat("index.html"); err == nil && info.Mode().IsRegular() {
		return nil
	}
	return invalid("index.html", "add an index page to the docs (docs/index.md for Quartz), and check the output folder (BLUMEOPS_DOCS_OUTPUT)", "missing at the root of the built site")
}

// version writes release.json, first of all entries.
func (p packer) version(version string) error {
	if version == "" {
		return nil
	}
	if _, err := p.site.Lstat(versionFile); !errors.Is(err, fs.ErrNotExist) {
		return invalid(versionFile, "rename the site's file", "already exists in the built site: the release writes its version to this file")
	}
	text := fmt.Sprintf("{\"version\":%q}\n", version)
	if err := p.tar.WriteHeader(p.header(versionFile, tar.TypeReg, int64(len(text)))); err != nil {
		return err
	}
	_, err := io.WriteString(p.tar, text)
	return err
}

func (p packer) header(name string, kind byte, size int64) *tar.Header {
	h := &tar.Header{Typeflag: kind, Name: name, Size: size, Mode: 0o644, ModTime: p.time}
	if kind == tar.TypeDir {
		h.Name, h.Mode = name+"/", 0o755
	}
	return h
}

// entry adds one entry of the site. WalkDir sorts them.
func (p packer) entry(name string, e fs.DirEntry, err error) error {
	if err != nil || name == "." {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	switch {
	case e.IsDir():
		return p.tar.WriteHeader(p.header(name, tar.TypeDir, 0))
	case !e.Type().IsRegular() && e.Type()&fs.ModeSymlink == 0:
		return invalid(name, "make the generator write a file", "is neither a file nor a folder of the built site")
	}
	return p.file(name)
}

func (p packer) file(name string) error {
	info, err := p.site.Stat(name)
	if err != nil {
		return invalid(name, "make the generator write a file", "is a link of the built site to a file that is missing or outside the site: %v", cause(err))
	}
	if !info.Mode().IsRegular() {
		return invalid(name, "make the generator write a file", "is a link of the built site whose target is not a file")
	}
	f, err := p.site.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := p.tar.WriteHeader(p.header(name, tar.TypeReg, info.Size())); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if _, err := io.Copy(p.tar, f); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// checkName refuses names that are ambiguous once they are listed, unpacked or requested.
func checkName(name string) error {
	const do = "rename its source file"
	switch {
	case !utf8.ValidString(name):
		return invalid(fmt.Sprintf("%q", name), do, "invalid name in the built site: not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, `\`):
		return invalid(fmt.Sprintf("%q", name), do, "invalid name in the built site: it contains a control character or a backslash")
	}
	return nil
}
