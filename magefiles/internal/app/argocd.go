package app

import (
	"context"
	"os"
	"path"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/gitops"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/promote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// argoCD is a client of Argo CD that makes so many attempts; 0 is its default.
func (a *App) argoCD(attempts int) *argo.Client {
	return &argo.Client{
		BaseURL: a.ArgoCDAddress(os.Getenv), Token: a.argoToken, HTTP: a.http(), Log: a.console.Note, Retry: argo.Retry{Attempts: attempts},
	}
}

// deployer is a gitops.Deployer: an Application of Argo CD.
type deployer struct {
	client  *argo.Client
	app     string
	timeout time.Duration
	tell    func(line string)
}

func (d deployer) Check(ctx context.Context) error {
	_, err := d.client.Preflight(ctx, d.app)
	return err
}

func (d deployer) State(ctx context.Context, commit string, contains gitops.Contains) (deployed bool, why string, err error) {
	deployed, says, err := d.client.Deployed(ctx, d.app, argo.Want{Commit: commit, Contains: contains})
	return deployed, "Argo CD reports for " + d.app + ": " + says, err
}

func (d deployer) Deploy(ctx context.Context, commit string, contains gitops.Contains) error {
	_, err := d.client.Deploy(ctx, d.app, argo.Want{
		Commit: commit, Contains: contains, Timeout: d.timeout, Progress: func(p argo.Progress) { d.tell(p.String()) },
	})
	return err
}

// deployers is a promote.Applications: those of Argo CD.
type deployers struct {
	any  deployer // of no Application in particular
	ours []string // addresses of the repository
}

func (d deployers) Of(name string) gitops.Deployer {
	one := d.any
	one.app = name
	return one
}

// Deploying leaves out what follows a tag or a commit: it never deploys what is pushed to the branch.
func (d deployers) Deploying(ctx context.Context) ([]promote.DeployedFolder, error) {
	listed, err := d.any.client.List(ctx)
	if err != nil {
		return nil, err
	}
	var all []promote.DeployedFolder
	for _, app := range listed {
		for _, f := range app.Folders {
			if source := (kubernetes.Source{RepoURL: f.Repo, Revision: f.Revision}); source.In(d.ours) && source.Moves() {
				all = append(all, promote.DeployedFolder{Application: app.Name, Folder: path.Clean(f.Path), Recurse: f.Recurse})
			}
		}
	}
	return all, nil
}
