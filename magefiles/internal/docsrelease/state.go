package docsrelease

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"path"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/step"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/versions"
)

// preflight checks all rights that a release requires, and reports all missing ones together.
func (r *releasing) preflight(ctx context.Context) error {
	return r.checkAll(ctx, r.checks(r.Announcer != nil))
}

// checks are the checks that do not depend on the version.
func (d Systems) checks(announced bool) []step.Step {
	steps := []step.Step{
		{Name: "check the permission to push", Run: d.Origin.CheckPush},
		{Name: "check the package store", Run: d.Packages.Check},
	}
	if announced {
		steps = append(steps, step.Step{Name: "check the forge's releases", Run: d.Announcer.Check})
	}
	if d.Deployer != nil {
		steps = append(steps, step.Step{Name: "check Argo CD", Run: d.Deployer.Check})
	}
	return steps
}

// checkAll runs all the steps, even if some of them fail.
func (d Systems) checkAll(ctx context.Context, steps []step.Step) error {
	var failed []error
	var passed []string
	for _, one := range steps {
		err := step.Run(ctx, d.Watch, []step.Step{one})
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = append(failed, err)
			continue
		}
		passed = append(passed, strings.TrimPrefix(one.Name, "check "))
	}
	if len(passed) > 0 {
		d.note("checked: " + strings.Join(passed, ", "))
	}
	return errors.Join(failed...)
}

func (r *releasing) look(ctx context.Context) (err error) {
	r.heads, err = r.Origin.Look(ctx)
	return err
}

// assess finds the newest version, and the missing parts of its release.
func (r *releasing) assess(ctx context.Context) (err error) {
	r.newest, r.gaps = newest{}, nil
	n := newest{version: versions.Newest(r.heads.Tags, r.request.withPre())}
	if n.version == "" {
		return nil
	}
	n.commit = r.heads.Tags[n.version]
	if n.pin, err = r.pinAtTag(n.commit); err != nil {
		return err
	}
	if n.own, err = r.isOwn(ctx, n); err != nil {
		return err
	}
	if n.own {
		head, err := r.pinAt(r.heads.Commit)
		if err != nil {
			return err
		}
		n.live = head == n.pin
		if r.gaps, err = r.missing(ctx, n); err != nil {
			return err
		}
	}
	r.newest = n
	return nil
}

// isOwn reports whether this program made a version: it is on the branch, with a manifest that names its own package.
func (r *releasing) isOwn(ctx context.Context, n newest) (bool, error) {
	if !r.isOf(n.pin, n.version) {
		return false, nil
	}
	return r.Origin.Contains(ctx, r.heads.Commit, n.commit)
}

// missing lists the missing parts of a version's release. The deployment does not count if the branch names another
// version.
func (r *releasing) missing(ctx context.Context, n newest) ([]string, error) {
	var gaps []string
	d := r.deliveryOf(n)
	if why, err := d.unannounced(ctx); err != nil {
		return nil, err
	} else if why != "" {
		gaps = append(gaps, why)
	}
	if !n.live {
		return gaps, nil
	}
	if r.Deployer != nil {
		deployed, why, err := r.Deployer.State(ctx, n.commit, d.contains)
		if err != nil {
			return nil, err
		}
		if !deployed {
			return append(gaps, "it is not deployed: "+why), nil
		}
	}
	if r.Website != nil {
		if serves, err := r.Website.Version(ctx); err != nil && ctx.Err() == nil {
			gaps = append(gaps, fmt.Sprintf("%s does not answer: %v", r.Website, err))
		} else if serves != n.version {
			gaps = append(gaps, fmt.Sprintf("%s serves %s", r.Website, cmp.Or(serves, "-")))
		}
	}
	return gaps, ctx.Err()
}

// decide sets the work to do according to the state.
func (r *releasing) decide(context.Context) error {
	news, err := r.news()
	if err != nil {
		return err
	}
	r.decision, err = decide(r.request, situation{tags: r.heads.Tags, gaps: r.gaps, news: news, raced: r.races > 0})
	if err != nil {
		return err
	}
	r.d = delivery{Systems: r.Systems}
	r.result = Released{Version: r.decision.version, Status: step.StatusUnchanged}
	if r.decision.goal != goalMake && r.newest.own {
		r.d = r.deliveryOf(r.newest)
		r.result.Commit, r.result.URL, r.result.SHA256 = r.newest.commit, r.newest.pin.url, r.newest.pin.sum
	}
	if r.decision.goal == goalFinish {
		if r.d.base, err = r.Origin.Parent(r.newest.commit); err != nil {
			return err
		}
	}
	r.tell()
	return nil
}

