package lab

import (
	"fmt"
	"slices"
	"strings"
)

// Part is a server of the lab, or a group of servers.
type Part string

// The parts, in the order in which they start.
const (
	PartRegistry Part = "registry" // CNCF distribution
	PartImages   Part = "images"   // base images in the registry, made on this machine
	PartForge    Part = "forge"    // Gitea, which has Forgejo's API
	PartRunner   Part = "runner"   // of the forge's workflows, on this machine
	PartArgoCD   Part = "argocd"   // Argo CD on a Kubernetes API, and the site that it deploys
)

// AllParts is every part.
var AllParts = []Part{PartRegistry, PartImages, PartForge, PartRunner, PartArgoCD}

// needs are the parts that a part requires.
var needs = map[Part][]Part{PartImages: {PartRegistry}, PartRunner: {PartForge}, PartArgoCD: {PartForge}}

// ParseParts reads a list such as "registry,forge". It adds the parts that a part requires; an empty list is all parts.
func ParseParts(list string) ([]Part, error) {
	if strings.TrimSpace(list) == "" {
		return AllParts, nil
	}
	var asked []Part
	for name := range strings.SplitSeq(list, ",") {
		part := Part(strings.TrimSpace(name))
		if !slices.Contains(AllParts, part) {
			return nil, fmt.Errorf("unknown part %q of the lab: expected %s", part, JoinParts(AllParts))
		}
		asked = append(append(asked, part), needs[part]...)
	}
	var parts []Part
	for _, part := range AllParts {
		if slices.Contains(asked, part) {
			parts = append(parts, part)
		}
	}
	return parts, nil
}

// JoinParts writes a list that ParseParts reads.
func JoinParts(parts []Part) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = string(p)
	}
	return strings.Join(names, ",")
}

// Mode is the access mode of the lab's registry.
type Mode string

// The modes.
const (
	ModeOpen       Mode = "open"        // no password for any request
	ModeUsers      Mode = "users"       // a password for every request
	ModeCreateOnly Mode = "create-only" // tags can be made, but neither moved nor deleted nor put again
)

// ParseMode reads a mode; "" is ModeOpen.
func ParseMode(name string) (Mode, error) {
	switch m := Mode(name); m {
	case "":
		return ModeOpen, nil
	case ModeOpen, ModeUsers, ModeCreateOnly:
		return m, nil
	}
	return "", fmt.Errorf("unknown mode %q of the lab's registry: expected %s, %s or %s", name, ModeOpen, ModeUsers, ModeCreateOnly)
}
