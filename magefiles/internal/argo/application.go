package argo

import (
	"regexp"
	"slices"
	"strconv"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
)

// application holds the fields that are read of an Application: pkg/apis/application/v1alpha1/types.go of Argo CD. All of it
// is foreign text.
type application struct {
	Metadata struct {
		Name            string `json:"name"`
		UID             string `json:"uid"`
		ResourceVersion string `json:"resourceVersion"`
	} `json:"metadata"`
	Spec struct {
		Project        string    `json:"project"`
		Source         source    `json:"source"`
		Sources        []source  `json:"sources"`
		SourceHydrator *struct{} `json:"sourceHydrator"`
		SyncPolicy     struct {
			Automated *struct {
				Enabled *bool `json:"enabled"`
				Prune   bool  `json:"prune"`
			} `json:"automated"`
		} `json:"syncPolicy"`
	} `json:"spec"`
	Operation *operation `json:"operation"` // requested or running
	Status    struct {
		Sync struct {
			Status   string `json:"status"`
			Revision string `json:"revision"`
		} `json:"sync"`
		Health struct {
			Status  string `json:"status"`
			Message string `json:"message"`
		} `json:"health"`
		Resources  []resource  `json:"resources"`
		Conditions []condition `json:"conditions"`
		History    []struct {
			Revision string `json:"revision"`
		} `json:"history"`
		ReconciledAt   time.Time       `json:"reconciledAt"` // when it was compared
		OperationState *operationState `json:"operationState"`
		Summary        struct {
			Images []string `json:"images"`
		} `json:"summary"`
	} `json:"status"`
}

type source struct {
	RepoURL        string `json:"repoURL"`
	Path           string `json:"path"`
	TargetRevision string `json:"targetRevision"`
	Chart          string `json:"chart"`
	Directory      struct {
		Recurse bool `json:"recurse"`
	} `json:"directory"`
}

type condition struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

type operation struct {
	Sync *struct {
		Revision  string     `json:"revision"`
		DryRun    bool       `json:"dryRun"`
		Resources []struct{} `json:"resources"` // not empty: a sync of only these
		Manifests []string   `json:"manifests"` // not empty: a sync of these instead of the repository's
	} `json:"sync"`
	InitiatedBy struct {
		Username  string `json:"username"`
		Automated bool   `json:"automated"`
	} `json:"initiatedBy"`
}

// operationState is the state of the running operation, or of the latest one.
type operationState struct {
	Operation  operation `json:"operation"`
	Phase      string    `json:"phase"`
	Message    string    `json:"message"`
	StartedAt  time.Time `json:"startedAt"`
	FinishedAt time.Time `json:"finishedAt"`
	SyncResult struct {
		Revision  string       `json:"revision"`
		Resources []syncResult `json:"resources"`
	} `json:"syncResult"`
}

type resource struct {
	Group           string  `json:"group"`
	Kind            string  `json:"kind"`
	Namespace       string  `json:"namespace"`
	Name            string  `json:"name"`
	Status          string  `json:"status"`
	Hook            bool    `json:"hook"`
	RequiresPruning bool    `json:"requiresPruning"`
	Health          *health `json:"health"`
}

type health struct {
	Status  string `json:"status"`
	Message string `json:"message"`
}

