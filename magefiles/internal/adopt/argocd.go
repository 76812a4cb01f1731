package adopt

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

// argoCD lists the Applications, and derives the address if an Ingress or a route names one.
func (p *Plan) argoCD(objects []object, texts []text) {
	var names []string
	first := ""
	for _, o := range objects {
		if strings.HasPrefix(o.APIVersion, "argoproj.io/") && (o.Kind == "Application" || o.Kind == "ApplicationSet") {
			if names = append(names, cmp.Or(o.Name, "?")); first == "" {
				first = place(o.file, o.Node.Line)
			}
		}
	}
	address, at := argoAddress(texts)
	if len(names) == 0 {
		used := argoUse(texts)
		if used == "" {
			p.add("ArgoCDURL", "none", "no Application was found")
			return
		}
		from := used + " uses Argo CD, and no Application could be read; none, if it is not used"
		if address != "" {
			from += "; the address is in " + at
		}
		p.add("ArgoCDURL", address, from)
		return
	}
	from := fmt.Sprintf("%s, such as %s (%s)", count(len(names), "Application"), names[0], first)
	if address != "" {
		from += "; the address is in " + at
	}
	p.add("ArgoCDURL", address, from)
}

// argoUses are texts of a repository that has Argo CD: its chart, or an Application in a template or a chart's values.
var argoUses = regexp.MustCompile(`argoproj\.github\.io/argo-helm|(?m)^\s*kind: Application(?:Set)?\s*$`)

// argoUse is the first file that says so; "" if there is none.
func argoUse(texts []text) string {
	for _, t := range texts {
		if ext := path.Ext(t.name); (ext == ".yaml" || ext == ".yml") && argoUses.MatchString(t.text) && (strings.Contains(t.text, "argoproj.io") || strings.Contains(t.text, "argo-helm")) {
			return t.name
		}
	}
	return ""
}

// argoHost is a host with the usual name in an address, or in a flag of the argocd command.
var argoHost = regexp.MustCompile(`(?:https://|--server[ =])(argocd\.[A-Za-z0-9.-]*[A-Za-z0-9](?::\d+)?)`)

// argoAddress is the address that occurs most often, and the place of its first occurrence.
func argoAddress(texts []text) (address, at string) {
	counts, first := map[string]int{}, map[string]string{}
	for _, t := range texts {
		for _, m := range argoHost.FindAllStringSubmatchIndex(t.text, -1) {
			host := t.text[m[2]:m[3]]
			if counts[host]++; counts[host] == 1 {
				first[host] = place(t.name, 1+strings.Count(t.text[:m[0]], "\n"))
			}
		}
	}
	best := ""
	for _, host := range slices.Sorted(maps.Keys(counts)) {
		if counts[host] > counts[best] {
			best = host
		}
	}
	if best == "" {
		return "", ""
	}
	return "https://" + best, first[best]
}
