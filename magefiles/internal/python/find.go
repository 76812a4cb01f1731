package python

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
)

// Places are the folders of a repository that may have projects, by their slash paths from the root.
type Places struct {
	Folders []string // each is a project, or has projects in its subfolders
	Source  string   // if set, the folder of the only project: Folders do not count
}

// Find returns the projects, sorted by name. A pyproject.toml in Folders that only configures tools is skipped. Projects that cannot be used are in
// the error, each as a *ProjectError; the others are returned with it.
func (p Places) Find(files fs.FS) ([]Project, error) {
	if p.Source != "" {
		return openSource(files, p.Source)
	}
	var found []Project
	var faults []error
	seen := map[string]bool{}
	for _, folder := range p.Folders {
		folder = path.Clean(folder)
		if !fs.ValidPath(folder) {
			faults = append(faults, &image.InvalidError{What: "folder of Python packages", Input: folder, Reason: "must be below the root of the repository"})
			continue
		}
		for _, dir := range candidates(files, folder) {
			if seen[dir] {
				continue
			}
			seen[dir] = true
			p, err := Open(files, dir)
			switch {
			case errors.Is(err, fs.ErrNotExist), errors.Is(err, errNoProject):
			case err != nil:
				faults = append(faults, err)
			default:
				found = append(found, p)
			}
		}
	}
	slices.SortFunc(found, func(a, b Project) int {
		return cmp.Or(cmp.Compare(a.Name.Normalized(), b.Name.Normalized()), cmp.Compare(a.Dir, b.Dir))
	})
	for i := 1; i < len(found); i++ {
		if a, b := found[i-1], found[i]; a.Name.Normalized() == b.Name.Normalized() {
			faults = append(faults, &ProjectError{b.Dir, fmt.Errorf("has the name %s, as %s", b.Name, path.Join(a.Dir, File))})
		}
	}
	return found, errors.Join(faults...)
}

// openSource returns the project of the folder that a user has named.
func openSource(files fs.FS, folder string) ([]Project, error) {
	dir, reason := path.Clean(folder), ""
	switch info, err := fs.Stat(files, dir); {
	case path.IsAbs(folder):
		reason = "must be relative to the root of the repository"
	case !fs.ValidPath(dir):
		reason = "must be below the root of the repository"
	case errors.Is(err, fs.ErrNotExist):
		reason = "not found"
	case err != nil:
		return nil, err
	case !info.IsDir():
		reason = "is not a folder"
	}
	if reason != "" {
		return nil, &image.InvalidError{What: "source of a Python package", Input: folder, Reason: reason}
	}
	project, err := Open(files, dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, &image.InvalidError{What: "source of a Python package", Input: folder, Reason: "has no " + File}
	case err != nil:
		return nil, err
	}
	return []Project{project}, nil
}

// candidates are a folder and its subfolders, without hidden ones and links.
func candidates(files fs.FS, folder string) []string {
	dirs := []string{folder}
	entries, _ := fs.ReadDir(files, folder) // a folder that does not exist has no projects
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			dirs = append(dirs, path.Join(folder, e.Name()))
		}
	}
	return dirs
}

// Only is the text that is accepted in place of a name: the only project of the repository.
const Only = "."

// Lookup returns the project of that name; an index does not distinguish My_Package and my-package. Faults of other projects do not matter.
func (p Places) Lookup(files fs.FS, name string) (Project, error) {
	found, faults := p.Find(files)
	if p.Source != "" && faults != nil {
		return Project{}, faults
	}
	if name == Only {
		if len(found) == 1 && faults == nil {
			return found[0], nil
		}
		if len(found) < 2 && faults != nil {
			return Project{}, faults
		}
		return Project{}, &image.InvalidError{What: "name of a Python package", Input: name, Reason: "requires exactly one package" + known(found)}
	}
	wanted, err := ParseName(name)
	if err != nil {
		return Project{}, err
	}
	at := slices.IndexFunc(found, func(p Project) bool { return p.Name.Normalized() == wanted.Normalized() })
	if at < 0 {
		unknown := &image.InvalidError{What: "name of a Python package", Input: name, Reason: "not found" + known(found)}
		return Project{}, errors.Join(unknown, faults)
	}
	if next := at + 1; next < len(found) && found[next].Name.Normalized() == wanted.Normalized() {
		return Project{}, &ProjectError{found[next].Dir, fmt.Errorf("has the name %s, as %s", found[next].Name, path.Join(found[at].Dir, File))}
	}
	return found[at], nil
}

// known is the part of an error with the names.
func known(found []Project) string {
	if len(found) == 0 {
		return "; no folder of the setting Packages has a " + File + " with a project"
	}
	names := make([]string, len(found))
	for i, p := range found {
		names[i] = string(p.Name)
	}
	return " (known: " + strings.Join(names, ", ") + ")"
}
