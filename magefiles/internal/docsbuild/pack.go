package docsbuild

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
)

// pack writes a temporary file and renames it, so that the archive is never incomplete.
func (d *building) pack(context.Context) error {
	site, err := os.OpenRoot(d.site())
	if err != nil {
		return err
	}
	defer site.Close()
	if d.plan.Generator == docsite.Quartz {
		if err := docsite.MakeReproducible(site); err != nil {
			return err
		}
	}
	made, err := scratch.Create(filepath.Dir(d.file), ".blumeops-docs-")
	if err != nil {
		return err
	}
	defer made.Discard()
	sum, size, err := d.write(site, made.File)
	if err != nil {
		return err
	}
	d.built = Result{
		File: cmp.Or(d.args.Output, filepath.Base(d.file)), Version: d.version.String(), SHA256: sum, Size: size, Generator: string(d.plan.Generator),
	}
	if d.source != nil {
		d.built.Source = d.source.String()
		if d.commit != "" && !d.source.Pinned() {
			d.built.Source += " at " + d.commit
		}
	}
	return os.Rename(made.Name(), d.file)
}

// write makes the archive, and returns its checksum and size.
func (d *building) write(site *os.Root, f *os.File) (sum string, size int64, err error) {
	hash := sha256.New()
	if err := docsite.Pack(site, io.MultiWriter(f, hash), d.args.Time, d.version.String()); err != nil {
		return "", 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	return hex.EncodeToString(hash.Sum(nil)), info.Size(), errors.Join(f.Chmod(0o644), f.Sync(), f.Close())
}
