package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Faults that stop a deployment although every server works. Each function returns when the fault is in force, with a function that ends it.

// SyncWindow is a time in which syncing is forbidden, or the only time in which it is allowed.
type SyncWindow struct {
	Kind     string // deny or allow; "" is deny
	Schedule string // when it begins, in cron's format; "" is every minute, so that it is now
	Duration string // such as 1h; "" is 24h
}

// SyncWindow sets the only window of the project lab. It is in force when the server reports it; without an Application in the project there is
// no such report.
func (a *ArgoCD) SyncWindow(ctx context.Context, w SyncWindow) (restore func(context.Context) error, err error) {
	window := object{
		"kind": cmp.Or(w.Kind, "deny"), "schedule": cmp.Or(w.Schedule, "* * * * *"), "duration": cmp.Or(w.Duration, "24h"),
		"manualSync": false, "applications": []string{"*"},
	}
	if err := a.setWindows(ctx, []object{window}); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error { return a.setWindows(ctx, nil) }, nil
}

func (a *ArgoCD) setWindows(ctx context.Context, windows []object) error {
	if err := a.cluster.Patch(ctx, projectPath, object{"spec": object{"syncWindows": windows}}); err != nil {
		return err
	}
	var apps struct {
		Items []struct{ Metadata struct{ Name string } }
	}
	if err := a.cluster.Get(ctx, argoObjects+"/applications", &apps); err != nil || len(apps.Items) == 0 {
		return err
	}
	return waitUntil(ctx, "Argo CD knows the sync windows", func(ctx context.Context) error {
		var known struct{ AssignedWindows []struct{ Kind string } }
		path := "/api/v1/applications/" + apps.Items[0].Metadata.Name + "/syncwindows"
		if err := a.admin(ctx, http.MethodGet, path, nil, &known); err != nil {
			return err
		}
		if len(known.AssignedWindows) != len(windows) {
			return fmt.Errorf("found %d, expected %d", len(known.AssignedWindows), len(windows))
		}
		return nil
	})
}

// failSync is the name of the policy that refuses, and its message.
const (
	failSync     = "blumeops-lab-fail-sync"
	failSyncSays = "the lab refuses changes of Deployments"
	refusal      = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/" + failSync
	refusalWhere = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings/" + failSync
)

// FailSync makes the cluster refuse every change of Deployments in a namespace, so that a sync with such a change fails.
func (a *ArgoCD) FailSync(ctx context.Context, namespace string) (restore func(context.Context) error, err error) {
	err = a.cluster.Apply(ctx, refusal, object{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicy", "metadata": object{"name": failSync},
		"spec": object{
			"failurePolicy": "Fail",
			"matchConstraints": object{"resourceRules": []object{{
				"apiGroups": []string{"apps"}, "apiVersions": []string{"v1"}, "resources": []string{"deployments"},
				"operations": []string{"CREATE", "UPDATE"},
			}}},
			"validations": []object{{"expression": "false", "message": failSyncSays}},
		},
	})
	if err != nil {
		return nil, err
	}
	err = a.cluster.Apply(ctx, refusalWhere, object{
		"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingAdmissionPolicyBinding", "metadata": object{"name": failSync},
		"spec": object{
			"policyName":        failSync,
			"validationActions": []string{"Deny"},
			"matchResources": object{"namespaceSelector": object{
				"matchLabels": object{"kubernetes.io/metadata.name": namespace},
			}},
		},
	})
	if err != nil {
		return nil, err
	}
	if err := a.refusesDeployments(ctx, namespace, true); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		if err := a.allowSync(ctx); err != nil {
			return err
		}
		return a.refusesDeployments(ctx, namespace, false)
	}, nil
}

func (a *ArgoCD) allowSync(ctx context.Context) error {
	return errors.Join(a.cluster.Delete(ctx, refusalWhere), a.cluster.Delete(ctx, refusal))
}

// refusesDeployments waits until the cluster refuses, or again accepts, a Deployment in a dry run.
func (a *ArgoCD) refusesDeployments(ctx context.Context, namespace string, want bool) error {
	path := "/apis/apps/v1/namespaces/" + namespace + "/deployments?dryRun=All"
	labels := object{"app": "tried"}
	tried := object{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": object{"generateName": "tried-"},
		"spec": object{
			"selector": object{"matchLabels": labels},
			"template": object{
				"metadata": object{"labels": labels},
				"spec":     object{"containers": []object{{"name": "tried", "image": "tried"}}},
			},
		},
	}
	return waitUntil(ctx, fmt.Sprintf("the refusal of Deployments is %t", want), func(ctx context.Context) error {
		err := a.cluster.api().do(ctx, http.MethodPost, path, "application/json", tried, nil)
		if err != nil && !strings.Contains(err.Error(), failSyncSays) {
			return err
		}
		if refused := err != nil; refused != want {
			return fmt.Errorf("it is %t", refused)
		}
		return nil
	})
}

// HoldHealth keeps new pods from being placed, so that later deployments stay Progressing.
func (a *ArgoCD) HoldHealth(ctx context.Context) (restore func(context.Context) error, err error) {
	cordon := func(ctx context.Context, on bool) error {
		return a.cluster.Patch(ctx, nodePath, object{"spec": object{"unschedulable": on}})
	}
	return func(ctx context.Context) error { return cordon(ctx, false) }, cordon(ctx, true)
}
