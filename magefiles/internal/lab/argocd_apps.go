package lab

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"path"
)

// AppSpec is an Application: the folder of a repository that is deployed, and its target.
type AppSpec struct {
	Name           string
	RepoURL        string
	Path           string // folder in the repository
	TargetRevision string // "" is HEAD
	Namespace      string // target of the deployment, created if necessary; "" is Name
	AutoSync       bool   // Argo CD syncs by itself, and deletes objects that are not in the repository any more
}

// App creates an Application in the project lab, or changes the existing one to the spec. It does not wait for Argo CD to compare it.
func (a *ArgoCD) App(ctx context.Context, s AppSpec) error {
	policy := object{"syncOptions": []string{"CreateNamespace=true"}}
	if s.AutoSync {
		policy["automated"] = object{"prune": true, "selfHeal": true}
	}
	return a.cluster.Apply(ctx, appPath(s.Name), object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
		"metadata": object{"name": s.Name, "namespace": argoNamespace},
		"spec": object{
			"project":     Project,
			"source":      object{"repoURL": s.RepoURL, "path": s.Path, "targetRevision": cmp.Or(s.TargetRevision, "HEAD")},
			"destination": object{"server": "https://kubernetes.default.svc", "namespace": cmp.Or(s.Namespace, s.Name)},
			"syncPolicy":  policy,
		},
	})
}

// AppsFor makes an Application for each folder of argocd/manifests in a repository, with the folder's name, deployed to the namespace of that
// name, and returns their names. The file system is the repository's.
func (a *ArgoCD) AppsFor(ctx context.Context, repoURL string, repository fs.FS) ([]string, error) {
	const manifests = "argocd/manifests"
	entries, err := fs.ReadDir(repository, manifests)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // a repository without manifests is valid
	}
	var names []string
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		if err := a.App(ctx, AppSpec{Name: e.Name(), RepoURL: repoURL, Path: path.Join(manifests, e.Name())}); err != nil {
			return nil, fmt.Errorf("application %s: %w", e.Name(), err)
		}
		names = append(names, e.Name())
	}
	return names, nil
}

// DeleteApp deletes an Application; its deployed objects stay.
func (a *ArgoCD) DeleteApp(ctx context.Context, name string) error {
	return a.cluster.Delete(ctx, appPath(name))
}

func appPath(name string) string { return argoObjects + "/applications/" + name }

// AddRepository gives Argo CD the credentials of a private repository over HTTP.
func (a *ArgoCD) AddRepository(ctx context.Context, repoURL, user, password string) error {
	name := fmt.Sprintf("repository-%.6x", sha256.Sum256([]byte(repoURL)))
	return a.cluster.Apply(ctx, argoCore+"/secrets/"+name, object{
		"apiVersion": "v1", "kind": "Secret",
		"metadata": object{
			"name": name, "namespace": argoNamespace,
			"labels": object{"argocd.argoproj.io/secret-type": "repository"},
		},
		"stringData": object{"type": "git", "url": repoURL, "username": user, "password": password},
	})
}
