package statefolder

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// unpacker writes the tar of a state below a folder. Nothing leaves it: all paths are those of an os.Root.
type unpacker struct {
	State
	root   *os.Root
	owners bool // files get their owners

	places      map[int]string // by number: the place of a folder of the archive below root, links followed
	entries     []entry
	maskedFiles []string
	special     []string // devices and pipes, which are not made
	unnamed     int      // files whose name contains a secret
}

// entry is one file of the state.
type entry struct {
	path string // below root
	tar.Header
}

func newUnpacker(dir string, s State) (*unpacker, error) {
	root, err := os.OpenRoot(dir)
	return &unpacker{State: s, root: root, owners: os.Geteuid() == 0, places: map[int]string{}}, err
}

// unpack writes all files, and then gives folders their modes and times, as a folder may be read-only.
func (u *unpacker) unpack(archive func(io.Writer) error) error {
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := archive(w)
		_ = w.CloseWithError(err) // never fails
		ended <- err
	}()
	err := u.read(tar.NewReader(r))
	if err == nil {
		_, err = io.Copy(io.Discard, r) // the end of the archive
	}
	_ = r.CloseWithError(errors.Join(errors.New("the state cannot be written"), err)) // never fails
	if failed := <-ended; err == nil {
		err = failed
	}
	if err != nil {
		return err
	}
	for _, e := range slices.Backward(u.entries) {
		if e.Typeflag == tar.TypeDir {
			if err := u.settle(e); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *unpacker) read(archive *tar.Reader) error {
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := u.add(h, archive); err != nil {
			return fmt.Errorf("write %s: %w", h.Name, err)
		}
	}
}

func (u *unpacker) add(h *tar.Header, content io.Reader) error {
	for _, name := range []string{h.Name, h.Linkname} {
		if masked, err := u.masked(name); err != nil || masked != name {
			u.unnamed++
			return err
		}
	}
	at, err := u.place(h.Name)
	if err != nil {
		return err
	}
	if u.below(at) { // of a file that was left out
		return nil
	}
	e := entry{at, *h}
	if err := u.write(e, content); err != nil {
		return err
	}
	u.entries = append(u.entries, e)
	if h.Typeflag == tar.TypeDir || h.Typeflag == tar.TypeLink {
		return nil
	}
	return u.settle(e)
}

// below reports whether the folder of a path is missing.
func (u *unpacker) below(at string) bool {
	_, err := u.root.Lstat(path.Dir(at))
	return errors.Is(err, fs.ErrNotExist)
}

// place is the place of a name of the archive, such as 0/etc/passwd. The first name of a folder makes room for it.
func (u *unpacker) place(name string) (string, error) {
	number, rest, _ := strings.Cut(path.Clean("/" + name)[1:], "/")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 || n >= len(u.Places) {
		return "", fmt.Errorf("invalid name %q", name)
	}
	at, known := u.places[n]
	if !known {
		if at, err = u.resolve(u.Places[n]); err == nil {
			u.places[n] = at
			err = u.clear(at)
		}
	}
	return path.Join(at, rest), err
}

// maxLinks is the limit of Linux for the links of one path.
const maxLinks = 40

// resolve follows the links of a path of the step, within root.
func (u *unpacker) resolve(p string) (string, error) {
	at, rest := ".", strings.Split(path.Clean("/" + p)[1:], "/")
	for links := 0; len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			at = path.Dir(at)
			continue
		}
		target, err := u.root.Readlink(path.Join(at, name))
		if err != nil { // not a link, or missing
			at = path.Join(at, name)
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: %w", p, syscall.ELOOP)
		}
		if path.IsAbs(target) {
			at = "."
		}
		rest = append(strings.Split(target, "/"), rest...)
	}
	return at, nil
}

// clear removes what a mount hides, and makes the folders above it.
func (u *unpacker) clear(at string) error {
	if at == "." {
		return nil
	}
	if err := u.root.RemoveAll(at); err != nil {
		return err
	}
	hidden := func(p string) bool { return p == at || strings.HasPrefix(p, at+"/") }
	u.entries = slices.DeleteFunc(u.entries, func(e entry) bool { return hidden(e.path) })
	for _, list := range []*[]string{&u.maskedFiles, &u.special} {
		*list = slices.DeleteFunc(*list, func(p string) bool { return hidden(p[1:]) })
	}
	return u.root.MkdirAll(path.Dir(at), 0o755)
}

// write makes a file.
func (u *unpacker) write(e entry, content io.Reader) error {
	switch e.Typeflag {
	case tar.TypeDir:
		if e.path == "." {
			return nil
		}
		return u.root.Mkdir(e.path, 0o700)
	case tar.TypeReg:
		return u.writeFile(e, content)
	case tar.TypeSymlink:
		return u.root.Symlink(e.Linkname, e.path)
	case tar.TypeLink:
		first, err := u.place(e.Linkname)
		if err == nil {
			err = u.root.Link(first, e.path)
		}
		return err
	}
	u.special = append(u.special, "/"+e.path)
	return nil
}

func (u *unpacker) writeFile(e entry, content io.Reader) error {
	f, err := u.root.OpenFile(e.path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	w := u.Mask(f)
	read, err := io.Copy(w, content)
	if err := errors.Join(err, w.Close()); err != nil {
		return errors.Join(err, f.Close())
	}
	info, err := f.Stat()
	if err == nil && info.Size() != read { // a mask is shorter than each secret that it replaces
		u.maskedFiles = append(u.maskedFiles, "/"+e.path)
	}
	return errors.Join(err, f.Close())
}

// settle sets owner, mode and time. A file of another user gets no less than what the user needs to read and remove it.
func (u *unpacker) settle(e entry) error {
	kept := e.Typeflag == tar.TypeDir || e.Typeflag == tar.TypeReg || e.Typeflag == tar.TypeSymlink
	if !kept {
		return nil
	}
	if u.owners {
		if err := u.root.Lchown(e.path, e.Uid, e.Gid); errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) {
			u.owners = false // root of a user namespace, which does not have this user
		} else if err != nil {
			return err
		}
	}
	if e.Typeflag == tar.TypeSymlink {
		return nil
	}
	mode := e.FileInfo().Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
	if !u.owners {
		mode |= 0o600
		if e.Typeflag == tar.TypeDir {
			mode |= 0o700
		}
	}
	if err := u.root.Chmod(e.path, mode); err != nil {
		return err
	}
	return u.root.Chtimes(e.path, time.Time{}, e.ModTime)
}

// open makes all folders removable.
func (u *unpacker) open() (err error) {
	for _, e := range u.entries {
		if e.Typeflag == tar.TypeDir {
			err = errors.Join(err, u.root.Chmod(e.path, 0o700))
		}
	}
	return err
}

// list is a line for each file, in the order of their names.
func (u *unpacker) list() string {
	slices.SortFunc(u.entries, func(a, b entry) int { return strings.Compare(a.path, b.path) })
	var out strings.Builder
	for _, e := range u.entries {
		name := printable(path.Join("/", e.path))
		switch e.Typeflag {
		case tar.TypeSymlink:
			name += " -> " + printable(e.Linkname)
		case tar.TypeLink:
			if first, err := u.place(e.Linkname); err == nil {
				name += " = " + printable("/"+first)
			}
		}
		fmt.Fprintf(&out, "%s %d:%d %d %s\n", e.FileInfo().Mode(), e.Uid, e.Gid, e.Size, name)
	}
	return out.String()
}

// printable is a name on one line.
func printable(name string) string {
	if quoted := strconv.Quote(name); quoted != `"`+name+`"` {
		return quoted
	}
	return name
}
