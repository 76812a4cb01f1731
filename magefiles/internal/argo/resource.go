package argo

import (
	"fmt"
	"strings"
)

// Resource is a resource of an Application that is not in the expected state.
type Resource struct {
	Group, Kind, Namespace, Name string

	State   string // its state, such as Progressing, OutOfSync or SyncFailed
	Message string // Argo CD's message; "" if there is none
}

// String returns text such as "Deployment docs/docs: Progressing: Waiting for rollout to finish".
func (r Resource) String() string {
	text := r.Kind + " "
	if r.Namespace != "" {
		text += r.Namespace + "/"
	}
	text += r.Name + ": " + r.State
	if r.Message != "" {
		text += ": " + r.Message
	}
	return text
}

// same reports whether both name the same resource.
func (r Resource) same(other Resource) bool {
	return r.Group == other.Group && r.Kind == other.Kind && r.Namespace == other.Namespace && r.Name == other.Name
}

// list names the first few.
func list(resources []Resource) string {
	const shown = 4
	var texts []string
	for _, r := range resources[:min(shown, len(resources))] {
		texts = append(texts, r.String())
	}
	text := strings.Join(texts, "; ")
	if more := len(resources) - shown; more > 0 {
		text += fmt.Sprintf("; and %d more", more)
	}
	return text
}
