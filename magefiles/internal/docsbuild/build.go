// Package docsbuild builds the archive of the website: docs:build.
package docsbuild

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/scratch"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/tasks"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// Build makes the archive of the website.
type Build struct {
	Tree     fs.FS // the repository: a working tree, or a commit
	Settings Settings
	// Dates returns the dates of a file or of the files in a folder, by slash path from the root.
	Dates func(ctx context.Context, under string) (map[string]vcs.Dates, error)
	// Find reads the source of a generator, DIR or URL#REF. It fetches nothing.
	Find  func(text string) (Source, error)
	Sites Generators
	Watch step.Watch
	Note  func(string) // called with notes for the user; nil: no notes
}

// Settings are the site's settings of its docs.
type Settings struct {
	Dir      string // of the docs, a slash path from the root
	Site     docsite.Settings
	Source   string         // of Quartz, URL#COMMIT or a folder
	Image    string         // on which generators run
	Zone     *time.Location // of the shown dates; nil is UTC
	Channels image.Channels // versions of builds by hand; without a version it is dev
	Fragment []string       // slash paths from the root that are not pages, in addition to the folder of changelog fragments
}

// Source is the source of a generator.
type Source interface {
	fmt.Stringer
	// Pinned reports whether it is one commit.
	Pinned() bool
	// Fetch returns the source as files, which release removes.
	Fetch(context.Context) (dir, commit string, release func() error, err error)
}

// Generators runs the programs that make sites.
type Generators interface {
	// Check checks that a generator could be run, and runs none.
	Check(context.Context) error
	// Generate makes the site in the folder to, which must not exist.
	Generate(ctx context.Context, r docsite.Generation, to string) error
}

// Result is the result of Build.
type Result struct {
	File      string `json:"file"`
	Version   string `json:"version"`
	SHA256    string `json:"sha256"`
	Size      int64  `json:"size"`
	Generator string `json:"generator"`
	Source    string `json:"source,omitempty"` // of Quartz, with its commit if there is one
}

// String is one line; "" if nothing was built.
func (b Result) String() string {
	if b.File == "" {
		return ""
	}
	return b.File + " sha256:" + b.SHA256
}

