package checks

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/dockerfile"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/container"
)

// containers checks the files that images are built from.
var containers = validate.Check{
	Name:   "containers",
	Covers: "The folders of containers/: whether each can be built, Dockerfiles against BuildKit's own linter, base images, and versions against service-versions.yaml.",
	Rules: []validate.Rule{
		{ID: "container", What: "A folder of containers/ cannot be built: it has neither a Dockerfile nor a Go main package nor a file of another builder (default.nix, flake.nix, Containerfile, apko.yaml), is a symbolic link, has a name that images cannot have, or has an unknown statement.", Do: "Give it a Dockerfile or a Go main package, or move it elsewhere."},
		{ID: "dockerfile", What: "BuildKit's parser or linter reports an error in a Dockerfile; the message begins with the linter's own name of the rule, which `# check=skip=RULE` on the first line switches off.", Do: "Change the instruction as the message says."},
		{ID: "version", What: "A container does not state the version of its application as a literal, although others do, or the file service-versions.yaml exists.", Do: "State it: ARG CONTAINER_APP_VERSION=1.2.3 in the Dockerfile, //blumeops:version 1.2.3 in the Go program."},
		{ID: "services", What: "The file service-versions.yaml does not have the expected form: a list named services, whose entries have a name, a current-version and, where the names differ, a container.", Do: "Give it that form."},
		{ID: "disagrees", What: "The version of a container differs from service-versions.yaml.", Do: "Correct the wrong one; if the service is built from another container, write its name into the field container, or null for none."},
		{ID: "base", What: "An image that a build starts from, or copies from, has no tag, or the tag latest: each build may get another image.", Do: "Use a version as the tag, or a digest."},
		{ID: "own-base", What: "An image that a build starts from, or copies from, belongs to this repository, but its container does not exist.", Do: "Correct the name, or add the container."},
		{ID: "copy", What: "A Dockerfile copies a file that is not in the container's folder, or that the .dockerignore excludes.", Do: "Correct the path, or add the file."},
		{ID: "ignore", What: "A .dockerignore contains a line that is not a valid pattern.", Do: "Correct the pattern."},
	},
	Fixes: true,
	Run: func(ctx context.Context, in *validate.Input) error {
		if len(in.Files(image.Root)) == 0 {
			return nil
		}
		found, err := image.Find(in.Dir())
		c := containerCheck{Input: in}
		if err := c.faults(found, err); err != nil {
			return err
		}
		c.services(found)
		c.versions = in.Has(servicesFile) || slices.ContainsFunc(found, func(one image.Container) bool { return one.Version != "" && in.Has(one.Dir) })
		return validate.Each(ctx, found, func(one image.Container) error { return c.one(ctx, one) })
	},
}

type containerCheck struct {
	*validate.Input
	versions bool // containers of this repository state the versions of their applications
}

func (c containerCheck) report(file, rule string, at dockerfile.Place, format string, args ...any) {
	c.Report(validate.Finding{Path: file, Line: at.Line, Column: at.Column, Rule: rule, Message: fmt.Sprintf(format, args...)})
}

// faults reports the folders that cannot be built.
func (c containerCheck) faults(found []image.Container, err error) error {
	known := map[string]bool{}
	for _, one := range append(image.FindOthers(c.Dir()), found...) { // the program that builds the others checks them
		known[one.Dir] = true
	}
	for _, err := range unjoined(err) {
		var fault *image.ContainerError
		if !errors.As(err, &fault) {
			return err
		}
		known[fault.Dir] = true
		var unreadable *fs.PathError
		told := errors.As(err, &unreadable) && c.Has(unreadable.Path) // by the check files
		if c.Has(fault.Dir) && !told {
			c.fault(fault)
		}
	}
	for _, name := range c.Files(image.Root) {
		parts := strings.Split(name, "/")
		dir := path.Join(image.Root, parts[1])
		if len(parts) > 2 && !known[dir] && !strings.HasPrefix(parts[1], ".") && !strings.HasPrefix(parts[1], "_") {
			known[dir] = true
			c.report(dir, "container", dockerfile.Place{}, "has neither a Dockerfile nor a Go main package")
		}
	}
	return nil
}

func (c containerCheck) fault(fault *image.ContainerError) {
	var stated *image.StatementError
	if !errors.As(fault, &stated) {
		c.Report(validate.Finding{Path: fault.Dir, Rule: "container", Message: fault.Err.Error(), Do: remedy(fault)})
		return
	}
	rule, do, failed := "container", "Correct what the file states.", (*dockerfile.ParseError)(nil)
	if errors.As(stated, &failed) {
		rule, do = "dockerfile", ""
	}
	c.Report(validate.Finding{Path: stated.At.File, Line: stated.At.Line, Column: stated.At.Column, Rule: rule, Message: stated.Err.Error(), Do: do})
}

