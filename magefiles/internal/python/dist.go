package python

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Kind is the kind of a file of a release.
type Kind string

const (
	// Wheel is the file that pip installs.
	Wheel Kind = "wheel"
	// Sdist is the archive of the sources.
	Sdist Kind = "sdist"
)

// Dist is a file of a release: a wheel or an sdist.
type Dist struct {
	Path     string // on this machine
	Name     string // of the file
	Kind     Kind
	SHA256   string
	Size     int64
	Metadata Metadata
	Newest   time.Time // of its entries
}

// DistError says that a file is not a usable wheel or sdist.
type DistError struct {
	Name   string // of the file
	Reason string
}

func (e *DistError) Error() string { return plain.Name(e.Name) + " " + e.Reason }

// Hint says what to do.
func (e *DistError) Hint() string {
	return "correct pyproject.toml or the configuration of the build backend"
}

// The names of files: {name}-{version}(-{build})?-{python}-{abi}-{platform}.whl and {name}-{version}.tar.gz.
var (
	wheelName = regexp.MustCompile(`^([A-Za-z0-9._]+)-([A-Za-z0-9._!+]+)(?:-[0-9][A-Za-z0-9_.]*)?-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+-[A-Za-z0-9_.]+\.whl$`)
	sdistName = regexp.MustCompile(`^([A-Za-z0-9._-]+)-([A-Za-z0-9._!+]+)\.tar\.gz$`)
)

// maxMetadata is far above the size of real metadata, which has a README.
const maxMetadata = 4 << 20

// ReadDist reads a wheel or an sdist. The error is a *DistError for anything but a failed read.
func ReadDist(file string) (d Dist, err error) {
	d = Dist{Path: file, Name: filepath.Base(file)}
	f, err := os.Open(file)
	if err != nil {
		return d, err
	}
	defer f.Close()
	hash := sha256.New()
	if d.Size, err = io.Copy(hash, f); err != nil {
		return d, err
	}
	d.SHA256 = hex.EncodeToString(hash.Sum(nil))
	var names []string
	var text []byte
	switch {
	case strings.HasSuffix(d.Name, ".whl"):
		d.Kind, names = Wheel, wheelName.FindStringSubmatch(d.Name)
		text, err = d.readWheel(f)
	case strings.HasSuffix(d.Name, ".tar.gz"):
		d.Kind, names = Sdist, sdistName.FindStringSubmatch(d.Name)
		text, err = d.readSdist(f)
	default:
		return d, &DistError{d.Name, "is neither a wheel (.whl) nor an sdist (.tar.gz)"}
	}
	switch {
	case names == nil:
		return d, &DistError{d.Name, "does not have the form of a file name of a " + string(d.Kind)}
	case err != nil:
		return d, &DistError{d.Name, "is not a readable " + string(d.Kind) + ": " + plain.OneLine(err.Error())}
	case text == nil:
		return d, &DistError{d.Name, "has no metadata"}
	}
	d.Metadata, err = ParseMetadata(string(text))
	if err == nil {
		err = d.Metadata.agrees(names[1], names[2])
	}
	if err != nil {
		return d, &DistError{d.Name, err.Error()}
	}
	return d, nil
}

// readWheel returns NAME.dist-info/METADATA.
func (d *Dist) readWheel(f *os.File) (text []byte, err error) {
	archive, err := zip.NewReader(f, d.Size)
	if err != nil {
		return nil, err
	}
	for _, entry := range archive.File {
		d.see(entry.Modified)
		if dir, name := path.Split(entry.Name); name != "METADATA" || !strings.HasSuffix(dir, ".dist-info/") || strings.Count(dir, "/") != 1 {
			continue
		}
		if text != nil {
			return nil, errors.New("two files METADATA")
		}
		r, err := entry.Open()
		if err != nil {
			return nil, err
		}
		text, err = bounded(r)
		if err := errors.Join(err, r.Close()); err != nil {
			return nil, err
		}
	}
	return text, nil
}

// readSdist returns NAME-VERSION/PKG-INFO.
func (d *Dist) readSdist(f *os.File) (text []byte, err error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	zipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	d.see(zipped.ModTime)
	for archive := tar.NewReader(zipped); ; {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return text, nil
		}
		if err != nil {
			return nil, err
		}
		d.see(h.ModTime)
		if strings.Count(h.Name, "/") == 1 && path.Base(h.Name) == "PKG-INFO" && h.Typeflag == tar.TypeReg {
			if text, err = bounded(archive); err != nil {
				return nil, err
			}
		}
	}
}

func (d *Dist) see(at time.Time) {
	if at.After(d.Newest) {
		d.Newest = at
	}
}

func bounded(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxMetadata+1))
	if err == nil && len(text) > maxMetadata {
		err = fmt.Errorf("metadata is larger than %d bytes", maxMetadata)
	}
	return text, err
}

// Repack rewrites an sdist with the time at for all entries and without a time of its compression, for build backends that record the time of
// the build. Everything else in the archive stays the same.
func (d Dist) Repack(at time.Time, to io.Writer) error {
	f, err := os.Open(d.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	from, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	zipped, err := gzip.NewWriterLevel(to, gzip.BestCompression)
	if err != nil {
		return err
	}
	archive, packed := tar.NewReader(from), tar.NewWriter(zipped)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return errors.Join(packed.Close(), zipped.Close())
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // as git archive writes; it has no time
			if err := packed.WriteHeader(h); err != nil {
				return err
			}
			continue
		}
		h.ModTime, h.AccessTime, h.ChangeTime = at.UTC().Truncate(time.Second), time.Time{}, time.Time{}
		delete(h.PAXRecords, "mtime")
		if err := packed.WriteHeader(h); err != nil {
			return err
		}
		if _, err := io.Copy(packed, archive); err != nil {
			return err
		}
	}
}
