package kubernetes

import (
	"net/url"
	"path"
	"regexp"
	"strings"
	"sync"

	"sigs.k8s.io/kustomize/api/types"
)

// references checks everything that a kustomization names.
func (k *Kustomization) references(r *Repository) {
	s := &k.spec
	for _, name := range s.Resources {
		k.resource(r, name)
	}
	for _, name := range s.Components {
		k.component(r, name)
	}
	for _, list := range [][]string{s.Crds, s.Configurations} {
		for _, name := range list {
			k.file(r, name, &k.Data)
		}
	}
	for _, list := range [][]string{s.Generators, s.Transformers, s.Validators} {
		for _, name := range list {
			if p := path.Join(k.Folder, name); !strings.Contains(name, "\n") && r.HasFile(p) {
				k.Data = append(k.Data, p)
			}
		}
	}
	k.patches(r)
	for _, replacement := range s.Replacements {
		if replacement.Path != "" {
			k.file(r, replacement.Path, &k.Data)
		}
	}
	for _, generator := range s.ConfigMapGenerator {
		k.sources(r, generator.KvPairSources)
	}
	for _, generator := range s.SecretGenerator {
		k.sources(r, generator.KvPairSources)
	}
}

func (k *Kustomization) patches(r *Repository) {
	for _, patch := range k.spec.Patches {
		switch text := patch.Patch; {
		case patch.Path != "":
			k.file(r, patch.Path, &k.Patches)
		case isRemote(text) && !strings.Contains(text, "\n"), text != "" && !strings.ContainsAny(text, "\n:{["):
			k.file(r, text, &k.Patches) // an entry of patchesStrategicMerge that does not exist
		default:
			k.inline(text)
		}
	}
	for _, name := range k.Patches {
		if len(r.Parse(name).Problems) > 0 {
			k.Aside = "has a patch that is not YAML"
		}
	}
}

// inline checks a patch inside the kustomization as patches in files are checked.
func (k *Kustomization) inline(text string) {
	if _, problems := Parse(text); len(problems) > 0 {
		k.problem(k.nodes[text], RuleKustomize, "the patch in line %d: %s", problems[0].Line, problems[0].Message)
	}
}

func (k *Kustomization) sources(r *Repository, s types.KvPairSources) {
	for _, source := range s.FileSources {
		name := source
		if _, after, ok := strings.Cut(source, "="); ok {
			name = after
		}
		if p := path.Join(k.Folder, name); r.HasFolder(p) && name != "" {
			continue // each file in the folder is data
		}
		k.named(r, source, name, &k.Data)
	}
	for _, source := range s.EnvSources {
		k.file(r, source, &k.Data)
	}
	if s.EnvSource != "" {
		k.file(r, s.EnvSource, &k.Data)
	}
}

// file requires a file in or below the folder. kustomize refuses any other.
func (k *Kustomization) file(r *Repository, name string, list *[]string) {
	k.named(r, name, name, list)
}

func (k *Kustomization) named(r *Repository, said, name string, list *[]string) {
	p, ok := k.join(said, name)
	switch {
	case !ok:
	case !r.HasFile(p):
		k.problem(k.nodes[said], RuleKustomize, "file %s not found", quote(p))
	case k.Folder != "." && !strings.HasPrefix(p, k.Folder+"/"):
		k.problem(k.nodes[said], RuleKustomize, "%s is not below the kustomization's folder: kustomize refuses it", quote(p))
	default:
		*list = append(*list, p)
	}
}

// join is the path of a file that a kustomization names. ok is false, with a problem, if the file is remote or outside of the repository.
func (k *Kustomization) join(said, name string) (p string, ok bool) {
	switch p = path.Join(k.Folder, name); {
	case isRemote(name):
		k.Aside = "reads from the network"
		if why := unpinned(name); why != "" {
			k.problem(k.nodes[said], RuleRemote, "%s %s", quote(name), why)
		}
	case path.IsAbs(name), p == "..", strings.HasPrefix(p, "../"), name == "":
		k.problem(k.nodes[said], RuleKustomize, "%s is not in the repository", quote(name))
	default:
		return p, true
	}
	return p, false
}

func (k *Kustomization) resource(r *Repository, name string) {
	switch p, ok := k.join(name, name); {
	case !ok:
	case r.HasFile(p):
		k.named(r, name, name, &k.Files)
		if len(r.Parse(p).Problems) > 0 {
			k.Aside = "has a resource that is not YAML"
		}
	case r.HasFolder(p):
		k.include(r, name, p)
	default:
		k.problem(k.nodes[name], RuleKustomize, "file or folder %s not found", quote(p))
	}
}

func (k *Kustomization) component(r *Repository, name string) {
	switch p, ok := k.join(name, name); {
	case !ok:
	case !r.HasFolder(p):
		k.problem(k.nodes[name], RuleKustomize, "folder %s not found", quote(p))
	default:
		k.include(r, name, p)
	}
}

func (k *Kustomization) include(r *Repository, name, folder string) {
	for _, file := range FileNames() {
		if r.HasFile(path.Join(folder, file)) {
			k.Includes = append(k.Includes, folder)
			return
		}
	}
	k.problem(k.nodes[name], RuleKustomize, "folder %s has no kustomization", quote(folder))
}

var remote = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)^(git::|https?:|github\.com[/:]|[a-z][a-z0-9-]*@)|://`)
})

// isRemote says whether kustomize would download name. It may be true for more names than kustomize downloads, never for fewer.
func isRemote(name string) bool { return remote().MatchString(name) }

var (
	versioned = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\d+\.\d+|^v\d+$|^[0-9a-f]{7,40}$`) })
	branches  = map[string]bool{"main": true, "master": true, "HEAD": true, "latest": true, "stable": true, "develop": true, "trunk": true}
)

// unpinned says why the content at an address may change.
func unpinned(address string) string {
	before, query, _ := strings.Cut(address, "?")
	if values, err := url.ParseQuery(query); err == nil {
		ref := values.Get("ref")
		if ref == "" {
			ref = values.Get("version")
		}
		switch {
		case branches[ref]:
			return "follows " + ref + ", expected a tag or a commit"
		case ref != "":
			return ""
		}
	}
	for _, part := range strings.Split(before, "/") {
		if branches[part] {
			return "follows " + part + ", expected a tag or a commit"
		}
	}
	for _, part := range strings.Split(before, "/")[min(3, strings.Count(before, "/")):] { // after SCHEME://HOST
		if versioned().MatchString(part) {
			return ""
		}
	}
	return "has no version, expected a tag or a commit (?ref=)"
}
