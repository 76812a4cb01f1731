package docsrelease

import (
	"bytes"
	"errors"
	"io/fs"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// pin is the archive's address and hash in a manifest.
type pin struct{ url, sum string }

// pinAt reads the pin in the manifest of a commit.
func (d Systems) pinAt(commit string) (pin, error) {
	file, err := d.manifestAt(commit)
	if err != nil {
		return pin{}, err
	}
	found, err := file.Read(d.Pins.URL, d.Pins.Sum)
	if err != nil {
		return pin{}, err
	}
	return pin{url: found[0].Value, sum: found[1].Value}, nil
}

// pinAtTag is the pin of a version; empty if its manifest is older than such pins.
func (d Systems) pinAtTag(commit string) (pin, error) {
	p, err := d.pinAt(commit)
	var unfit *manifest.Error
	if errors.Is(err, fs.ErrNotExist) || errors.As(err, &unfit) {
		return pin{}, nil
	}
	return p, err
}

func (d Systems) manifestAt(commit string) (manifest.File, error) {
	tree, err := d.Origin.Files(commit)
	if err != nil {
		return manifest.File{}, err
	}
	text, err := fs.ReadFile(tree, d.Pins.File)
	return manifest.File{Path: d.Pins.File, Text: text}, err
}

// pinned is the change that writes a pin to the manifest of a commit; ok is false if the manifest has it already.
func (d Systems) pinned(commit string, p pin) (change vcs.Change, ok bool, err error) {
	file, err := d.manifestAt(commit)
	if err != nil {
		return vcs.Change{}, false, err
	}
	text, err := file.Pin(manifest.Edit{Place: d.Pins.URL, Value: p.url}, manifest.Edit{Place: d.Pins.Sum, Value: p.sum})
	if err != nil {
		return vcs.Change{}, false, err
	}
	return vcs.Change{Path: d.Pins.File, Content: text}, !bytes.Equal(text, file.Text), nil
}

// isOf reports whether a pin names a package of that version.
func (d Systems) isOf(p pin, version string) bool {
	of, _, ok := d.Packages.Locate(p.url)
	return ok && of == version
}