type syncResult struct {
	Group     string `json:"group"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	Status    string `json:"status"`
	Message   string `json:"message"`
	HookPhase string `json:"hookPhase"`
	HookType  string `json:"hookType"` // "" if it is not a hook
}

// Values of Argo CD and of its gitops-engine.
const (
	synced       = "Synced"
	outOfSync    = "OutOfSync"
	healthy      = "Healthy"
	progressing  = "Progressing"
	phaseSuccess = "Succeeded"
	phaseFailed  = "Failed"
	phaseError   = "Error"
)

// commitHash matches a whole hash of git, SHA-1 or SHA-256.
var commitHash = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)

// auto reports whether Argo CD syncs by itself, and whether it then deletes resources that are no longer in the
// repository.
func (a *application) auto() (on, prune bool) {
	automated := a.Spec.SyncPolicy.Automated
	if automated == nil || automated.Enabled != nil && !*automated.Enabled {
		return false, false
	}
	return true, automated.Prune
}

// whole reports whether an operation syncs all of the Application from its repository.
func (o operation) whole() bool {
	return o.Sync != nil && !o.Sync.DryRun && len(o.Sync.Resources) == 0 && len(o.Sync.Manifests) == 0
}

// trouble is the reason why Argo CD cannot compare, such as a manifest that does not parse.
func (a *application) trouble() string {
	for _, c := range a.Status.Conditions {
		if slices.Contains([]string{"ComparisonError", "InvalidSpecError", "UnknownError"}, c.Type) {
			return plain.OneLine(c.Message)
		}
	}
	return ""
}

// unhealthy are the resources whose health is not Healthy, the worst first.
func (a *application) unhealthy() []Resource {
	var found []Resource
	for _, r := range a.Status.Resources {
		if !r.Hook && r.Health != nil && r.Health.Status != healthy {
			found = append(found, r.say(r.Health.Status, r.Health.Message))
		}
	}
	worstFirst(found)
	return found
}

// worstFirst orders by health: broken resources before those in progress.
func worstFirst(list []Resource) {
	rank := func(r Resource) int {
		return slices.Index([]string{"Degraded", "Missing", "Unknown", "Suspended", progressing}, r.State)
	}
	slices.SortStableFunc(list, func(a, b Resource) int { return rank(a) - rank(b) })
}

// differing are the resources that differ from the repository. prune reports whether all of them only need to be deleted.
func (a *application) differing() (found []Resource, prune bool) {
	prune = true
	for _, r := range a.Status.Resources {
		if r.Hook || r.Status != outOfSync {
			continue
		}
		says := ""
		if r.RequiresPruning {
			says = "the repository no longer has it"
		}
		found = append(found, r.say(outOfSync, says))
		prune = prune && r.RequiresPruning
	}
	return found, prune && len(found) > 0
}

// pruned are the resources that a sync with pruning would delete.
func (a *application) pruned() []Resource {
	var found []Resource
	for _, r := range a.Status.Resources {
		if r.RequiresPruning {
			found = append(found, r.say(plain.OneLine(r.Status), "the repository no longer has it"))
		}
	}
	return found
}

func (r resource) say(state, message string) Resource {
	return Resource{
		Group: plain.OneLine(r.Group), Kind: plain.OneLine(r.Kind), Namespace: plain.OneLine(r.Namespace), Name: plain.OneLine(r.Name),
		State: plain.OneLine(state), Message: plain.OneLine(message),
	}
}

// refused are the resources that an operation could not apply, and hooks that failed.
func (s *operationState) refused() []Resource {
	return s.pick(func(r syncResult) string {
		if r.Status == "SyncFailed" {
			return r.Status
		}
		if r.HookPhase == phaseFailed || r.HookPhase == phaseError {
			return r.HookPhase
		}
		return ""
	})
}

// awaited are the hooks that a running operation waits for. Other resources stay Running when they are done.
func (s *operationState) awaited() []Resource {
	return s.pick(func(r syncResult) string {
		if r.HookType != "" && r.HookPhase == "Running" {
			return r.HookPhase
		}
		return ""
	})
}

func (s *operationState) pick(state func(syncResult) string) []Resource {
	var found []Resource
	for _, r := range s.SyncResult.Resources {
		if word := state(r); word != "" {
			at := resource{Group: r.Group, Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}
			found = append(found, at.say(word, r.Message))
		}
	}
	return found
}

// olderThan reports whether state b of the same Application was written after a.
func (a *application) olderThan(b *application) bool {
	if a.Metadata.UID != b.Metadata.UID {
		return false
	}
	mine, err := strconv.ParseUint(a.Metadata.ResourceVersion, 10, 64)
	theirs, other := strconv.ParseUint(b.Metadata.ResourceVersion, 10, 64)
	return err == nil && other == nil && mine < theirs
}
