package adopt

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// packages lists the Python projects, and derives the setting that finds them.
func (p *Plan) packages(files fs.FS, texts []text) {
	var dirs []string
	for _, t := range texts {
		if path.Base(t.name) == python.File && !slices.ContainsFunc(strings.Split(path.Dir(t.name), "/"), hidden) {
			dirs = append(dirs, path.Dir(t.name))
		}
	}
	found, faults := python.Places{Folders: dirs}.Find(files)
	for _, fault := range errorsOf(faults) {
		var bad *python.ProjectError
		if errors.As(fault, &bad) {
			p.change(path.Join(bad.Dir, python.File), bad.Err.Error())
		}
	}
	var folders []string
	for _, project := range found {
		p.Packages = append(p.Packages, Package{string(project.Name), project.Dir, project.StatedVersion(), project.Backend})
		if folder := path.Dir(project.Dir); !slices.Contains(folders, folder) { // "." for the root as well
			folders = append(folders, folder)
		}
	}
	if len(folders) == 0 || slices.Equal(folders, []string{settings.Defaults().Packages}) {
		return
	}
	slices.Sort(folders)
	p.add("Packages", strings.Join(folders, ","), count(len(found), "Python project")+", such as "+found[0].Dir)
}

func hidden(folder string) bool { return strings.HasPrefix(folder, ".") && folder != "." }
