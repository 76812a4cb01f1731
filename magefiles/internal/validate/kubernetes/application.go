package kubernetes

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
)

// A Source is a part of a repository that an Argo CD Application deploys.
type Source struct {
	RepoURL, Revision string
	// Path is the folder, slash-separated from the repository's root; Node is the YAML node that states it.
	Path string
	Node *yaml.Node
	// File says that Path is a file of Helm values.
	File bool
}

// Sources are the sources of an Application, or of an ApplicationSet's template except those that are templated. Charts from a registry are
// left out.
func Sources(o Object) []Source {
	if !strings.HasPrefix(o.APIVersion, "argoproj.io/") {
		return nil
	}
	spec := field(o.Node, "spec")
	switch o.Kind {
	case "Application":
	case "ApplicationSet":
		spec = field(spec, "template", "spec")
	default:
		return nil
	}
	sources := items(spec, "sources")
	if single := field(spec, "source"); single != nil {
		sources = append(sources, single)
	}
	named := map[string]*yaml.Node{}
	for _, source := range sources {
		if ref := str(source, "ref"); ref != "" {
			named["$"+ref] = source
		}
	}
	var list []Source
	for _, source := range sources {
		list = appendSource(list, source, field(source, "path"), str(source, "path"), false)
		if str(source, "helm", "ignoreMissingValueFiles") == "true" {
			continue
		}
		for _, values := range items(source, "helm", "valueFiles") {
			ref, below, ok := strings.Cut(values.Value, "/")
			switch from := named[ref]; {
			case ok && from != nil:
				list = appendSource(list, from, values, below, true)
			case str(source, "path") != "" && !strings.HasPrefix(values.Value, "$") && !strings.Contains(values.Value, "://"):
				below = path.Join(str(source, "path"), values.Value)
				if path.IsAbs(values.Value) {
					below = strings.TrimPrefix(values.Value, "/") // relative to the repository's root
				}
				list = appendSource(list, source, values, below, true)
			}
		}
	}
	return list
}

func appendSource(list []Source, from, node *yaml.Node, path string, file bool) []Source {
	s := Source{RepoURL: str(from, "repoURL"), Revision: str(from, "targetRevision"), Path: path, Node: node, File: file}
	if node == nil || node.Kind != yaml.ScalarNode || path == "" || str(from, "chart") != "" {
		return list
	}
	if strings.Contains(s.RepoURL+s.Revision+s.Path, "{{") || strings.ContainsAny(s.Path, "*$") {
		return list
	}
	return append(list, s)
}

var frozen = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^refs/tags/|^[0-9a-f]{7,40}$|^[~^<>=v]*\d+(\.|$)|-\d+\.\d+`)
})

// Moves says whether the source follows a branch, so that this checkout shows what it will deploy.
func (s Source) Moves() bool { return !frozen().MatchString(s.Revision) }

// In says whether the source's repository has one of the addresses; it is true if there are no addresses. Scheme, user, port and .git are
// ignored.
func (s Source) In(addresses []string) bool {
	for _, address := range addresses {
		if repository(address) == repository(s.RepoURL) {
			return true
		}
	}
	return len(addresses) == 0
}

// repository is HOST/OWNER/NAME of an address: https, ssh, or scp's form (git@host:owner/name).
func repository(address string) string {
	host, below := "", ""
	if u, err := url.Parse(address); err == nil && u.Host != "" {
		host, below = u.Hostname(), u.Path
	} else if before, after, ok := strings.Cut(address, ":"); ok {
		host, below = before[strings.LastIndexByte(before, '@')+1:], after
	} else {
		below = address
	}
	return strings.ToLower(host) + "/" + strings.TrimSuffix(strings.Trim(below, "/"), ".git")
}

// A Branch is a branch that an Application, or a generator of an ApplicationSet, follows in a repository.
type Branch struct {
	Name string
	Node *yaml.Node
}

// Tag is the name if the revision is a tag: a revision may be a branch or a tag.
func (b Branch) Tag() string { return strings.TrimPrefix(b.Name, "refs/tags/") }

// Branches are the branches that an object follows in the repositories with these addresses. Tags, commits, version ranges, templates and
// HEAD are left out.
func Branches(o Object, addresses []string) (found []Branch) {
	if !strings.HasPrefix(o.APIVersion, "argoproj.io/") || len(addresses) == 0 || o.Kind != "Application" && o.Kind != "ApplicationSet" {
		return nil
	}
	var look func(n *yaml.Node, depth int)
	look = func(n *yaml.Node, depth int) {
		if depth > maxSources {
			return
		}
		for _, key := range []string{"targetRevision", "revision"} {
			at := field(n, key)
			if at == nil || at.Kind != yaml.ScalarNode || str(n, "repoURL") == "" || str(n, "chart") != "" {
				continue
			}
			s := Source{RepoURL: str(n, "repoURL"), Revision: at.Value}
			if s.In(addresses) && s.Moves() && s.Revision != "" && s.Revision != "HEAD" && !strings.ContainsAny(s.Revision, "{*") {
				found = append(found, Branch{strings.TrimPrefix(s.Revision, "refs/heads/"), at})
			}
		}
		for _, child := range n.Content {
			look(child, depth+1)
		}
	}
	if spec := field(o.Node, "spec"); spec != nil {
		look(spec, 0)
	}
	return found
}

// maxSources is the maximum depth of sources: generators contain generators.
const maxSources = 20
