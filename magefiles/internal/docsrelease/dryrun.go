package docsrelease

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// DryRun returns the same use case without writes: it prints what would be written. All checks still run, and everything is really read.
func (r Release) DryRun(plan func(string)) Release {
	r.Systems = r.Systems.dryRun(plan)
	r.Builder = planSiteBuilder{r.Builder, plan}
	return r
}

func (d Systems) dryRun(plan func(string)) Systems {
	d.Origin = gitops.PlanOrigin(d.Origin, func(text string) { plan(unhashed(text)) })
	d.Packages = &planPackages{Packages: d.Packages, plan: plan, sums: map[string]vcs.Sum{}}
	if d.Announcer != nil {
		d.Announcer = planAnnouncer{d.Announcer, plan}
	}
	if d.Deployer != nil {
		d.Deployer = gitops.PlanDeployer(d.Deployer, plan)
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
	Builder
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
	sums map[string]vcs.Sum // by VERSION/FILE
}

func (p *planPackages) Upload(_ context.Context, version, file string, content io.ReaderAt, size int64) error {
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(content, 0, size)); err != nil {
		return err
	}
	p.sums[version+"/"+file] = vcs.Sum{SHA256: hex.EncodeToString(sum.Sum(nil)), Size: size}
	p.plan(unhashed(fmt.Sprintf("would upload %s to the package of %s", file, version)))
	return nil
}

func (p *planPackages) Sum(ctx context.Context, version, file string) (vcs.Sum, error) {
	if sum, ok := p.sums[version+"/"+file]; ok {
		return sum, nil
	}
	return p.Packages.Sum(ctx, version, file)
}

func (p *planPackages) Delete(_ context.Context, version string) error {
	p.plan("would remove the package of " + version)
	return nil
}

type planAnnouncer struct {
	Announcer
	plan func(string)
}

func (a planAnnouncer) Put(_ context.Context, _ string, what vcs.Release) (string, error) {
	a.plan("would announce " + what.Tag + ":\n" + what.Notes)
	return "", nil
}
