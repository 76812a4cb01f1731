package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Project is the project of the lab's Applications, in which the account ci has its rights.
const Project = "lab"

// Accounts of programs.
const (
	AccountRelease = "ci"     // may see and sync
	AccountReader  = "reader" // may see
)

// policy has all rights: others are refused. Any account may query its own rights (can-i).
var policy = strings.Join([]string{
	"p, role:see, applications, get, " + Project + "/*, allow",
	"p, role:release, applications, sync, " + Project + "/*, allow",
	"g, " + AccountRelease + ", role:see",
	"g, " + AccountRelease + ", role:release",
	"g, " + AccountReader + ", role:see",
}, "\n") + "\n"

const (
	argoNamespace = "argocd"
	argoObjects   = "/apis/argoproj.io/v1alpha1/namespaces/" + argoNamespace
	argoCore      = "/api/v1/namespaces/" + argoNamespace
	projectPath   = argoObjects + "/appprojects/" + Project
)

// createSettings creates the objects that Argo CD requires in the cluster. Argo CD itself makes the server key and the administrator's password.
func (a *ArgoCD) createSettings(ctx context.Context, module string) error {
	err := a.cluster.Apply(ctx, argoCore, object{
		"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": argoNamespace},
	})
	if err != nil {
		return err
	}
	group, together := errgroup.WithContext(ctx)
	for _, kind := range []string{"application", "appproject"} {
		group.Go(func() error { return a.createDefinition(together, module, kind) })
	}
	group.Go(func() error { return a.createSetDefinition(together) })
	group.Go(func() error {
		return a.applySetting(together, "configmaps", "ConfigMap", "argocd-cm", object{
			"url":                        a.URL(),
			"accounts." + AccountRelease: "apiKey",
			"accounts." + AccountReader:  "apiKey",
		})
	})
	group.Go(func() error {
		return a.applySetting(together, "configmaps", "ConfigMap", "argocd-rbac-cm", object{"policy.csv": policy, "policy.default": ""})
	})
	group.Go(func() error { return a.applySetting(together, "secrets", "Secret", "argocd-secret", nil) })
	group.Go(func() error { return a.allowSync(together) })
	if err := group.Wait(); err != nil {
		return err
	}
	return a.cluster.Apply(ctx, projectPath, object{
		"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
		"metadata": object{"name": Project, "namespace": argoNamespace},
		"spec": object{
			"description":              "All that the lab deploys",
			"sourceRepos":              []string{"*"},
			"destinations":             []object{{"server": "*", "namespace": "*"}},
			"clusterResourceWhitelist": []object{{"group": "*", "kind": "*"}},
			"syncWindows":              []object{}, // removes a window of the last time
		},
	})
}

// applySetting applies one of the objects with Argo CD's settings. Other owners' fields in it stay.
func (a *ArgoCD) applySetting(ctx context.Context, resource, kind, name string, data object) error {
	document := object{
		"apiVersion": "v1", "kind": kind,
		"metadata": object{
			"name": name, "namespace": argoNamespace,
			"labels": object{"app.kubernetes.io/part-of": "argocd"}, // it ignores objects without this label
		},
	}
	if data != nil {
		document["data"] = data
	}
	return a.cluster.Apply(ctx, argoCore+"/"+resource+"/"+name, document)
}

const definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"

// createDefinition applies one of Argo CD's kinds to the cluster, and waits until it is served.
func (a *ArgoCD) createDefinition(ctx context.Context, module, kind string) error {
	definition, err := os.ReadFile(filepath.Join(module, "manifests", "crds", kind+"-crd.yaml"))
	if err != nil {
		return err
	}
	path := definitions + kind + "s.argoproj.io"
	if err := a.cluster.Apply(ctx, path, definition); err != nil {
		return err
	}
	return a.waitUntilServed(ctx, path)
}

// createSetDefinition does that for ApplicationSets; Argo CD's server only needs an empty list of them. Their own definition is a megabyte, which takes
// the API server ten seconds and 100 MB.
func (a *ArgoCD) createSetDefinition(ctx context.Context) error {
	const path = definitions + "applicationsets.argoproj.io"
	err := a.cluster.Apply(ctx, path, object{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": object{"name": "applicationsets.argoproj.io"},
		"spec": object{
			"group": "argoproj.io", "scope": "Namespaced",
			"names": object{
				"kind": "ApplicationSet", "listKind": "ApplicationSetList", "plural": "applicationsets", "singular": "applicationset",
			},
			"versions": []object{{
				"name": "v1alpha1", "served": true, "storage": true,
				"schema": object{"openAPIV3Schema": object{"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
			}},
		},
	})
	if err != nil {
		return err
	}
	return a.waitUntilServed(ctx, path)
}

// waitUntilServed waits until the API has the kind of a definition.
func (a *ArgoCD) waitUntilServed(ctx context.Context, path string) error {
	return waitUntil(ctx, path+" is established", func(ctx context.Context) error {
		var definition struct {
			Status struct {
				Conditions []struct{ Type, Status, Message string }
			}
		}
		if err := a.cluster.Get(ctx, path, &definition); err != nil {
			return err
		}
		for _, c := range definition.Status.Conditions {
			if c.Type == "Established" && c.Status == "True" {
				return nil
			}
		}
		return fmt.Errorf("%v", definition.Status.Conditions)
	})
}
