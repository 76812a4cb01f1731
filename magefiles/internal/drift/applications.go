package drift

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
)

func applications(p Applications, history History) validate.Check {
	return validate.Check{
		Name:   "applications",
		Covers: "Compares the Applications of Argo CD with the manifests, and with the history of the default branch.",
		Rules: []validate.Rule{
			{ID: "out-of-sync", What: "The cluster differs from the repository.", Do: "Sync it, or commit the manual change to the manifests."},
			{ID: "degraded", What: "The Application is not healthy.", Do: "Find the cause in Argo CD (argocd app get), and correct it."},
			{ID: "unreadable", What: "Argo CD cannot compare the Application: it cannot read the repository, or the manifests do not build.", Do: "Correct the cause in the message, such as the address or the credentials of the repository in Argo CD."},
			{ID: "absent", What: "The repository has an Application that Argo CD does not have.", Do: "Apply its manifest, or remove the manifest."},
			{ID: "stray", What: "Argo CD has an Application of this repository whose manifest is not in it.", Do: "Commit its manifest, or delete the Application."},
			{ID: "revision", What: "The last deployed commit is not on the default branch.", Do: "Merge it; or let the Application follow the default branch, and sync it."},
			{ID: "auto-sync", What: "The manifest turns automatic sync on, and in Argo CD it is off.", Do: "Apply the manifest of the Application again, or turn it off there."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			c := comparison{in: in, port: p, tree: manifestsIn(in.Tree, in.Manifests).applications()}
			if err := c.readLive(ctx); err != nil {
				return remote.Advised(err)
			}
			c.judgeLive()
			return errors.Join(c.judgeTree(ctx), c.judgeRevisions(ctx, history))
		},
	}
}

// comparison is one comparison of the Applications.
type comparison struct {
	in   *validate.Input
	port Applications
	tree []declared
	live []Live
}

func (c *comparison) readLive(ctx context.Context) (err error) {
	c.live, err = c.port.List(ctx)
	return err
}

// report reports a finding about a live Application: at its manifest, if there is one.
func (c *comparison) report(name, rule, message string) {
	f := validate.Finding{About: "application " + name, Rule: rule, Message: remote.Joined(message)}
	if i := slices.IndexFunc(c.tree, func(d declared) bool { return d.name == name }); i >= 0 {
		f.Path, f.Line, f.Column = c.tree[i].path, c.tree[i].line, c.tree[i].column
		f.About, f.Message = "", f.About+": "+f.Message
	}
	c.in.Report(f)
}

func (c *comparison) judgeLive() {
	for _, a := range c.live {
		switch {
		case a.Trouble != "":
			c.report(a.Name, "unreadable", a.Trouble)
		case a.Sync == "OutOfSync":
			c.report(a.Name, "out-of-sync", "is OutOfSync"+named(a.Differs))
		}
		if isBroken(a.Health) {
			c.report(a.Name, "degraded", "is "+a.Health)
		}
		// Without any Application in the tree, their manifests are in another repository, and none is a stray.
		if len(c.tree) > 0 && a.Owner == "" && c.isOurs(a) && !slices.ContainsFunc(c.tree, func(d declared) bool { return d.name == a.Name }) {
			c.report(a.Name, "stray", "deploys from this repository, but no manifest declares it")
		}
	}
}

// isBroken says that waiting does not make an Application healthy. The words are Argo CD's.
func isBroken(health string) bool { return health == "Degraded" || health == "Missing" }

// named lists the first few differences.
func named(differs []string) string {
	const shown = 3
	switch n := len(differs); {
	case n == 0:
		return ""
	case n > shown:
		return fmt.Sprintf(": %s and %d more", strings.Join(differs[:shown], ", "), n-shown)
	}
	return ": " + strings.Join(differs, ", ")
}

func (c *comparison) isOurs(a Live) bool {
	return slices.ContainsFunc(a.Repos, func(repo string) bool { return sameRepository(repo, c.in.ForgeURLs) })
}

// scheme matches the beginning of an address: the scheme of a URL and its user, or user@ of the short form for SSH.
var scheme = regexp.MustCompile(`^([a-z+]+://)?([^@/]*@)?`)

// sameRepository compares addresses in any form: SSH and HTTP, with or without .git, with or without a port.
func sameRepository(repo string, addresses []string) bool {
	plain := func(s string) string {
		s = scheme.ReplaceAllString(strings.ToLower(s), "")
		host, path, ok := strings.Cut(s, "/")
		if h, p, short := strings.Cut(host, ":"); short && !isNumber(p) {
			host, path, ok = h, strings.TrimSuffix(p+"/"+path, "/"), true
		} else if short {
			host = h
		}
		if !ok {
			return s
		}
		return host + "/" + strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	}
	return slices.ContainsFunc(addresses, func(a string) bool { return plain(a) == plain(repo) })
}

func isNumber(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// judgeTree searches the live Applications for those that the repository declares. A token without rights cannot tell a hidden one from a
// missing one.
func (c *comparison) judgeTree(ctx context.Context) error {
	var hidden []error
	for _, d := range c.tree {
		i := slices.IndexFunc(c.live, func(a Live) bool { return a.Name == d.name })
		if i >= 0 {
			if d.auto && !c.live[i].Auto {
				c.report(d.name, "auto-sync", "does not sync automatically")
			}
			continue
		}
		if err := c.port.MaySee(ctx, d.project, d.name); err != nil {
			hidden = append(hidden, fmt.Errorf("application %s: %w", d.name, remote.Advised(err)))
			continue
		}
		c.report(d.name, "absent", "is not in "+c.port.String())
	}
	return errors.Join(hidden...)
}

// judgeRevisions checks that deployed commits of this repository are on its default branch.
func (c *comparison) judgeRevisions(ctx context.Context, history History) error {
	ours := slices.DeleteFunc(slices.Clone(c.live), func(a Live) bool { return a.Revision == "" || len(a.Repos) != 1 || !c.isOurs(a) })
	if history == nil || len(ours) == 0 {
		return nil
	}
	refs, err := history.Refs(ctx)
	if err != nil {
		return remote.Advised(err)
	}
	tip, ok := refs.Heads[refs.Default]
	if !ok {
		return nil // a repository without a branch
	}
	has, err := history.Reached(ctx, []string{tip})
	if err != nil {
		return remote.Advised(err)
	}
	for _, a := range ours {
		on, err := has(a.Revision)
		if err != nil {
			return fmt.Errorf("application %s: %w", a.Name, remote.Advised(err))
		}
		if !on {
			c.report(a.Name, "revision", fmt.Sprintf("was deployed at %.12s, which is not on %s", a.Revision, refs.Default))
		}
	}
	return nil
}
