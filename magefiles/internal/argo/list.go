package argo

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// Listed is an Application in a list, of any kind.
type Listed struct {
	State

	In      string   // namespace of the Application itself
	Repos   []string // addresses of its sources, each once
	Folders []Folder // folders of repositories that it deploys
	Owner   string   // the ApplicationSet that made it; "" if there is none
}

// Folder is a folder of a repository that an Application deploys.
type Folder struct {
	Repo     string // address
	Path     string // slash path from the repository's root
	Revision string // the followed revision, such as main; "" is HEAD
	Recurse  bool   // without a kustomization, the folders below count too
}

const (
	// listFields are the only requested fields of a list. Whole, a hundred Applications would be megabytes, and Argo CD supports only a few
	// fields, without conditions and revisions (pkg/apiclient/application/forwarder_overwrite.go).
	listFields = "items.metadata.name,items.metadata.namespace"
	// sideBySide is how many Applications are read in parallel.
	sideBySide = 8
)

// listing has the fields of an Application that List reads.
type listing struct {
	application
	Metadata struct {
		Name            string `json:"name"`
		Namespace       string `json:"namespace"`
		OwnerReferences []struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"ownerReferences"`
	} `json:"metadata"`
}

// List returns the Applications that the token may see, in the order of their names. It changes nothing. The error is an *Error, or why ctx ended.
func (c *Client) List(ctx context.Context) ([]Listed, error) {
	var answer struct {
		Items []listing `json:"items"`
	}
	query := url.Values{"fields": {listFields}}.Encode()
	if err := c.ask(ctx, request{method: http.MethodGet, path: "applications", query: query}, &answer); err != nil {
		return nil, err
	}
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(sideBySide)
	all := make([]Listed, len(answer.Items))
	for i, item := range answer.Items {
		group.Go(func() (err error) {
			all[i], err = c.whole(together, item)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(l Listed) bool { return l.Name == "" })
	slices.SortFunc(all, func(a, b Listed) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// whole reads one Application of a list. One that was deleted meanwhile has no name.
func (c *Client) whole(ctx context.Context, item listing) (Listed, error) {
	name := item.Metadata.Name
	if err := c.check(name); err != nil {
		return Listed{}, err
	}
	r := get(name, "applications/"+name)
	if item.Metadata.Namespace != "" {
		r.query = url.Values{"appNamespace": {item.Metadata.Namespace}}.Encode()
	}
	var a listing
	err := c.ask(ctx, r, &a)
	switch {
	case denialOf(err) != nil:
		return Listed{}, nil
	case err != nil:
		return Listed{}, err
	}
	return a.listed(), nil
}

func (l *listing) listed() Listed {
	l.application.Metadata.Name = plain.OneLine(l.Metadata.Name)
	found := Listed{State: l.state(), In: plain.OneLine(l.Metadata.Namespace)}
	for _, s := range append([]source{l.Spec.Source}, l.Spec.Sources...) {
		if repo := plain.OneLine(s.RepoURL); repo != "" && !slices.Contains(found.Repos, repo) {
			found.Repos = append(found.Repos, repo)
		}
		if s.RepoURL != "" && s.Path != "" && s.Chart == "" {
			found.Folders = append(found.Folders, Folder{plain.OneLine(s.RepoURL), plain.OneLine(s.Path), plain.OneLine(s.TargetRevision), s.Directory.Recurse})
		}
	}
	for _, o := range l.Metadata.OwnerReferences {
		if o.Kind == "ApplicationSet" {
			found.Owner = plain.OneLine(o.Name)
		}
	}
	return found
}

// MaySee reports whether the token may see an Application, which need not exist; Argo CD answers as if it did not exist if the token may
// not. hint is the advice if it may not. The error is an *Error, or why ctx ended.
func (c *Client) MaySee(ctx context.Context, project, app string) (may bool, hint string, err error) {
	if err := c.check(app); err != nil {
		return false, "", err
	}
	a := &application{}
	a.Metadata.Name, a.Spec.Project = app, project
	if may, err = c.allowed(ctx, a, "get"); may || err != nil {
		return may, "", err
	}
	return false, fmt.Sprintf("add to policy.csv of argocd-rbac-cm: p, %s, applications, get, %s/%s, allow", c.account(ctx), plain.OneLine(a.project()), app), nil
}
