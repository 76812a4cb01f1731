package packagepublish

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// Run publishes. Version is vX.Y.Z[-PRE], or patch, minor or major for the version after the newest one in the index.
func (p Publish) Run(ctx context.Context, name, version string) (_ Result, err error) {
	w := &publishing{Publish: p, name: name, asked: version}
	if w.bump, w.version, err = parse(version); err != nil {
		return Result{}, err
	}
	if w.name != python.Only {
		if _, err := python.ParseName(name); err != nil {
			return Result{}, err
		}
	}
	if w.work, err = scratch.Make("", "blumeops-package-"); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, w.work.Remove()) }()
	if err := step.Run(ctx, p.Watch, w.steps()); err != nil {
		return Result{}, err
	}
	return w.result(), nil
}

// parse reads a version or a bump.
func parse(text string) (versions.Bump, python.Version, error) {
	bump, version, err := versions.ParseBump(text)
	if err != nil || bump != "" {
		return bump, python.Version{}, err
	}
	parsed, err := python.Release(version)
	return "", parsed, err
}

// publishing is the state of one run.
type publishing struct {
	Publish
	name, asked string
	bump        versions.Bump
	version     python.Version

	commit  image.Commit
	project python.Project
	stored  []python.Stored // of the project, at the last look
	work    scratch.Dir
	dists   []python.Dist
	sent    map[string]bool
}

// steps are in the order of execution: all checks come before the build, and that of the content before the first upload.
func (w *publishing) steps() []step.Step {
	steps := []step.Step{
		{Name: "check the commit", Run: w.check},
		{Name: "read the index", Run: w.look},
		{Name: "choose the version", Run: w.choose},
	}
	if w.MayUpload != nil {
		steps = append(steps, step.Step{Name: "check that the index accepts files", Run: w.MayUpload})
	}
	if w.plan != nil {
		return append(steps, step.Step{Name: "plan", Run: w.say})
	}
	return append(steps,
		step.Step{Name: "read the commit", Run: w.stage},
		step.Step{Name: "build " + w.name, Run: w.build},
		step.Step{Name: "compare with the index", Run: w.compare},
		step.Step{Name: "upload", Run: w.upload},
		step.Step{Name: "read the index back", Run: w.verify},
	)
}

// check refuses to publish from a source that cannot be found again.
func (w *publishing) check(ctx context.Context) (err error) {
	if w.commit, err = w.Repo.Head(); err != nil {
		return err
	}
	if err := w.checkTag(ctx); err != nil {
		return err
	}
	changed, err := w.Repo.Changed(ctx)
	if err != nil {
		return err
	}
	if len(changed) > 0 {
		return errDirty(changed)
	}
	ok, branch, err := w.Repo.OnDefaultBranch(ctx, w.commit.Hash)
	if err != nil {
		return err
	}
	if !ok {
		return errBranch(w.commit.Hash, branch)
	}
	files, err := w.Repo.Recorded(w.commit.Hash)
	if err != nil {
		return err
	}
	w.project, err = w.Places.Lookup(files, w.name)
	return err
}

// checkTag refuses a tag that is not on HEAD. The forge's tag counts: a tag of this clone may be old, or made here.
func (w *publishing) checkTag(ctx context.Context) error {
	if w.Tag == "" {
		return nil
	}
	heads, err := w.Remote.Heads(ctx)
	if err != nil {
		return fmt.Errorf("read the tags of the forge: %w", err)
	}
	if commit := heads.Tags[w.Tag]; commit != w.commit.Hash {
		return errTag(w.Tag, commit, w.commit.Hash)
	}
	return nil
}

func (w *publishing) look(ctx context.Context) (err error) {
	w.stored, err = w.Index.Files(ctx, w.project.Name.Normalized())
	return err
}

// choose sets the version, and compares it with the one that pyproject.toml states.
func (w *publishing) choose(context.Context) error {
	if w.bump != "" {
		text, err := w.next()
		if err != nil {
			return err
		}
		if w.version, err = python.Release(text); err != nil {
			return err
		}
	}
	if w.project.From == python.FromFile && w.project.Version.Compare(w.version) != 0 {
		return errStated(w.project, w.asked, w.version)
	}
	return nil
}

// next is the version after the newest one in the index, or the newest one itself: if this commit states it, or if one of its two files is missing.
func (w *publishing) next() (string, error) {
	tags, kinds := w.storedTags()
	newest := versions.Newest(tags, false)
	if newest == "" {
		return w.bump.Next(tags)
	}
	v, err := python.Release(newest)
	switch {
	case err != nil:
		return "", err
	case w.project.From == python.FromFile && w.project.Version.Compare(v) == 0:
		return newest, nil
	case w.project.From != python.FromFile && len(kinds[newest]) == 1:
		step.Say(w.Note, fmt.Sprintf("the index has one of the two files of %s: this run completes it", newest))
		return newest, nil
	}
	return w.bump.Next(tags)
}

