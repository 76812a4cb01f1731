package docsrelease

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// delivery is the work after the push of a commit.
type delivery struct {
	Systems
	version      string
	commit, base string // and its parent; "" if this run has made no commit
	branch, tip  string // and the commit to which the checkout is moved
	pin          pin    // in the commit's manifest
	announced    bool   // the version must be announced
	live         bool   // the version must be deployed: the branch names it
	page         string
	notes        string
}

// steps are in the order of execution; each finds out by itself what is left to do. The name of a step may depend on the
// attempt.
func (d *delivery) steps(name func(string) string) []step.Step {
	steps := []step.Step{
		{Name: name("check the package"), Run: d.verifyPackage},
		{Name: name("update the checkout"), Run: d.fastForward},
	}
	if d.Announcer != nil {
		steps = append(steps, step.Step{Name: name("announce it"), Run: d.announce})
	}
	if d.Deployer != nil {
		steps = append(steps, step.Step{Name: name("deploy it"), Run: d.deploy})
	}
	if d.plan != nil {
		return append(steps, step.Step{Name: name("check the website"), Run: d.planSite})
	}
	if d.Hook != nil {
		steps = append(steps, step.Step{Name: name("run the hook"), Run: d.hook})
	}
	if d.Website != nil {
		steps = append(steps, step.Step{Name: name("check the website"), Run: d.seeSite})
	}
	return steps
}

// verifyPackage reads back the package in the commit's manifest.
func (d *delivery) verifyPackage(ctx context.Context) error {
	version, file, ok := d.Packages.Locate(d.pin.url)
	if !ok {
		return &pinError{d.version, d.pin.url}
	}
	found, err := d.Packages.Sum(ctx, version, file)
	missing := errors.Is(err, vcs.ErrNoFile)
	if err != nil && !missing {
		return err
	}
	if missing && d.commit != "" {
		if over, err := d.superseded(ctx); over || err != nil { // a later release has removed it
			return err
		}
	}
	if missing || found.SHA256 != d.pin.sum {
		return &storeError{Version: version, File: file, Want: vcs.Sum{SHA256: d.pin.sum, Size: found.Size}, Found: found, Missing: missing, Final: true}
	}
	return nil
}

// fastForward moves the user's checkout to the release. The release is done in any case, so an error here does not make it
// fail.
func (d *delivery) fastForward(ctx context.Context) error {
	return gitops.FastForward(ctx, d.Origin, d.note, d.branch, d.base, d.tip)
}

// section is the changelog's section of the version at the commit; "" if it has none.
func (d *delivery) section() (string, error) {
	tree, err := d.Origin.Files(d.commit)
	if err != nil {
		return "", err
	}
	config, err := changelog.ParseConfig(tree)
	if err != nil {
		return "", err
	}
	text, err := fs.ReadFile(tree, config.Filename)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	section, _ := changelog.FindSection(config, string(text), d.version)
	return section.Body, nil
}

// unannounced says what is missing in the announcement; "" for nothing.
func (d *delivery) unannounced(ctx context.Context) (string, error) {
	if d.Announcer == nil {
		return "", nil
	}
	found, ok, err := d.Announcer.Find(ctx, d.version)
	if err != nil {
		return "", err
	}
	if d.notes, err = d.section(); err != nil {
		return "", err
	}
	d.page = found.URL
	switch {
	case !ok:
		return "it is not announced", nil
	case found.Draft:
		return "its announcement is a draft", nil
	case !holds(found.Notes, d.notes):
		if found.Notes != "" {
			d.notes = found.Notes + "\n\n" + d.notes // text that somebody added stays
		}
		return "the section of the changelog is missing in its announcement", nil
	}
	return "", nil
}

// holds reports whether a text has the lines of another one; forges change line ends and blanks.
func holds(text, part string) bool {
	return strings.Contains(strings.Join(strings.Fields(text), " "), strings.Join(strings.Fields(part), " "))
}

func (d *delivery) announce(ctx context.Context) error {
	if !d.announced {
		return nil
	}
	gaps, err := d.unannounced(ctx)
	if err != nil || gaps == "" {
		return err
	}
	d.page, err = d.Announcer.Put(ctx, d.commit, vcs.Release{
		Tag: d.version, Title: d.version, Notes: d.notes, Prerelease: semver.Prerelease(d.version) != "",
	})
	return err
}

// contains is a function for Deployer.
func (d *delivery) contains(ctx context.Context, revision string) (bool, error) {
	return d.Origin.Contains(ctx, revision, d.commit)
}

func (d *delivery) deploy(ctx context.Context) error {
	if !d.live {
		return nil
	}
	return d.Deployer.Deploy(ctx, d.commit, d.contains)
}

func (d *delivery) hook(ctx context.Context) error {
	if !d.live {
		return nil
	}
	return d.Hook(ctx)
}

// Default durations of Docs.
const (
	defaultPatience = 5 * time.Minute
	defaultPoll     = 2 * time.Second
)

// seeSite waits until the website serves the version, or the branch names another one.
func (d *delivery) seeSite(ctx context.Context) error {
	if !d.live {
		return nil
	}
	begun, patience, poll := d.now(), d.Patience, d.Poll
	if patience <= 0 {
		patience = defaultPatience
	}
	if poll <= 0 {
		poll = defaultPoll
	}
	last := ""
	for first := true; ; first = false {
		serves, err := d.Website.Version(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil && serves == d.version {
			return nil
		}
		late := d.now().Sub(begun) >= patience
		if first || late || serves != last {
			if over, err := d.superseded(ctx); over || err != nil {
				return err
			}
		}
		if late {
			return &siteError{Site: d.Website.String(), Want: d.version, Serves: serves, Err: err, After: patience}
		}
		last = serves
		if err := d.sleep(ctx, poll); err != nil {
			return err
		}
	}
}

// superseded reports whether the branch names another version now, which the website then serves.
func (d *delivery) superseded(ctx context.Context) (bool, error) {
	heads, err := d.Origin.Look(ctx)
	if err != nil {
		return false, err
	}
	now, err := d.pinAt(heads.Commit)
	if err != nil || now == d.pin {
		return false, err
	}
	d.note(fmt.Sprintf("the branch now names %s, and no longer %s", now.url, d.version))
	return true, nil
}
