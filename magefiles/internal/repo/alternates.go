package repo

import (
	"bufio"
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/go-git/go-billy/v5"
	"github.com/go-git/go-billy/v5/osfs"
)

// borrowing are the files of a git folder that borrows objects: an object that is not in its own folder objects is searched in other
// folders (`git clone --reference`, `--shared`). go-git (v5.19.3) searches there for some calls only, reads the list of each pack again
// for each object, and does not follow relative paths or those of a lender.
type borrowing struct {
	billy.Filesystem
	lenders []billy.Filesystem // folders of objects
}

const objectsDir = "objects"

// lent returns the path within a folder of objects. It refuses the list of lenders, which has been followed.
func lent(name string) (within string, ok bool) {
	name = filepath.Clean(name)
	within, ok = strings.CutPrefix(name, objectsDir+string(filepath.Separator))
	if name == objectsDir {
		return "", true
	}
	return within, ok
}

func isAlternates(within string) bool { return within == filepath.Join("info", "alternates") }

// Open opens the clone's own file, or the first lender's.
func (b borrowing) Open(name string) (billy.File, error) {
	within, isObject := lent(name)
	if isObject && isAlternates(within) {
		return nil, &os.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	f, err := b.Filesystem.Open(name)
	for i := 0; isObject && errors.Is(err, fs.ErrNotExist) && i < len(b.lenders); i++ {
		f, err = b.lenders[i].Open(within)
	}
	return f, err
}

// Stat describes the file that Open opens.
func (b borrowing) Stat(name string) (os.FileInfo, error) {
	within, isObject := lent(name)
	info, err := b.Filesystem.Stat(name)
	for i := 0; isObject && errors.Is(err, fs.ErrNotExist) && i < len(b.lenders); i++ {
		info, err = b.lenders[i].Stat(within)
	}
	return info, err
}

// folders lists a folder of objects in each lender; none for another folder.
func (b borrowing) folders(name string) (list []string) {
	if within, isObject := lent(name); isObject {
		for _, lender := range b.lenders {
			list = append(list, filepath.Join(lender.Root(), within))
		}
	}
	return list
}

// maxLenders is the depth to which git follows lenders of lenders.
const maxLenders = 5

// alternates are the folders whose objects count as those of a folder (gitrepository-layout, objects/info/alternates), with the lenders'
// own. missing are those that do not exist: git skips them.
func alternates(objects string) (lenders []billy.Filesystem, missing []string, err error) {
	seen := map[string]bool{filepath.Clean(objects): true}
	var follow func(objects string, depth int) error
	follow = func(objects string, depth int) error {
		list, err := readAlternates(objects)
		if err != nil || depth > maxLenders {
			return err
		}
		for _, dir := range list {
			if seen[dir] {
				continue
			}
			seen[dir] = true
			if info, err := os.Stat(dir); err != nil || !info.IsDir() {
				missing = append(missing, dir)
				continue
			}
			lenders = append(lenders, osfs.New(dir))
			if err := follow(dir, depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return lenders, missing, follow(objects, 0)
}

// readAlternates reads the list of one folder: a path on each line, relative to the folder, maybe quoted, # before a comment.
func readAlternates(objects string) (list []string, err error) {
	raw, err := os.ReadFile(filepath.Join(objects, "info", "alternates")) // #nosec G304 -- of the git folder
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for lines := bufio.NewScanner(bytes.NewReader(raw)); lines.Scan(); {
		dir := lines.Text()
		if dir == "" || strings.HasPrefix(dir, "#") {
			continue
		}
		if unquoted, err := strconv.Unquote(dir); err == nil && strings.HasPrefix(dir, `"`) {
			dir = unquoted
		}
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(objects, dir)
		}
		list = append(list, filepath.Clean(dir))
	}
	return list, nil
}
