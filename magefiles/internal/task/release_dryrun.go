package task

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/diff"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// DryRun returns the same task without writes: it prints what would be written. All checks still run, and everything is really read.
func (r Release) DryRun(plan func(string)) Release {
	r.Docs = r.Docs.dryRun(plan)
	r.Builder = planSiteBuilder{r.Builder, plan}
	return r
}

func (d Docs) dryRun(plan func(string)) Docs {
	d.Origin = &planOrigin{Origin: d.Origin, plan: plan}
	d.Packages = &planPackages{Packages: d.Packages, plan: plan, sums: map[string]Sum{}}
	if d.Announcer != nil {
		d.Announcer = planAnnouncer{d.Announcer, plan}
	}
	if d.Deployer != nil {
		d.Deployer = planDeployer{d.Deployer, plan}
	}
	d.Watch, d.plan = nil, plan
	return d
}

// planSite prints the last steps.
func (d *delivery) planSite(context.Context) error {
	if !d.live {
		return nil
	}
	if d.Hook != nil {
		d.plan("would run the command in BLUMEOPS_DOCS_HOOK")
	}
	if d.Website != nil {
		d.plan(fmt.Sprintf("would wait until %s serves %s", d.Website, d.version))
	}
	return nil
}

// unbuilt replaces the website's archive, which a dry run does not build.
const unbuilt = "This replaces the archive of a website that was not built.\n"

var unbuiltSum = func() string { sum := sha256.Sum256([]byte(unbuilt)); return hex.EncodeToString(sum[:]) }()

// unhashed is a text without the hashes of files that were not built.
func unhashed(text string) string {
	return strings.NewReplacer(unbuiltSum, "SHA256-OF-THE-ARCHIVE", unbuiltSum[:shownHash], "HASH").Replace(text)
}

type planSiteBuilder struct {
	SiteBuilder
	plan func(string)
}

func (b planSiteBuilder) Build(_ context.Context, commit, version, date, file string) error {
	b.plan(fmt.Sprintf("would build the documentation of commit %.12s as %s of %s", commit, version, date))
	return os.WriteFile(file, []byte(unbuilt), 0o600)
}

// planPackages records the files that would be uploaded.
type planPackages struct {
	Packages
	plan func(string)
	sums map[string]Sum // by VERSION/FILE
}

func (p *planPackages) Upload(_ context.Context, version, file string, content io.ReaderAt, size int64) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(content, 0, size)); err != nil {
		return err
	}
	p.sums[version+"/"+file] = Sum{hex.EncodeToString(sum.Sum(nil)), size}
	p.plan(unhashed(fmt.Sprintf("would upload %s to the package of %s", file, version)))
	return nil
}

func (p *planPackages) Sum(ctx context.Context, version, file string) (Sum, error) {
	if sum, ok := p.sums[version+"/"+file]; ok {
		return sum, nil
	}
	return p.Packages.Sum(ctx, version, file)
}

func (p *planPackages) Delete(_ context.Context, version string) error {
	p.plan("would remove the package of " + version)
	return nil
}

// plannedCommit is the hash of the commit that a dry run does not make.
const plannedCommit = "planned"

// planOrigin is the repository with the one commit that would be made.
type planOrigin struct {
	Origin
	plan    func(string)
	base    string
	changes []vcs.Change
}

func (o *planOrigin) Commit(_ context.Context, base string, changes []vcs.Change, message string, _ time.Time) (string, error) {
	o.base, o.changes = base, changes
	o.plan(fmt.Sprintf("would commit on %.12s: %s", base, strings.TrimSpace(message)))
	tree, err := o.Origin.Files(base)
	if err != nil {
		return "", err
	}
	for _, c := range changes {
		old, err := fs.ReadFile(tree, c.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if c.Delete {
			o.plan("would delete " + c.Path)
			continue
		}
		o.plan(strings.TrimSuffix(unhashed(string(diff.Diff("a/"+c.Path, old, "b/"+c.Path, c.Content))), "\n"))
	}
	return plannedCommit, nil
}

func (o *planOrigin) Tag(_ context.Context, name, _, _ string, _ time.Time) (string, error) {
	o.plan("would tag that commit " + name)
	return plannedCommit, nil
}

func (o *planOrigin) Push(_ context.Context, p vcs.Push) error {
	what := p.Branch
	if p.Tag != "" {
		what += " and " + p.Tag
	}
	o.plan("would push " + what + " in one step")
	return nil
}

func (o *planOrigin) Adopt(_ context.Context, branch, base, _ string) (string, error) {
	if base != "" {
		o.plan("would update the checkout, if it is on " + branch + " without own commits and without changes")
	}
	return "", nil
}

func (o *planOrigin) Files(commit string) (fs.FS, error) {
	if commit != plannedCommit {
		return o.Origin.Files(commit)
	}
	tree, err := o.Origin.Files(o.base)
	return changedFiles{tree, o.changes}, err
}

// changedFiles is a tree with changes, for files that are read as a whole.
type changedFiles struct {
	fs.FS
	changes []vcs.Change
}

func (f changedFiles) ReadFile(name string) ([]byte, error) {
	for _, c := range f.changes {
		switch {
		case c.Path == name && c.Delete:
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		case c.Path == name:
			return c.Content, nil
		}
	}
	return fs.ReadFile(f.FS, name)
}

type planAnnouncer struct {
	Announcer
	plan func(string)
}

func (a planAnnouncer) Put(_ context.Context, _ string, what Announcement) (string, error) {
	a.plan("would announce " + what.Tag + ":\n" + what.Notes)
	return "", nil
}

type planDeployer struct {
	Deployer
	plan func(string)
}

func (d planDeployer) Deploy(_ context.Context, commit string, _ Contains) error {
	d.plan(fmt.Sprintf("would let Argo CD deploy commit %.12s or a later one, and wait until it is healthy", commit))
	return nil
}
