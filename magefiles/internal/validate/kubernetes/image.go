package kubernetes

import (
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// podSpecs are the paths of pod specs in objects: Pod, Deployment and similar kinds, CronJob, PodTemplate.
var podSpecs = [][]string{{"spec"}, {"spec", "template", "spec"}, {"spec", "jobTemplate", "spec", "template", "spec"}, {"template", "spec"}}

// Images are the nodes of the images that an object's containers name.
func Images(o Object) []*yaml.Node {
	var list []*yaml.Node
	for _, where := range podSpecs {
		spec := field(o.Node, where...)
		for _, kind := range []string{"containers", "initContainers", "ephemeralContainers"} {
			for _, container := range items(spec, kind) {
				if image := field(container, "image"); image != nil && image.Kind == yaml.ScalarNode && image.Value != "" {
					list = append(list, image)
				}
			}
		}
	}
	return list
}

// SplitImage splits a reference to an image: NAME[:TAG][@DIGEST].
func SplitImage(reference string) (name, tag, digest string) {
	name, digest, _ = strings.Cut(reference, "@")
	if colon := strings.LastIndexByte(name, ':'); colon > strings.LastIndexByte(name, '/') {
		name, tag = name[:colon], name[colon+1:]
	}
	return name, tag, digest
}

// Unpinned says why a reference does not name a version: "" if it does, or if a tool fills it in later ($(IMAGE), {{.Image}}).
func Unpinned(reference string) string {
	_, tag, digest := SplitImage(reference)
	switch {
	case digest != "", strings.ContainsAny(reference, "${"):
		return ""
	case tag == "":
		return "has no tag, which means latest"
	case tag == "latest":
		return "has the tag latest"
	}
	return ""
}

var hexadecimal = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^g?[0-9a-f]{7,40}$`) })

// Commit is the abbreviated commit in a part of a tag (v1.2.3-ab34cbd, v1.2.3-ab34cbd-nix), or "". A part with only digits is a commit if
// it has 7 digits, git's default, or 40; 8 digits and more are dates.
func Commit(tag string) string {
	for _, part := range strings.FieldsFunc(tag, func(r rune) bool { return strings.ContainsRune("-_.+", r) }) {
		if !hexadecimal().MatchString(part) {
			continue
		}
		part = strings.TrimPrefix(part, "g") // the prefix of git describe
		digits := strings.ContainsAny(part, "0123456789")
		letters := strings.ContainsAny(part, "abcdef")
		if digits && letters || digits && (len(part) == 7 || len(part) == 40) {
			return part
		}
	}
	return ""
}