// storedTags are the versions in the index as tags, and the kinds of files of each.
func (w *publishing) storedTags() (tags map[string]string, kinds map[string]map[python.Kind]bool) {
	tags, kinds = map[string]string{}, map[string]map[python.Kind]bool{}
	for _, s := range w.stored {
		v, kind, ok := python.ParseFile(s.Name)
		if tag, err := v.Tag(); ok && err == nil {
			tags[tag] = ""
			if kinds[tag] == nil {
				kinds[tag] = map[python.Kind]bool{}
			}
			kinds[tag][kind] = true
		}
	}
	return tags, kinds
}

// free says how to publish the version after all of the index; "" if there is none. A bump would choose the version of one file again.
func (w *publishing) free() string {
	tags, _ := w.storedTags()
	tag, err := cmp.Or(w.bump, versions.Patch).Next(tags)
	if err != nil {
		return ""
	}
	v, err := python.Release(tag)
	if err != nil {
		return ""
	}
	if w.project.From == python.FromFile {
		return fmt.Sprintf("write version = %q in %s, commit it, and publish %s", v, w.project.File(), tag)
	}
	return fmt.Sprintf("publish %s, which is free", tag)
}

// say prints the plan of a dry run.
func (w *publishing) say(context.Context) error {
	w.plan(fmt.Sprintf("would build %s (%s) from commit %.12s", w.requirement(), w.project.Backend, w.commit.Hash))
	there := ""
	for _, s := range w.stored {
		if v, _, ok := python.ParseFile(s.Name); ok && v.Compare(w.version) == 0 {
			there += " " + s.Name
		}
	}
	if there == "" {
		w.plan("would upload its wheel and its sdist to " + w.Index.URL())
		return nil
	}
	w.plan(fmt.Sprintf("would compare it with the files that %s has already:%s, and upload missing ones", w.Index.URL(), there))
	return nil
}

// requirement is the package with its version, as pip reads it.
func (w *publishing) requirement() string { return string(w.project.Name) + "==" + w.version.String() }

func (w *publishing) stage(ctx context.Context) error {
	files, err := w.CheckOut(ctx, w.commit.Hash, w.project.Dir)
	if err != nil {
		return err
	}
	var names []string
	err = fs.WalkDir(files, w.project.Dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		return err
	}
	return w.project.Stage(files, names, filepath.Join(w.work.Path, "source"))
}

func (w *publishing) build(ctx context.Context) (err error) {
	w.dists, err = w.project.Build(ctx, w.Builder, python.Making{
		Source: filepath.Join(w.work.Path, "source"), To: filepath.Join(w.work.Path, "dist"), Time: w.commit.Time, Version: w.version, Note: w.Note,
	})
	return err
}

// state is the state of a file in the index: stored with the same content, or not stored. Another content is a *TakenError.
func (w *publishing) state(d python.Dist) (stored bool, err error) {
	for _, s := range w.stored {
		if s.Name != d.Name {
			continue
		}
		if s.SHA256 != d.SHA256 {
			return true, &TakenError{Index: w.Index.URL(), File: d.Name, Found: s.SHA256, Ours: d.SHA256, Do: w.free()}
		}
		return true, nil
	}
	return false, nil
}

// compare refuses both files if the index has another content of one. It reads the index again: a build takes long.
func (w *publishing) compare(ctx context.Context) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	complete := true
	for _, d := range w.dists {
		stored, err := w.state(d)
		if err != nil {
			return err
		}
		complete = complete && stored
	}
	if complete {
		step.Say(w.Note, w.requirement()+" is already published with this content: nothing was uploaded")
		return step.ErrDone
	}
	return nil
}

// upload sends the missing files. If the index has one by then, another client was faster, or the answer to an earlier attempt was lost: the
// content that it has is compared in the next step.
func (w *publishing) upload(ctx context.Context) error {
	w.sent = map[string]bool{}
	for _, d := range w.dists {
		if stored, err := w.state(d); err != nil || stored {
			continue
		}
		if err := w.Index.Upload(ctx, d); err != nil && !errors.Is(err, python.ErrStored) {
			return err
		}
		w.sent[d.Name] = true
	}
	return nil
}

// verify reads both files back.
func (w *publishing) verify(ctx context.Context) error {
	if err := w.look(ctx); err != nil {
		return err
	}
	var missing []string
	for _, d := range w.dists {
		stored, err := w.state(d)
		if err != nil {
			return err
		}
		if !stored {
			missing = append(missing, d.Name)
		}
	}
	if len(missing) > 0 {
		return &refusal{fmt.Sprintf("%s accepted %s, but does not list it", w.Index.URL(), strings.Join(missing, " and ")), "run this again; if it fails again, read the log of the index"}
	}
	return nil
}

func (w *publishing) result() Result {
	tag, err := w.version.Tag()
	if err != nil { // Release made it from a tag
		tag = w.asked
	}
	r := Result{
		Name: w.project.Name, Version: tag, Package: w.requirement(), Index: w.Index.URL(), Revision: w.commit.Hash, Status: step.StatusUnchanged, Files: []File{},
	}
	for _, d := range w.dists {
		status := step.StatusUnchanged
		if w.sent[d.Name] {
			status, r.Status = StatusPublished, StatusPublished
		}
		r.Files = append(r.Files, File{d.Name, d.Kind, d.SHA256, status})
	}
	if w.plan != nil {
		r.Status = step.StatusPlanned
	}
	return r
}