// tell notes the decision.
func (r *releasing) tell() {
	if r.decision.warn != "" {
		r.warn(r.decision.warn)
	}
	switch r.decision.goal {
	case goalMake:
		r.result.Status = StatusReleased
		r.note("releasing " + r.decision.version + ": " + cmp.Or(r.decision.why, "requested, although nothing is new"))
	case goalFinish:
		r.result.Status = StatusCompleted
		r.note(r.decision.why + "; finishing it")
		if r.races == 0 {
			r.note("run the same command again for the next version")
		}
	case goalNothing:
		r.note(r.decision.why)
		if r.newest.own && !r.newest.live {
			r.note("the manifest names another version: deploy this one with `docs:rollback " + r.newest.version + "`")
		}
	}
}

// news describes the changes since the newest version; "" for none.
func (r *releasing) news() (string, error) {
	config, fragments, err := r.fragmentsAt(r.heads.Commit)
	if err != nil {
		return "", err
	}
	now, err := r.sourceAt(r.heads.Commit, config)
	if err != nil {
		return "", err
	}
	var news []string
	if len(fragments) > 0 {
		news = append(news, fmt.Sprintf("%d changelog fragments", len(fragments)))
	}
	if r.newest.version == "" {
		return strings.Join(append(news, "there is no version yet"), ", "), nil
	}
	if was, err := r.sourceAt(r.newest.commit, config); err != nil {
		return "", err
	} else if was != now {
		news = append(news, r.Folder+" changed since "+r.newest.version)
	}
	return strings.Join(news, ", "), nil
}

func (r *releasing) fragmentsAt(commit string) (*changelog.Config, []changelog.Fragment, error) {
	tree, err := r.Origin.Files(commit)
	if err != nil {
		return nil, nil, err
	}
	config, err := changelog.ParseConfig(tree)
	if err != nil {
		return nil, nil, err
	}
	fragments, err := changelog.Read(tree, config)
	return config, fragments, err
}

// sourceAt is a hash of the sources of a commit's website: the folder of the documentation without the fragments.
func (r *releasing) sourceAt(commit string, c *changelog.Config) (string, error) {
	tree, err := r.Origin.Files(commit)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if err := r.addSource(sum, tree, commit, r.Folder, path.Clean(c.Directory)); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// addSource adds a folder. It opens only the folders on the way to the one that is left out.
func (r *releasing) addSource(sum hash.Hash, tree fs.FS, commit, folder, without string) error {
	if !strings.HasPrefix(without, folder+"/") {
		hash, err := r.Origin.Tree(commit, folder)
		fmt.Fprintf(sum, "%s %q\n", hash, folder)
		return err
	}
	entries, err := fs.ReadDir(tree, folder)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if name := path.Join(folder, e.Name()); name != without {
			if err := r.addSource(sum, tree, commit, name, without); err != nil {
				return err
			}
		}
	}
	return err
}

// changelogPage is the changelog as it is committed, which the site may have as a page.
func (r *releasing) changelogPage() ([]byte, error) {
	if !r.noted.Exists {
		return r.noted.Content(), nil
	}
	tree, err := r.Origin.Files(r.heads.Commit)
	if err != nil {
		return nil, err
	}
	return fs.ReadFile(tree, r.noted.File)
}

// key identifies a build: the same key gives the same website. A change of the changelog alone is not released, so
// sourceAt does not contain it.
func (r *releasing) key(ctx context.Context, c *changelog.Config) (string, error) {
	builder, err := r.Builder.Source(ctx)
	if err != nil {
		return "", err
	}
	source, err := r.sourceAt(r.heads.Commit, c)
	if err != nil {
		return "", err
	}
	page, err := r.changelogPage()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %s %q %q", source, r.request.date, r.decision.version, builder, page))
	return hex.EncodeToString(sum[:]), nil
}

func (r *releasing) deliveryOf(n newest) delivery {
	return delivery{Systems: r.Systems, version: n.version, commit: n.commit, branch: r.heads.Branch, pin: n.pin, announced: true, live: n.live, tip: r.heads.Commit}
}
