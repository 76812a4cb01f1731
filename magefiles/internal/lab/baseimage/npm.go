package baseimage

import (
	"context"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Archive is a package of npm's registry.
type Archive struct {
	Name      string // of the folder in which Setup finds it
	Package   string
	Version   string // exact
	Integrity string // sha512-…, from the registry
}

// fetch downloads an archive with this machine's npm, which has the registry's settings, and unpacks it in dir.
func (a Archive) fetch(ctx context.Context, dir string) error {
	if a.Integrity == "" {
		return fmt.Errorf("%s@%s: no checksum is known; this architecture is not supported", a.Package, a.Version)
	}
	packed := filepath.Join(dir, a.Name+".packed") // a folder: npm chooses the file's name
	unpacked := filepath.Join(dir, a.Name)
	for _, d := range []string{packed, unpacked} {
		if err := os.Mkdir(d, 0o755); err != nil {
			return err
		}
	}
	err := command(ctx, packed, nil, "npm", "pack", "--loglevel=error", "--ignore-scripts", a.Package+"@"+a.Version)
	if err != nil {
		return fmt.Errorf("fetch %s@%s: %w", a.Package, a.Version, err)
	}
	files, err := filepath.Glob(filepath.Join(packed, "*.tgz"))
	if err != nil || len(files) != 1 {
		return fmt.Errorf("fetch %s@%s: npm pack wrote %d archives, expected one", a.Package, a.Version, len(files))
	}
	if err := a.verify(files[0]); err != nil {
		return err
	}
	return command(ctx, unpacked, nil, "tar", "-xzf", files[0], "--strip-components=1", "--no-same-owner")
}

// verify compares the archive with its checksum.
func (a Archive) verify(file string) (err error) {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	sum := sha512.New()
	if _, err := io.Copy(sum, f); err != nil {
		return err
	}
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum.Sum(nil)); got != a.Integrity {
		return fmt.Errorf("%s@%s has the checksum %s, expected %s: the registry serves a different archive",
			a.Package, a.Version, got, a.Integrity)
	}
	return nil
}
