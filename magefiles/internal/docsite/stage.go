package docsite

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Staged is the input of a generator, as folders on this machine.
type Staged struct {
	Base    string               // Node: the files that npm ci reads; "" for Quartz, which is itself the folder
	Overlay string               // files that are copied over it after npm ci
	Times   map[string]time.Time // of files in Overlay, by slash path
}

// skippedNames are names that a generator makes itself, or that do not belong to a page: they are left out in every folder.
var skippedNames = []string{"node_modules", ".git", ".DS_Store"}

// fragments is the folder of changelog fragments, which are not pages.
const fragments = "changelog.d"

// Pages is the input of Stage apart from the files.
type Pages struct {
	Dates map[string]vcs.Dates // of files, by slash path from the tree's root
	Time  time.Time            // for both dates of a file without dates, which is not committed yet
	Skip  []string             // slash paths from the tree's root that are left out, as docs/changelog.d is
	// Outside are pages of the site that are not files of the docs. Only Quartz gets them: in its content's root, each under its
	// name without folders, unless the docs have a file of that name there.
	Outside []OutsidePage
}

// OutsidePage is a page from elsewhere.
type OutsidePage struct {
	Path  string // slash path from the tree's root
	Text  []byte // of the page, which may differ from its file
	Dates vcs.Dates
}

// Stage copies the tree's files for the plan's generator into the new folder to. A link is replaced by its target; a link out of the
// docs or to a folder is an error.
func Stage(tree fs.FS, p Plan, pages Pages, to string) (Staged, error) {
	s := stager{tree: tree, plan: p, pages: pages, staged: Staged{Overlay: filepath.Join(to, "overlay"), Times: map[string]time.Time{}}}
	if err := makeFolder(s.staged.Overlay); err != nil {
		return Staged{}, err
	}
	if err := fs.WalkDir(tree, p.Dir, s.entry); err != nil {
		return Staged{}, err
	}
	if err := s.outside(); err != nil {
		return Staged{}, err
	}
	if p.Generator == Node {
		s.staged.Base = s.staged.Overlay
	}
	if p.Manifests == nil {
		return s.staged, nil
	}
	s.staged.Base = filepath.Join(to, "base")
	for _, name := range p.Manifests {
		text, err := fs.ReadFile(tree, path.Join(p.Dir, name))
		if err != nil {
			return Staged{}, err
		}
		if err := write(filepath.Join(s.staged.Base, name), text, 0o644); err != nil {
			return Staged{}, err
		}
	}
	return s.staged, nil
}

// complete sets the missing dates of a file, for which the generator would use the time of its build.
func (p Pages) complete(d vcs.Dates) vcs.Dates {
	if d.Modified.IsZero() {
		d.Modified = p.Time
	}
	if d.Created.IsZero() {
		d.Created = d.Modified
	}
	return d
}

type stager struct {
	tree   fs.FS
	plan   Plan
	pages  Pages
	staged Staged
}

func (s stager) entry(name string, e fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	inside := strings.TrimPrefix(strings.TrimPrefix(name, s.plan.Dir), "/")
	if inside == "" {
		return nil
	}
	if s.skips(name, inside) {
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	switch {
	case e.IsDir():
		return makeFolder(s.place(inside))
	case e.Type()&fs.ModeSymlink != 0:
		if err := s.checkLink(name); err != nil {
			return err
		}
	case !e.Type().IsRegular():
		return invalid(name, "remove it", "is neither a file nor a folder")
	}
	return s.file(name, inside)
}

func (s stager) skips(name, inside string) bool {
	if slices.Contains(skippedNames, path.Base(name)) || inside == fragments || slices.Contains(s.pages.Skip, name) {
		return true
	}
	return s.plan.Generator == Node && inside == s.plan.Output
}

// target is where a file goes in the overlay, a slash path.
func (s stager) target(inside string) string {
	if s.plan.Generator == Node || slices.Contains(s.plan.Config, inside) {
		return inside
	}
	return "content/" + inside
}

func (s stager) place(inside string) string {
	return filepath.Join(s.staged.Overlay, filepath.FromSlash(s.target(inside)))
}

// checkLink refuses links out of the docs. Links on the way to the target are checked separately.
func (s stager) checkLink(name string) error {
	to, err := fs.ReadLink(s.tree, name)
	if err != nil {
		return err
	}
	leads := path.Join(path.Dir(name), filepath.ToSlash(to))
	if path.IsAbs(to) || filepath.IsAbs(to) || s.plan.Dir != "." && !strings.HasPrefix(leads+"/", s.plan.Dir+"/") || leads == ".." || strings.HasPrefix(leads, "../") {
		return invalid(name, "replace the link by a copy of the file", "is a link to %s, which is outside %s", to, s.plan.Dir)
	}
	info, err := fs.Stat(s.tree, name)
	if err != nil {
		return invalid(name, "remove the link, or point it to a file of the docs", "is a link to %s, which cannot be read: %v", to, cause(err))
	}
	if !info.Mode().IsRegular() {
		return invalid(name, "use one link for each file", "is a link to %s, which is not a file", to)
	}
	return nil
}

func (s stager) file(name, inside string) error {
	text, err := fs.ReadFile(s.tree, name)
	if err != nil {
		return err
	}
	info, err := fs.Stat(s.tree, name)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if info.Mode()&0o100 != 0 {
		mode = 0o755
	}
	return s.write(inside, text, s.pages.Dates[name], mode)
}

// write puts a file of the docs where the generator reads it, with its dates.
func (s stager) write(inside string, text []byte, d vcs.Dates, mode fs.FileMode) error {
	d = s.pages.complete(d)
	if s.plan.Generator == Quartz && strings.EqualFold(path.Ext(inside), ".md") {
		text = WithDates(text, d)
	}
	if !d.Modified.IsZero() {
		s.staged.Times[s.target(inside)] = d.Modified
	}
	return write(s.place(inside), text, mode)
}

// outside adds the pages from elsewhere.
func (s stager) outside() error {
	if s.plan.Generator != Quartz {
		return nil
	}
	for _, p := range s.pages.Outside {
		name := path.Base(p.Path)
		taken, err := s.has(name)
		if err != nil {
			return err
		}
		if taken {
			continue
		}
		if err := s.write(name, p.Text, p.Dates, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether a name at the content's root is taken, without regard to case, as on some file systems.
func (s stager) has(name string) (bool, error) {
	entries, err := os.ReadDir(filepath.Dir(s.place(name)))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.EqualFold(e.Name(), name) }), err
}

// write writes a file with this mode, with any umask.
func write(file string, text []byte, mode fs.FileMode) error {
	if err := makeFolder(filepath.Dir(file)); err != nil {
		return err
	}
	return errors.Join(os.WriteFile(file, text, mode), os.Chmod(file, mode))
}

// makeFolder makes a folder and its missing parents, all with mode 0755.
func makeFolder(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	if err := makeFolder(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil { // #nosec G301 -- pages are public
		return err
	}
	return os.Chmod(dir, 0o755) // #nosec G302 -- the same
}
