package build

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// written is the record of a root file system that this command wrote into a folder. Only such a folder is replaced, and only if nothing in it
// was changed since: so nothing of the user's is lost.
type written struct {
	Path  string // of the folder, absolute
	State string // see folderState
}

// folderState is a hash of a folder: names, kinds, permissions, sizes, times and links of all entries. Any change by a user changes it.
func folderState(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, link := path[len(dir):], ""
		if info.Mode().Type() == fs.ModeSymlink {
			if link, err = os.Readlink(path); err != nil {
				return err
			}
		}
		fmt.Fprintf(h, "%q %v %d %d %d %q\n", name, info.Mode(), info.Size(), info.ModTime().UnixNano(), changeTime(info), link)
		return nil
	})
	return hex.EncodeToString(h.Sum(nil)), err
}

// record records that this command wrote target. Records of folders that no longer exist are removed.
func record(records, target string) error {
	if records == "" {
		return nil
	}
	path, err := filepath.Abs(target)
	if err != nil {
		return err
	}
	state, err := folderState(path)
	if err != nil {
		return err
	}
	text, err := json.Marshal(written{path, state})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(records, 0o700); err != nil {
		return err
	}
	forget(records)
	return os.WriteFile(recordOf(records, path), text, 0o600)
}

// unchanged reports whether a folder has exactly the state that this command wrote.
func unchanged(records, target string) bool {
	path, err := filepath.Abs(target)
	if err != nil || records == "" {
		return false
	}
	was, err := readRecord(recordOf(records, path))
	if err != nil || was.Path != path {
		return false
	}
	state, err := folderState(path)
	return err == nil && state == was.State
}

func recordOf(records, path string) string {
	return filepath.Join(records, fmt.Sprintf("%x.json", sha256.Sum256([]byte(path))))
}

func readRecord(file string) (w written, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return w, err
	}
	return w, json.Unmarshal(text, &w)
}

func forget(records string) {
	files, _ := filepath.Glob(filepath.Join(records, "*.json"))
	for _, file := range files {
		was, err := readRecord(file)
		if _, gone := os.Lstat(was.Path); err != nil || errors.Is(gone, fs.ErrNotExist) {
			_ = os.Remove(file) // the next run tries again
		}
	}
}

// removable makes a folder removable for its owner: a root file system may have folders without write permission.
func removable(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if d == nil || !d.IsDir() {
			return nil
		}
		return os.Chmod(path, 0o700) // #nosec G302 -- a folder, that is removed next
	})
}
