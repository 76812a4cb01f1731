// Package packagebuild builds the wheel and the sdist of a Python package into a folder: package:build.
package packagebuild

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
)

// Build builds a Python package from the working tree.
type Build struct {
	Files  fs.FS // the working tree
	Places python.Places
	// List lists the files of a folder of the working tree that git does not ignore, by slash path from the root.
	List    func(ctx context.Context, dir string) ([]string, error)
	Commit  image.Commit // that is checked out: the files in wheel and sdist get its time
	Builder python.Builder
	Watch   step.Watch
	Note    func(string) // if set, is called with notes for the user
}

// Result is the result of Build.
type Result struct {
	Name    python.Name `json:"name"`
	Version string      `json:"version"`
	Files   []File      `json:"files"`
}

// File is a file of the result.
type File struct {
	Path   string      `json:"path"`
	Kind   python.Kind `json:"kind"`
	SHA256 string      `json:"sha256"`
	Size   int64       `json:"size"`
}

// String is a line for each file.
func (r Result) String() string {
	lines := make([]string, len(r.Files))
	for i, f := range r.Files {
		lines[i] = f.Path + " sha256:" + f.SHA256
	}
	return strings.Join(lines, "\n")
}

// Outputs are the outputs of a CI job, by name. Lists are in the order of Files, and separated by a space.
func (r Result) Outputs() map[string]string {
	outputs := map[string]string{"package": string(r.Name) + "==" + r.Version, "version": r.Version}
	var paths, sums []string
	for _, f := range r.Files {
		outputs[string(f.Kind)] = f.Path
		paths, sums = append(paths, f.Path), append(sums, "sha256:"+f.SHA256)
	}
	outputs["files"], outputs["checksums"] = strings.Join(paths, " "), strings.Join(sums, " ")
	return outputs
}

// Summary is a line of Markdown for the page of a CI job.
func (r Result) Summary() string {
	text := fmt.Sprintf("- `%s==%s`", r.Name, r.Version)
	for _, f := range r.Files {
		text += fmt.Sprintf(", `%s` (sha256:%s)", f.Path, f.SHA256)
	}
	return text
}

// Run builds. It checks all arguments before it starts or writes anything.
func (b Build) Run(ctx context.Context, args tasks.PackageArgs) (_ Result, err error) {
	p, err := b.Places.Lookup(b.Files, args.Name)
	if err != nil {
		return Result{}, err
	}
	if err := checkOutput(args.Output); err != nil {
		return Result{}, err
	}
	w := building{Build: b, project: p, to: args.Output}
	if w.work, err = scratch.Make("", "blumeops-package-"); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, w.work.Remove()) }()
	err = step.Run(ctx, b.Watch, []step.Step{
		{Name: "read " + p.Dir, Run: w.stage},
		{Name: "build " + string(p.Name), Run: w.build},
		{Name: "write to " + args.Output, Run: w.write},
	})
	return w.result, err
}

// checkOutput refuses an output that cannot be a folder.
func checkOutput(dir string) error {
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		if info, err := os.Stat(filepath.Dir(filepath.Clean(dir))); err != nil || !info.IsDir() {
			return &image.InvalidError{What: "output", Input: dir, Reason: "the folder around it was not found; create it first"}
		}
	case err != nil:
		return err
	case !info.IsDir():
		return &image.InvalidError{What: "output", Input: dir, Reason: "is not a folder"}
	}
	return nil
}

// building is the state of one build.
type building struct {
	Build
	project python.Project
	to      string
	work    scratch.Dir
	dists   []python.Dist
	result  Result
}

func (w *building) source() string { return filepath.Join(w.work.Path, "source") }

func (w *building) stage(ctx context.Context) error {
	names, err := w.List(ctx, w.project.Dir)
	if err != nil {
		return err
	}
	return w.project.Stage(w.Files, names, w.source())
}

func (w *building) build(ctx context.Context) (err error) {
	version := w.project.Version
	if w.project.From == python.FromTag {
		if version, err = python.DevVersion(w.commit()); err != nil {
			return err
		}
		step.Say(w.Note, fmt.Sprintf("the version of %s comes from a tag when it is published: this build has version %s", w.project.Name, version))
	}
	w.dists, err = w.project.Build(ctx, w.Builder, python.Making{
		Source: w.source(), To: filepath.Join(w.work.Path, "dist"), Time: w.Commit.Time, Version: version, Note: w.Note,
	})
	return err
}

func (w *building) commit() string { return w.Commit.Hash[:min(len(w.Commit.Hash), 12)] }

// write copies the files to their place. Other files of the folder stay.
func (w *building) write(context.Context) error {
	if err := os.MkdirAll(w.to, 0o755); err != nil {
		return err
	}
	w.result = Result{Name: w.project.Name}
	for _, d := range w.dists {
		if err := place(d.Path, w.to, d.Name); err != nil {
			return err
		}
		w.result.Version = d.Metadata.Version.String()
		w.result.Files = append(w.result.Files, File{Path: filepath.Join(w.to, d.Name), Kind: d.Kind, SHA256: d.SHA256, Size: d.Size})
	}
	return nil
}

// place writes a temporary file and renames it, so that the file is never incomplete.
func place(from, to, name string) error {
	content, err := os.Open(from)
	if err != nil {
		return err
	}
	defer content.Close()
	made, err := scratch.Create(to, ".blumeops-package-")
	if err != nil {
		return err
	}
	defer made.Discard()
	if _, err := made.File.ReadFrom(content); err != nil {
		return err
	}
	if err := errors.Join(made.Chmod(0o644), made.Sync(), made.Close()); err != nil {
		return err
	}
	return os.Rename(made.Name(), filepath.Join(to, name))
}