// Run builds. It checks all arguments before it fetches or writes anything. The same docs, dates and generator give the same bytes.
func (b Build) Run(ctx context.Context, args tasks.DocsArgs) (built Result, err error) {
	d, err := b.parse(args)
	if err != nil {
		return Result{}, err
	}
	if d.work, err = scratch.Make("", "blumeops-docs-"); err != nil {
		return Result{}, err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	steps := []step.Step{{Name: "read " + b.Settings.Dir, Run: d.stage}}
	if d.source != nil {
		steps = append(steps, step.Step{Name: "fetch " + d.source.String(), Run: d.fetch})
	}
	steps = append(steps, step.Step{Name: "build docs", Run: d.build}, step.Step{Name: "write " + filepath.Base(d.file), Run: d.pack})
	if err := step.Run(ctx, b.Watch, steps); err != nil {
		return Result{}, err
	}
	return d.built, nil
}

// Check makes the checks of Run without the build: it looks for the generator's source and its base image.
func (b Build) Check(ctx context.Context, args tasks.DocsArgs) error {
	d, err := b.parse(args)
	if err != nil {
		return err
	}
	if d.source != nil {
		if err := d.fetch(ctx); err != nil {
			return errors.Join(err, d.close())
		}
	}
	return errors.Join(b.Sites.Check(ctx), d.close())
}

// Builder identifies the builder: the same builder makes the same archive from the same pages, dates, version and time.
func (b Build) Builder() string {
	s := b.Settings
	return strings.Join([]string{packing, s.Site.Generator, s.Site.Build, s.Site.Output, s.Source, s.Image, b.zone().String()}, "\n")
}

// packing changes whenever the same site gives another archive.
const packing = "2"

func (b Build) zone() *time.Location { return cmp.Or(b.Settings.Zone, time.UTC) }

// parse checks the arguments against the docs.
func (b Build) parse(args tasks.DocsArgs) (*building, error) {
	d := &building{Build: b, args: args}
	var err error
	channels := b.Settings.Channels
	if args.Version == "" {
		args.Version, channels = "dev", image.Channels{"dev"}
	}
	if d.version, err = channels.Parse(args.Version); err != nil {
		return nil, err
	}
	if d.file, err = archiveFile(cmp.Or(args.Output, "docs-"+d.version.String()+".tar.gz")); err != nil {
		return nil, err
	}
	if d.plan, err = docsite.Detect(b.Tree, b.Settings.Dir, b.Settings.Site); err != nil {
		return nil, err
	}
	if d.plan.Generator != docsite.Quartz {
		if args.Source != "" {
			return nil, &image.InvalidError{What: "source", Input: args.Source, Reason: "it is a source of Quartz, but " + b.Settings.Dir + " has its own generator in package.json"}
		}
		return d, nil
	}
	if d.source, err = b.Find(cmp.Or(args.Source, b.Settings.Source)); err != nil {
		return nil, err
	}
	return d, b.checkPin(args, d.source)
}

// checkPin refuses a branch as a setting: the site would change from day to day.
func (b Build) checkPin(args tasks.DocsArgs, s Source) error {
	if args.Source != "" || s.Pinned() || !strings.Contains(s.String(), "#") {
		return nil
	}
	return &image.InvalidError{What: "setting BLUMEOPS_DOCS_SOURCE", Input: s.String(),
		Reason: "it names a branch or a tag, which can move; write the full hash of the commit after # (git ls-remote URL shows it), or use docs:build -source= for one build"}
}

// archiveFile is the absolute path of the archive, after a check that it can be written.
func archiveFile(name string) (string, error) {
	refuse := func(reason string) (string, error) {
		return "", &image.InvalidError{What: "output", Input: name, Reason: reason}
	}
	if !strings.HasSuffix(name, ".tar.gz") || filepath.Base(name) == ".tar.gz" {
		return refuse("expected FILE.tar.gz")
	}
	file, err := filepath.Abs(name)
	if err != nil {
		return "", err
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return refuse("folder " + filepath.Dir(name) + " not found; create it first")
	}
	if info, err := os.Lstat(file); err == nil && !info.Mode().IsRegular() {
		return refuse("it exists, and is not a file; remove it, or give another name")
	}
	return file, nil
}

// building is the state of one build.
type building struct {
	Build
	args    tasks.DocsArgs
	version image.Version
	file    string // absolute
	plan    docsite.Plan
	source  Source // nil: the docs are the generator's own package
	work    scratch.Dir
	staged  docsite.Staged
	commit  string
	release func() error
	built   Result
}

func (d *building) close() error {
	err := d.work.Remove()
	if d.release != nil {
		err = errors.Join(err, d.release())
	}
	return err
}

func (d *building) site() string { return filepath.Join(d.work.Path, "site") }

// stage copies the docs with their dates.
func (d *building) stage(ctx context.Context) error {
	dates, err := d.Dates(ctx, d.Settings.Dir)
	if err != nil {
		return err
	}
	pages := docsite.Pages{Dates: dates, Time: d.args.Time, Skip: d.Settings.Fragment}
	if c, err := changelog.ParseConfig(d.Tree); err == nil { // without a readable configuration there are no fragments
		pages.Skip = append(slices.Clone(pages.Skip), c.Directory)
		if pages.Outside, err = d.changelogPages(ctx, c.Filename); err != nil {
			return err
		}
	}
	d.staged, err = docsite.Stage(d.Tree, d.plan, pages, filepath.Join(d.work.Path, "staged"))
	return err
}

// fetch fetches Quartz.
func (d *building) fetch(ctx context.Context) (err error) {
	dir, commit, release, err := d.source.Fetch(ctx)
	if err != nil {
		return err
	}
	d.release, d.commit, d.staged.Base = release, commit, dir
	if err := docsite.CheckQuartz(os.DirFS(dir), d.source.String()); err != nil {
		return err
	}
	if d.Note != nil && len(d.plan.Config) == 0 {
		d.Note(d.plan.Dir + " has neither quartz.config.ts nor quartz.layout.ts: using the configuration of " + d.source.String())
	}
	if d.Note != nil && commit != "" && !d.source.Pinned() {
		d.Note(d.source.String() + " is at commit " + commit)
	}
	return nil
}

func (d *building) build(ctx context.Context) error {
	r := docsite.Generation{
		Base: d.staged.Base, Overlay: d.staged.Overlay, Times: d.staged.Times, Build: d.plan.Build, Output: d.plan.Output,
		Env: map[string]string{"SOURCE_DATE_EPOCH": strconv.FormatInt(d.args.Time.Unix(), 10)},
	}
	if zone := d.zone(); zone != time.Local { // time.Local has no name that another machine knows
		r.Env["TZ"] = zone.String()
	}
	if d.source != nil {
		r.Replaced = []string{"content", d.plan.Output} // a fork's own pages, and its output of an earlier build
	}
	return d.Sites.Generate(ctx, r, d.site())
}
