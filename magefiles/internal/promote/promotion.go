package promote

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// promotion is the state of one run of Promote.
type promotion struct {
	Promote
	branch   gitops.Branch
	args     tasks.PromoteArgs
	checking bool // there is no image yet

	ref          image.Reference
	digest       string
	changes      []vcs.Change
	base, commit string // of the branch, before and after; base is "" if there was nothing to change, and the checkout is still updated
	result       Result
}

// lookUp finds the digest. For a missing version the error lists existing ones.
func (p *promotion) lookUp(ctx context.Context) error {
	if p.args.Version == VersionNewest {
		tags, err := p.Registry.Tags(ctx, p.ref)
		if err != nil {
			return err
		}
		if p.ref.Tag = newestVersion(tags); p.ref.Tag == "" {
			return &NotHeldError{Reference: p.ref, Nearest: nearestVersions(tags, "v0.0.0", p.Channels)}
		}
	}
	found, ok, err := p.Registry.Look(ctx, p.ref)
	switch {
	case err != nil:
		return err
	case !ok:
		return p.notHeld(ctx)
	case p.args.Digest != "" && found.Digest != p.args.Digest:
		return &replacedError{p.ref, p.args.Digest, found.Digest}
	}
	p.digest = found.Digest
	return nil
}

func (p *promotion) notHeld(ctx context.Context) error {
	tags, err := p.Registry.Tags(ctx, p.ref)
	if err != nil {
		return err
	}
	return &NotHeldError{Reference: p.ref, Nearest: nearestVersions(tags, p.ref.Tag, p.Channels)}
}

// newestVersion is the highest vX.Y.Z; "" if there is none.
func newestVersion(tags []string) (newest string) {
	for _, tag := range tags {
		if versions.IsRelease(tag) && semver.Prerelease(tag) == "" && (newest == "" || semver.Compare(tag, newest) > 0) {
			newest = tag
		}
	}
	return newest
}

// nearestVersions are a few of the tags before and after a version, or the channels if there are no others.
func nearestVersions(tags []string, version string, known image.Channels) []string {
	const before, after = 2, 2
	var versions, channels []string
	for _, tag := range tags {
		switch v, err := known.Parse(tag); {
		case err != nil:
		case v.IsChannel():
			channels = append(channels, tag)
		default:
			versions = append(versions, tag)
		}
	}
	if len(versions) == 0 {
		return channels
	}
	slices.SortFunc(versions, semver.Compare)
	at, _ := slices.BinarySearchFunc(versions, version, semver.Compare)
	return versions[max(0, at-before):min(len(versions), at+after)]
}

// to is the image to write to the manifests.
func (p *promotion) to() manifest.Image {
	return manifest.Image{Name: p.ref.Name(), Tag: p.ref.Tag, Digest: p.digest}
}

// find makes the changes of the files that use the image.
func (p *promotion) find(context.Context) error {
	tree, err := p.Origin.Files(p.branch.Heads.Commit)
	if err != nil {
		return err
	}
	all, err := image.Uses(tree, p.Manifests, strings.TrimSuffix(p.ref.Name(), "/"+string(p.result.Name)))
	if err != nil {
		return err
	}
	p.changes, p.result.Uses = nil, []image.Use{}
	byFile := map[string][]int{}
	var files []string
	for _, use := range all[p.result.Name] {
		if byFile[use.File] == nil {
			files = append(files, use.File)
		}
		byFile[use.File] = append(byFile[use.File], use.Line)
	}
	over := overriding(tree, p.Manifests, files, p.ref.Name())
	for _, name := range files {
		if err := p.change(tree, name, byFile[name], over); err != nil {
			return err
		}
	}
	if len(p.result.Uses) == 0 {
		return &NoUseError{Image: p.ref.Name(), Folder: p.Manifests, Branch: p.branch.Heads.Branch}
	}
	return nil
}

// change makes the change of a file. lines are the lines that name the image for any purpose: those that do not deploy it are noted and
// left.
func (p *promotion) change(tree fs.FS, name string, lines []int, over overrides) error {
	if manifest.InChart(name, func(file string) bool { _, err := fs.Stat(tree, file); return err == nil }) {
		p.warn(fmt.Sprintf("%s names the image in a template of a Helm chart, and was not changed: set the version in the values of the chart", image.Use{File: name, Line: lines[0]}))
		return nil
	}
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return err
	}
	file := manifest.File{Path: name, Text: text}
	found, err := file.Images(p.ref.Name())
	if errors.Is(err, manifest.ErrSyntax) {
		p.warn(fmt.Sprintf("%s names the image, and was not changed: %v", image.Use{File: name, Line: lines[0]}, err))
		return nil
	}
	if err != nil {
		return err
	}
	renamed, err := file.Renames(p.ref.Name())
	if err != nil {
		return err
	}
	for _, line := range lines {
		if !renamed && !slices.ContainsFunc(found, func(u manifest.ImageUse) bool { return u.Line == line }) {
			p.warn(fmt.Sprintf("%s names the image outside of a container, and was not changed", image.Use{File: name, Line: line}))
		}
	}
	found = slices.DeleteFunc(found, func(u manifest.ImageUse) bool {
		if u.Template {
			p.warn(fmt.Sprintf("%s names the image in a template, and was not changed: set the version where the template reads it", image.Use{File: name, Line: u.Line}))
		}
		return u.Template
	})
	entries := slices.ContainsFunc(found, func(u manifest.ImageUse) bool { return u.Entry })
	if len(found) == 0 || !entries && over.of(name) {
		return nil
	}
	changed, err := file.PinImage(p.to())
	if err != nil {
		return err
	}
	for _, use := range found {
		p.result.Uses = append(p.result.Uses, image.Use{File: name, Line: use.Line})
	}
	if !bytes.Equal(changed, text) {
		p.changes = append(p.changes, vcs.Change{Path: name, Content: changed})
	}
	return nil
}

