package docsite

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Content is an unpacked site. A nil Content has no pages.
type Content struct{ root *os.Root }

// Close removes the content. Pages that were opened before stay readable.
func (c *Content) Close() error {
	return errors.Join(c.root.Close(), os.RemoveAll(c.root.Name()))
}

// MaxUnpacked bounds the bytes of an unpacked site: a few kB of tar can claim any number of zeros.
const MaxUnpacked = 1 << 30

// Unpack puts an archive into a new folder in dir, as the container quartz does (containers/quartz/start.sh). The archive may only
// hold files and folders: a link could make the site serve any file of the machine; and at most the given number of bytes. The
// errors say what is wrong with the archive.
func Unpack(dir string, archive io.Reader, most int64) (_ *Content, err error) {
	folder, err := os.MkdirTemp(dir, "site-")
	if err != nil {
		return nil, fmt.Errorf("cannot be unpacked: %w", err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return nil, fmt.Errorf("cannot be unpacked: %w", err)
	}
	c := &Content{root: root}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.Close())
		}
	}()
	zip, err := gzip.NewReader(archive)
	if err != nil {
		return nil, fmt.Errorf("is damaged or not gzip: %w", err)
	}
	entries := tar.NewReader(zip)
	for {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("is damaged: %w", err)
		}
		if most -= header.Size; most < 0 {
			return nil, fmt.Errorf("is too large: with %s it exceeds the limit of a site", header.Name)
		}
		if err := unpackEntry(root, header, entries); err != nil {
			return nil, err
		}
	}
	if _, err := io.Copy(io.Discard, zip); err != nil { // gzip's own checksum comes last
		return nil, fmt.Errorf("is damaged: %w", err)
	}
	if info, err := root.Stat("index.html"); err != nil || !info.Mode().IsRegular() {
		return nil, errors.New("has no index.html at its root; pack the content of Quartz's public/, not the folder")
	}
	return c, nil
}

func unpackEntry(root *os.Root, header *tar.Header, from io.Reader) error {
	elements := strings.Split(header.Name, "/")
	if elements[0] == "" || slices.Contains(elements, "..") {
		return fmt.Errorf("has an entry outside the site: %s; nothing was unpacked", header.Name)
	}
	elements = slices.DeleteFunc(elements, func(e string) bool { return e == "" || e == "." })
	name := strings.Join(elements, "/")
	switch header.Typeflag {
	case tar.TypeDir:
		if name == "" {
			return nil
		}
		if err := root.MkdirAll(name, 0o755); err != nil {
			return fmt.Errorf("cannot be unpacked: %w", err)
		}
		return nil
	case tar.TypeReg:
		if err := unpackFile(root, name, elements, from); err != nil {
			return fmt.Errorf("cannot be unpacked: %s: %w", header.Name, err)
		}
		return nil
	default:
		return fmt.Errorf("has an entry that is neither a file nor a folder: %s; nothing was unpacked", header.Name)
	}
}

func unpackFile(root *os.Root, name string, elements []string, from io.Reader) (err error) {
	if len(elements) > 1 {
		if err := root.MkdirAll(strings.Join(elements[:len(elements)-1], "/"), 0o755); err != nil {
			return err
		}
	}
	f, err := root.Create(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, from)
	return err
}
