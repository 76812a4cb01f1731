package python

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// File is the name of the file that describes a Python project.
const File = "pyproject.toml"

// maxFile is far above real files.
const maxFile = 1 << 20

// Project is a folder with a Python project.
type Project struct {
	Name     Name
	Dir      string   // slash path from the root of the repository
	Version  Version  // as the file states it; the zero value if From is not FromFile
	From     From     // where the version comes from
	Backend  string   // build-backend; the default of PEP 517 if not stated
	Requires []string // the requirements of the build

	BackendPath []string // folders of the project with a build backend of its own
}

// From says where the version of a project comes from.
type From string

const (
	// FromFile is a version in pyproject.toml.
	FromFile From = "pyproject.toml"
	// FromTag is the version that a tool (setuptools-scm, hatch-vcs) takes from a tag of git.
	FromTag From = "tag"
	// FromCode is a version that the build backend reads from the project's files.
	FromCode From = "code"
)

// StatedVersion is the version in pyproject.toml; "" if it is not there.
func (p Project) StatedVersion() string {
	if p.From != FromFile {
		return ""
	}
	return p.Version.String()
}

// ProjectError says that a folder cannot be used as a Python project.
type ProjectError struct {
	Dir string // slash path from the root
	Err error
}

// Error begins with the path of the file.
func (e *ProjectError) Error() string {
	return plain.Name(path.Join(e.Dir, File)) + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *ProjectError) Unwrap() error { return e.Err }

// ExitStatus is that of wrong arguments.
func (e *ProjectError) ExitStatus() int { return 2 }

// errNoProject is of a file that only configures tools.
var errNoProject = errors.New("has neither [project], [tool.poetry] nor [build-system]")

// Open reads the project in a folder. The error is a *ProjectError.
func Open(files fs.FS, dir string) (Project, error) {
	p, err := read(files, path.Clean(dir))
	if err != nil {
		return Project{}, &ProjectError{path.Clean(dir), err}
	}
	return p, nil
}

func read(files fs.FS, dir string) (Project, error) {
	name := path.Join(dir, File)
	info, err := fs.Stat(files, name)
	if err != nil {
		return Project{}, reason(err)
	}
	if info.Size() > maxFile {
		return Project{}, fmt.Errorf("is larger than %d bytes", maxFile)
	}
	text, err := fs.ReadFile(files, name)
	if err != nil {
		return Project{}, reason(err)
	}
	p, err := Parse(string(text))
	p.Dir = dir
	return p, err
}

// reason is an error of a file without its path, which ProjectError names.
func reason(err error) error {
	var of *fs.PathError
	if errors.As(err, &of) {
		return of.Err
	}
	return err
}

// Parse reads the text of pyproject.toml.
func Parse(text string) (Project, error) {
	root := table{}
	if err := toml.Unmarshal([]byte(text), &root.values); err != nil {
		var at *toml.DecodeError
		if errors.As(err, &at) {
			row, column := at.Position()
			return Project{}, fmt.Errorf("line %d, column %d: %s", row, column, plain.OneLine(strings.TrimPrefix(at.Error(), "toml: ")))
		}
		return Project{}, errors.New(plain.OneLine(err.Error()))
	}
	return root.project()
}

// project finds the parts of a project.
func (t *table) project() (p Project, err error) {
	build, project, tools := t.table("build-system"), t.table("project"), t.table("tool")
	poetry := tools.table("poetry")
	if t.err == nil && !build.found && !project.found && !poetry.found {
		return p, errNoProject
	}
	p.Requires = build.texts("requires")
	p.BackendPath = build.texts("backend-path")
	p.Backend = build.text("build-backend")
	if p.Backend == "" {
		p.Backend = "setuptools.build_meta:__legacy__" // PEP 517
	}
	if !build.found {
		p.Requires = []string{"setuptools"}
	}
	stated := project
	if !project.found || project.text("name") == "" && poetry.text("name") != "" { // Poetry 2 may have a part of the fields in [project]
		stated = poetry
	}
	name, version, dynamic := stated.text("name"), stated.text("version"), project.texts("dynamic")
	if version == "" && stated == project {
		version = poetry.text("version")
	}
	scm := p.takesTag(tools)
	for _, part := range []*table{t, build, project, tools, poetry} {
		if part.err != nil {
			return p, part.err
		}
	}
	if name == "" {
		return p, errors.New("states no name: expected name = \"NAME\" in the table [project]")
	}
	if p.Name, err = ParseName(name); err != nil {
		return p, err
	}
	switch {
	case version != "" && !slices.Contains(dynamic, "version"):
		p.From = FromFile
		p.Version, err = ParseVersion(version)
	case stated == project && project.found && !slices.Contains(dynamic, "version"):
		err = errors.New("states no version: expected version = \"X.Y.Z\" in the table [project], or dynamic = [\"version\"]")
	case scm:
		p.From = FromTag
	default:
		p.From = FromCode
	}
	return p, err
}

// takesTag reports whether setuptools-scm makes the version, also for Hatch and others.
func (p Project) takesTag(tools *table) bool {
	source := tools.table("hatch").table("version").text("source")
	scm := tools.table("setuptools_scm").found || tools.table("setuptools-scm").found
	for _, r := range p.Requires {
		name := Name(strings.TrimSpace(requirementEnd.ReplaceAllString(strings.TrimSpace(r), ""))).Normalized()
		scm = scm || name == "setuptools-scm"
	}
	return scm || source == "vcs"
}