func (p *promotion) warn(sentence string) {
	if !p.checking {
		step.Say(p.Warn, sentence)
	}
}

// overrides are kustomizations: the files that each reaches, by folder, and whether it overrides the fields of an image.
type overrides struct {
	reach map[string][]string
	says  map[string]bool
	file  map[string]string
}

// overriding reads the kustomizations below a folder, that reach one of the files.
func overriding(tree fs.FS, below string, files []string, imageName string) overrides {
	o := overrides{map[string][]string{}, map[string]bool{}, map[string]string{}}
	_ = fs.WalkDir(tree, below, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !manifest.IsKustomization(name) {
			return nil // an unreadable kustomization overrides nothing
		}
		dir := path.Dir(name)
		reached := manifest.Reach(tree, dir, false)
		if !slices.ContainsFunc(files, func(f string) bool { return slices.Contains(reached, f) }) {
			return nil
		}
		text, err := fs.ReadFile(tree, name)
		if err != nil {
			return nil
		}
		o.reach[dir], o.file[dir] = reached, name
		o.says[dir], _ = manifest.File{Path: name, Text: text}.Renames(imageName)
		return nil
	})
	return o
}

// of reports whether every kustomization that deploys a file overrides the image in the file's fields, itself or by one that it includes or
// that includes it.
func (o overrides) of(file string) bool {
	any := false
	for dir, reached := range o.reach {
		if !slices.Contains(reached, file) {
			continue
		}
		covered := false
		for other := range o.reach {
			related := slices.Contains(o.reach[other], o.file[dir]) || slices.Contains(reached, o.file[other])
			covered = covered || o.says[other] && related && slices.Contains(o.reach[other], file)
		}
		if !covered {
			return false
		}
		any = true
	}
	return any
}

// findApplications finds the Applications that deploy the files.
func (p *promotion) findApplications(ctx context.Context) error {
	tree, err := p.Origin.Files(p.branch.Heads.Commit)
	if err != nil {
		return err
	}
	deployed, err := p.Applications.Deploying(ctx)
	if err != nil {
		return err
	}
	p.result.Applications = []string{}
	for _, d := range deployed {
		reached := manifest.Reach(tree, d.Folder, d.Recurse)
		if slices.ContainsFunc(p.result.Uses, func(u image.Use) bool { return slices.Contains(reached, u.File) }) {
			p.result.Applications = append(p.result.Applications, d.Application)
		}
	}
	slices.Sort(p.result.Applications)
	p.result.Applications = slices.Compact(p.result.Applications)
	if len(p.result.Applications) == 0 {
		return &noApplicationError{Image: p.ref.Name(), Uses: p.result.Uses}
	}
	var failed []error
	for _, name := range p.result.Applications {
		if err := p.Applications.Of(name).Check(ctx); err != nil {
			failed = append(failed, fmt.Errorf("application %s: %w", name, err))
		}
	}
	return errors.Join(failed...)
}

// push writes the version to the branch, if it is not there yet.
func (p *promotion) push(ctx context.Context) error {
	r := &p.result
	r.Version, r.Digest, r.Reference = p.ref.Tag, p.digest, p.ref.WithDigest(p.digest)
	if p.digest == unknownDigest {
		r.Digest, r.Reference = "", p.ref.String()
	}
	if r.Applications == nil {
		r.Applications = []string{}
	}
	p.base, p.commit, r.Commit, r.Status = "", p.branch.Heads.Commit, p.branch.Heads.Commit, step.StatusUnchanged
	if len(p.changes) == 0 {
		p.branch.Note(fmt.Sprintf("%s already names %s: nothing was pushed", p.branch.Heads.Branch, r.Reference))
		return nil
	}
	now := time.Now
	if p.Now != nil {
		now = p.Now
	}
	message := fmt.Sprintf("Promote %s to %s [skip ci]\n", r.Name, r.Version)
	commit, err := p.Origin.Commit(ctx, p.branch.Heads.Commit, p.changes, message, now())
	if err != nil {
		return err
	}
	if err := p.branch.Push(ctx, commit); err != nil {
		return err
	}
	p.base, p.commit, r.Commit, r.Status = p.branch.Heads.Commit, commit, commit, StatusPromoted
	if p.plan != nil {
		r.Commit, r.Status = "", step.StatusPlanned
	}
	return nil
}

// unknownDigest is the placeholder for the digest of an image that does not exist yet.
var unknownDigest = "sha256:" + strings.Repeat("0", 64)