// remedy is the correction for a folder that cannot be built; "" means the rule's.
func remedy(fault error) string {
	var invalid *image.InvalidError
	var unreadable *fs.PathError
	switch {
	case errors.As(fault, &invalid):
		return "Rename the folder to lower case letters, digits and inner hyphens, up to 63 of them."
	case errors.As(fault, &unreadable):
		return "Replace it with a readable file, or remove it."
	}
	return ""
}

func place(at image.Position) dockerfile.Place {
	return dockerfile.Place{Line: at.Line, Column: at.Column}
}

func unjoined(err error) []error {
	if list, ok := err.(interface{ Unwrap() []error }); ok {
		return list.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func (c containerCheck) one(ctx context.Context, one image.Container) error {
	if !c.Has(one.Dir) {
		return nil
	}
	switch {
	case one.Version == "" && !c.versions: // only `auto` needs it
	case one.Version == "":
		c.report(c.source(one), "version", dockerfile.Place{}, "does not state CONTAINER_APP_VERSION")
	case strings.Contains(one.Version, "$"):
		c.report(one.VersionAt.File, "version", place(one.VersionAt), "CONTAINER_APP_VERSION is %q, which is not a literal version", one.Version)
	}
	if one.Kind == image.KindDockerfile {
		return c.dockerfile(ctx, one.Dir)
	}
	if one.Base != "" {
		c.image(one.BaseAt.File, place(one.BaseAt), "//blumeops:base", one.Base, nil)
	}
	return nil
}

// source is the file in which a container states its version.
func (c containerCheck) source(one image.Container) string {
	if one.Kind == image.KindDockerfile {
		return one.Dir + "/Dockerfile"
	}
	for _, file := range c.Files(one.Dir, ".go") {
		if path.Dir(file) == one.Dir && !strings.HasSuffix(file, "_test.go") {
			return file
		}
	}
	return one.Dir
}

func (c containerCheck) dockerfile(ctx context.Context, dir string) error {
	file := dir + "/Dockerfile"
	d, err := dockerfileOf(c.Tree, file)
	var failed *dockerfile.ParseError
	switch {
	case errors.As(err, &failed):
		c.report(file, "dockerfile", failed.Place, "%s", failed.Message)
		return nil
	case err != nil || d == nil:
		return nil // in another language, or unreadable
	}
	for _, i := range d.Images {
		c.image(file, i.Place, i.Instruction, i.Reference, c.digestFix(ctx, file, i))
	}
	c.sources(dir, d.Sources)
	problems, err := d.Lint(ctx)
	for _, p := range problems {
		c.report(file, "dockerfile", p.Place, "%s", p.Message)
	}
	return err
}

type dockerfileKey string

type parsedDockerfile struct {
	*dockerfile.File
	err error
}

// dockerfileOf parses a Dockerfile once. It is nil if the file has no text.
func dockerfileOf(tree *validate.Tree, file string) (*dockerfile.File, error) {
	parsed := validate.Shared(tree, dockerfileKey(file), func(t *validate.Tree) parsedDockerfile {
		text, ok := t.Text(file)
		if !ok {
			return parsedDockerfile{}
		}
		d, err := dockerfile.Parse(text)
		return parsedDockerfile{d, err}
	})
	return parsed.File, parsed.err
}

// image checks an image from a registry.
func (c containerCheck) image(file string, at dockerfile.Place, instruction, ref string, fix *validate.Fix) {
	if own, ok := strings.CutPrefix(ref, c.Images+"/"); ok && c.Images != "" {
		if end := strings.IndexAny(own, ":@"); end >= 0 {
			own = own[:end]
		}
		if !c.HasFolder(path.Join(image.Root, own)) {
			c.report(file, "own-base", at, "%s of %s, but the folder %s does not exist", instruction, ref, path.Join(image.Root, own))
		}
	}
	named, err := reference.ParseNormalizedNamed(ref)
	if err != nil {
		return // the linter reports this
	}
	if _, digested := named.(reference.Digested); digested {
		return
	}
	why := ""
	switch tagged, ok := named.(reference.Tagged); {
	case !ok:
		why = "which has no tag"
	case tagged.Tag() == "latest":
		why = "whose tag is not a version"
	default:
		return
	}
	c.Report(validate.Finding{
		Path: file, Line: at.Line, Column: at.Column, Rule: "base",
		Message: fmt.Sprintf("%s of %s, %s", instruction, ref, why), Do: versioned(instruction, strings.TrimSuffix(ref, ":latest")), Fix: fix,
	})
}

// digestFix adds the digest of the image that an instruction names without a version, if a registry has it. A name without a tag may be a
// misspelled stage, except in FROM.
func (c containerCheck) digestFix(ctx context.Context, file string, i dockerfile.Image) *validate.Fix {
	text, ok := c.Text(file)
	if !c.Fix || c.Site.Digest == nil || !ok || i.End == 0 || i.End > len(text) || text[i.Start:i.End] != i.Reference {
		return nil
	}
	named, err := reference.ParseNormalizedNamed(i.Reference)
	if err != nil || !reference.IsNameOnly(named) && !strings.HasSuffix(i.Reference, ":latest") || reference.IsNameOnly(named) && i.Instruction != "FROM" {
		return nil
	}
	digest := c.Site.Digest(ctx, reference.TagNameOnly(named).String())
	if digest == "" {
		return nil
	}
	pinned := strings.TrimSuffix(i.Reference, ":latest") + ":latest@" + digest
	return &validate.Fix{Edits: []validate.Edit{{Start: i.Start, End: i.End, New: pinned}}}
}

// versioned says how to write an image with a version, in its instruction.
func versioned(instruction, name string) string {
	how, or := map[string]string{"FROM": "FROM ", "COPY --from": "COPY --from=", "RUN --mount": "--mount=from=", "//blumeops:base": "//blumeops:base "}[instruction], ""
	if strings.HasPrefix(how, "COPY") || strings.HasPrefix(how, "--mount") {
		or = "; or the name of a stage of this Dockerfile"
	}
	return fmt.Sprintf("Write %s%s:VERSION with a tag that the registry has, or %s@sha256:DIGEST%s.", how, name, name, or)
}

// sources checks the files that are copied into an image.
func (c containerCheck) sources(dir string, sources []dockerfile.Source) {
	left := c.ignored(dir)
	for _, s := range sources {
		if !c.Has(path.Join(dir, s.Path)) {
			c.report(dir+"/Dockerfile", "copy", s.Place, "%s of %q, which is not in %s", s.Instruction, s.Path, dir)
		} else if left(s.Path) {
			c.report(dir+"/Dockerfile", "copy", s.Place, "%s of %q, which .dockerignore excludes", s.Instruction, s.Path)
		}
	}
}

// ignored returns a function for the files that a .dockerignore certainly leaves out. As in BuildKit, exceptions turn this off: they may
// apply to a file below.
func (c containerCheck) ignored(dir string) func(name string) bool {
	nothing := func(string) bool { return false }
	for _, base := range []string{"Dockerfile.dockerignore", ".dockerignore"} {
		file := path.Join(dir, base)
		text, ok := c.Text(file)
		if !ok {
			continue
		}
		patterns, err := ignorefile.ReadAll(strings.NewReader(text))
		if err != nil {
			c.report(file, "ignore", dockerfile.Place{}, "cannot be read: %s", err)
			return nothing
		}
		for _, p := range patterns {
			if _, err := patternmatcher.New([]string{p}); err != nil {
				c.report(file, "ignore", c.lineOf(text, p), "invalid pattern %q", p)
				return nothing
			}
		}
		matcher, err := patternmatcher.New(patterns)
		if err != nil || matcher.Exclusions() {
			return nothing
		}
		return func(name string) bool {
			match, err := matcher.MatchesOrParentMatches(name)
			return err == nil && match && name != "."
		}
	}
	return nothing
}

// lineOf is the line of a pattern, which has been cleaned.
func (c containerCheck) lineOf(text, pattern string) dockerfile.Place {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if at := strings.Index(line, strings.TrimLeft(pattern, "!/")); at >= 0 {
			return dockerfile.Place{Line: n, Column: len([]rune(line[:at])) + 1}
		}
	}
	return dockerfile.Place{}
}

const servicesFile = "service-versions.yaml"

// services compares the versions of containers with service-versions.yaml.
func (c containerCheck) services(found []image.Container) {
	text, ok := c.Text(servicesFile)
	if !ok {
		return
	}
	list, problems := container.ParseServices(text)
	for _, p := range problems {
		c.report(servicesFile, "services", p.Place, "%s", p.Message)
	}
	named, claimed := map[string]int{}, map[string]bool{}
	for _, s := range list {
		if first := named[s.Name]; first > 0 {
			c.report(servicesFile, "services", s.Place, "%s occurs twice in the list, first in line %d", s.Name, first)
		} else {
			named[s.Name] = s.Line
		}
		claimed[s.Container] = claimed[s.Container] || s.Mapped.Line > 0
	}
	folders := map[string]image.Container{}
	for _, one := range found {
		folders[string(one.Name)] = one
	}
	for _, s := range list {
		isMapped := s.Mapped.Line > 0
		one, ok := folders[s.Container]
		switch {
		case isMapped && s.Container != "" && !c.Has(path.Join(image.Root, s.Container)):
			c.report(servicesFile, "services", s.Mapped, "%s has the container %q, but the folder %s does not exist", s.Name, s.Container, path.Join(image.Root, s.Container))
		case ok && one.Version != "" && isMapped == claimed[s.Container]:
			c.compare(s, one)
		}
	}
}

func (c containerCheck) compare(s container.Service, one image.Container) {
	if strings.TrimPrefix(s.Version, "v") == strings.TrimPrefix(one.Version, "v") || strings.Contains(one.Version, "$") {
		return
	}
	is := s.Version
	if is == "" {
		is = "null"
	}
	c.report(servicesFile, "disagrees", s.Place, "%s has the version %s, but %s:%d has %s", s.Name, is, one.VersionAt.File, one.VersionAt.Line, one.Version)
}
