package argo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// explain returns an error that says why waiting longer does not help.
func (d *deployment) explain(a *application) error {
	v := d.last
	e := &Error{Problem: v.says, Resources: v.holding}
	switch {
	case v.stage == failed:
		e.Kind = ErrSyncFailed
		e.hint = "correct the manifest, or the policy that refuses it, then run this again"
	case v.stage == behind && commitHash.MatchString(a.Spec.Source.TargetRevision):
		e.Kind = ErrRevision
		e.hint = fmt.Sprintf("set its targetRevision to the default branch: now it stays at %s", short(a.Spec.Source.TargetRevision))
	case v.troubled:
		e.Kind = ErrCompare
		e.hint = "correct the manifests, or give Argo CD access to the repository (`argocd repo list`), then run this again"
	default:
		e.Kind, e.Problem = ErrPrune, "it is synced, but has resources that the repository no longer has"
		e.hint = "allow pruning, or delete them yourself, or annotate them with argocd.argoproj.io/compare-options: IgnoreExtraneous"
	}
	return d.fail(d.app, e)
}

// timeoutError returns an error with the last state before the timeout, and what to do.
func (d *deployment) timeoutError(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	v := d.last
	e := &Error{Kind: ErrTimeout, Resources: v.holding, err: d.trouble}
	e.Problem = fmt.Sprintf("%s is not deployed after %s", short(d.want.Commit), d.want.Timeout)
	if d.memory.newest != nil {
		e.Problem += ", " + v.says
		e.hint = d.remedy(v)
	}
	var trouble *Error
	if errors.As(d.trouble, &trouble) {
		e.Problem += " (" + trouble.Problem + ")"
		e.hint = trouble.hint
	} else if d.trouble != nil {
		e.Problem += " (" + d.caller().Clean(d.trouble.Error()) + ")"
	}
	if v.refused {
		e.err = errors.Join(ErrSyncFailed, d.trouble)
	}
	if v.stage == notHealthy {
		e.Resources = append(e.Resources, d.unhealthyChildren(ctx, v.holding)...)
	}
	e.hint = strings.TrimPrefix(e.hint+"; run this again to continue waiting", "; ")
	return d.fail(d.app, e)
}

// remedy is the advice for an Application that stays at a stage.
func (d *deployment) remedy(v verdict) string {
	switch {
	case v.refused:
		return "correct the cause: Argo CD retries by itself for a while"
	case v.stage == behind:
		return "check that the commit is pushed to the revision that the Application follows, and that Argo CD can read that repository"
	case v.stage == running:
		return "see what it waits for with `argocd app get " + d.app + "`, or end it with `argocd app terminate-op " + d.app + "`"
	case v.stage == differing:
		return "see how with `argocd app diff " + d.app + "`: declare the fields that the cluster fills in, or name them in ignoreDifferences"
	case v.stage == notHealthy && len(v.holding) > 0:
		r := v.holding[0]
		text := "see why with `kubectl describe " + r.Kind + " " + r.Name
		if r.Namespace != "" {
			text += " --namespace " + r.Namespace
		}
		return text + "`"
	case v.stage == notHealthy:
		return "see why with `argocd app get " + d.app + "`"
	case v.stage == comparing:
		return "check that Argo CD's application controller is running"
	default:
		return "sync it by hand with `argocd app sync " + d.app + "` to see why it does not sync"
	}
}

// unhealthyChildren are the unhealthy resources among those that the given ones made, such as pods, which often have the reason. Without an answer
// there are none.
func (d *deployment) unhealthyChildren(ctx context.Context, known []Resource) []Resource {
	const patience = 5 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var tree struct {
		Nodes []resource `json:"nodes"`
	}
	if err := d.once(ctx, get(d.app, "applications/"+d.app+"/resource-tree"), &tree); err != nil {
		return nil
	}
	var found []Resource
	for _, n := range tree.Nodes {
		if n.Health == nil || n.Health.Status == healthy || n.Health.Message == "" {
			continue
		}
		r := n.say(n.Health.Status, n.Health.Message)
		if !slices.ContainsFunc(known, r.same) {
			found = append(found, r)
		}
	}
	worstFirst(found)
	return found
}
