package toolbuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/tools/txtar"
)

// sources is the folder of the modules. An archive is unpacked once for each content, beside the executables.
func (b Builder) sources() (string, error) {
	if b.Sources != "" || b.Archive == "" {
		return b.Sources, nil
	}
	bin, err := filepath.Abs(b.Bin)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(b.Archive))
	dir := filepath.Join(bin, "sources-"+hex.EncodeToString(sum[:])[:keyLength])
	if _, err := os.Stat(dir); err == nil {
		return dir, touch(dir)
	}
	if err := os.MkdirAll(bin, 0o700); err != nil {
		return "", fmt.Errorf("folder of built programs: %w", err)
	}
	sweepSources(bin)
	made, err := os.MkdirTemp(bin, "sources-*.tmp")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(made) // already removed if all went well
	files, err := txtar.FS(txtar.Parse([]byte(b.Archive)))
	if err != nil {
		return "", err
	}
	if err := os.CopyFS(made, files); err != nil {
		return "", err
	}
	if err := os.Rename(made, dir); err != nil && !errors.Is(err, fs.ErrExist) { // or another process was faster
		return "", err
	}
	return dir, nil
}

// sweepSources removes folders that no build used for a long time, or that a killed build left.
func sweepSources(bin string) {
	for _, pattern := range []string{"sources-" + anyKey, "sources-*.tmp"} {
		found, _ := filepath.Glob(filepath.Join(bin, pattern))
		for _, dir := range found {
			if info, err := os.Stat(dir); err == nil && time.Since(info.ModTime()) > unusedTime {
				os.RemoveAll(dir)
			}
		}
	}
}
