package app

import (
	"context"
	"os"
	"path"

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

// deployers is a promote.Applications: those of Argo CD.
type deployers struct {
	any  argo.Application // of no Application in particular
	ours []string         // addresses of the repository
}

func (d deployers) Of(name string) gitops.Deployer {
	one := d.any
	one.Name = name
	return one
}

// Deploying leaves out what follows a tag or a commit: it never deploys what is pushed to the branch.
func (d deployers) Deploying(ctx context.Context) ([]promote.DeployedFolder, error) {
	listed, err := d.any.Client.List(ctx)
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
