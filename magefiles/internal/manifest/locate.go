package manifest

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Place says which value, in the terms of Kubernetes. Each kind of place is a type here.
type Place interface {
	fmt.Stringer
	// find reports to the search all places in a document that match.
	find(s *search, document *yaml.Node)
	// missing is the text to write into the file so that the place is found.
	missing() string
}

// Env is an environment variable of a container with its value in the manifest.
type Env struct {
	Variable string
}

// String names the place in messages.
func (e Env) String() string {
	return "variable " + e.Variable + " in the env of a container"
}

func (e Env) missing() string {
	return fmt.Sprintf("add to the container's env: {name: %s, value: \"\"}", e.Variable)
}

func (e Env) find(s *search, document *yaml.Node) {
	for _, resource := range s.resources(document) {
		for _, container := range s.containers(resource) {
			for _, variable := range s.items(s.get(container, "env")) {
				if s.text(variable, "name") == e.Variable {
					s.hit(variable, "value")
				}
			}
		}
	}
}

// resources is the document's resource, or those of a list (kubectl get -o yaml).
func (s *search) resources(n *yaml.Node) []*yaml.Node {
	if !strings.HasSuffix(s.text(n, "kind"), "List") {
		return []*yaml.Node{n}
	}
	var all []*yaml.Node
	for _, item := range s.items(s.get(n, "items")) {
		all = append(all, s.resources(item)...)
	}
	return all
}

// podSpecs are where resources hold the specification of their pods: Pod; Deployment, StatefulSet, DaemonSet, Job and their
// like; CronJob.
var podSpecs = [][]string{
	{"spec"},
	{"spec", "template", "spec"},
	{"spec", "jobTemplate", "spec", "template", "spec"},
}

// containers are those of a resource's pods, init containers first.
func (s *search) containers(resource *yaml.Node) []*yaml.Node {
	var all []*yaml.Node
	for _, path := range podSpecs {
		spec := resource
		for _, key := range path {
			spec = s.get(spec, key)
		}
		all = append(all, s.items(s.get(spec, "initContainers"))...)
		all = append(all, s.items(s.get(spec, "containers"))...)
	}
	return all
}
