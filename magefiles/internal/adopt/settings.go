package adopt

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/changelog"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/docsite"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// settings derives the settings of a site.
func (p *Plan) settings(a Adopt, texts []text) {
	objects := objectsOf(texts)
	p.registry(objects)
	p.forge(a.Remote)
	p.add("ForgeToken", "", "a reference such as op://VAULT/ITEM/FIELD to a token of the forge, for releases, promotions and doctor")
	p.add("ReleaseAuthor", "", "NAME <EMAIL>, the author of commits of releases and promotions")
	p.manifests(objects)
	p.argoCD(objects, texts)
	p.docs(a.Files, objects)
	p.dagger(a.Files)
}

// add records a setting.
func (p *Plan) add(name, value, from string) {
	p.Settings = append(p.Settings, Setting{name, value, from})
}

// setting is the value of one.
func (p *Plan) setting(name string) string {
	for _, s := range p.Settings {
		if s.Name == name {
			return s.Value
		}
	}
	return ""
}

// object is a Kubernetes object with its file.
type object struct {
	kubernetes.Object
	file string
}

func objectsOf(texts []text) (all []object) {
	for _, t := range texts {
		if ext := path.Ext(t.name); ext != ".yaml" && ext != ".yml" && path.Base(t.name) != "Kustomization" {
			continue
		}
		documents, _ := kubernetes.Parse(t.text)
		for _, n := range documents {
			for _, o := range kubernetes.Objects([]*yaml.Node{n}) {
				all = append(all, object{o, t.name})
			}
			if path.Base(t.name) == "kustomization.yaml" || path.Base(t.name) == "kustomization.yml" || path.Base(t.name) == "Kustomization" {
				all = append(all, object{kubernetes.Object{Node: n, Kind: "Kustomization"}, t.name})
			}
		}
	}
	return all
}

// images are the references of an object, with their lines.
func (o object) images() (all []*yaml.Node) {
	if o.Kind != "Kustomization" {
		return kubernetes.Images(o.Object)
	}
	return valuesAt(o.Node, "images", "newName", "name")
}

// valuesAt are the texts at keys of the entries of a list.
func valuesAt(n *yaml.Node, list string, keys ...string) (all []*yaml.Node) {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != list {
			continue
		}
		for _, entry := range n.Content[i+1].Content {
			for j := 0; j+1 < len(entry.Content); j += 2 {
				if slices.Contains(keys, entry.Content[j].Value) {
					all = append(all, entry.Content[j+1])
				}
			}
		}
	}
	return all
}

// registry derives the registry and the namespace: those of the images whose names are folders of containers.
func (p *Plan) registry(objects []object) {
	ours := map[string]bool{}
	for _, c := range p.Containers {
		ours[string(c.Name)] = true
	}
	counts, first := map[string]int{}, map[string]string{}
	for _, o := range objects {
		for _, n := range o.images() {
			name, _, _ := kubernetes.SplitImage(n.Value)
			repository, base := path.Split(name)
			host, _, hasHost := strings.Cut(repository, "/")
			if !ours[base] || !hasHost || !strings.ContainsAny(host, ".:") {
				continue
			}
			key := strings.TrimSuffix(repository, "/")
			if counts[key]++; counts[key] == 1 {
				first[key] = place(o.file, n.Line)
			}
		}
	}
	found := slices.SortedFunc(maps.Keys(counts), func(x, y string) int { return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y)) })
	if len(found) == 0 {
		p.add("Registry", "", "no manifest names an image of a folder in "+image.Root)
		p.add("Namespace", "", "")
		return
	}
	host, namespace, _ := strings.Cut(found[0], "/")
	from := fmt.Sprintf("%s in the manifests, such as %s", count(counts[found[0]], "image"), first[found[0]])
	if len(found) > 1 {
		from += fmt.Sprintf("; %s of %s", count(counts[found[1]], "image"), found[1])
	}
	p.add("Registry", host, from)
	p.add("Namespace", namespace, "the same")
}

// forge derives the forge from the remote.
func (p *Plan) forge(remote string) {
	u, err := url.Parse(remote)
	parts := strings.Split(strings.Trim(strings.TrimSuffix(cmp.Or(u, &url.URL{}).Path, ".git"), "/"), "/")
	if err != nil || u.Host == "" || len(parts) < 2 {
		p.add("ForgeURL", "", "the clone has no remote at a forge")
		p.add("Owner", "", "")
		p.add("Repository", "", "")
		return
	}
	forge := url.URL{Scheme: u.Scheme, Host: u.Host, Path: strings.Join(parts[:len(parts)-2], "/")}
	p.add("ForgeURL", forge.String(), "the remote")
	p.add("Owner", parts[len(parts)-2], "the remote")
	p.add("Repository", parts[len(parts)-1], "the remote")
	if u.Host == "github.com" {
		p.change("ForgeURL", "releases, packages and rights use the API of Forgejo and Gitea: with GitHub, publish and validate work, docs:release and container:release do not")
	}
}

// fewest is the number of Kubernetes objects from which on their folder says something.
const fewest = 3

// manifests derives the folder that has the manifests: the first part of most paths, if it has two thirds of all objects.
func (p *Plan) manifests(objects []object) {
	counts, all := map[string]int{}, 0
	for _, o := range objects {
		folder, _, below := strings.Cut(o.file, "/")
		if strings.HasPrefix(folder, ".") {
			continue
		}
		all++
		if below {
			counts[folder]++
		}
	}
	if all == 0 {
		p.change("Manifests", "no Kubernetes manifests were found: container:promote and drift have nothing to do")
		return
	}
	folders := slices.SortedFunc(maps.Keys(counts), func(x, y string) int { return cmp.Or(cmp.Compare(counts[y], counts[x]), cmp.Compare(x, y)) })
	switch {
	case len(folders) == 0:
		p.add("Manifests", "", fmt.Sprintf("the folder that Argo CD deploys from: %s in the root", count(all, "Kubernetes object")))
	case counts[folders[0]] < fewest || 3*counts[folders[0]] < 2*all:
		var each []string
		for _, folder := range folders[:min(len(folders), 4)] {
			each = append(each, fmt.Sprintf("%d in %s", counts[folder], folder))
		}
		p.add("Manifests", "", fmt.Sprintf("the folder that Argo CD deploys from: of %s, %s", count(all, "Kubernetes object"), strings.Join(each, ", ")))
	case folders[0] != settings.Defaults().Manifests:
		p.add("Manifests", folders[0], fmt.Sprintf("%d of %s", counts[folders[0]], count(all, "Kubernetes object")))
	}
}

// docs derives the folder of the docs, its generator, and the manifest that deploys them.
func (p *Plan) docs(files fs.FS, objects []object) {
	defaults := settings.Defaults()
	for _, dir := range []string{defaults.Docs, "doc", "documentation", "website", "site"} {
		if info, err := fs.Stat(files, dir); err != nil || !info.IsDir() {
			continue
		}
		plan, err := docsite.Detect(files, dir, docsite.Settings{Generator: defaults.DocsGenerator})
		if dir != defaults.Docs {
			if err != nil {
				continue
			}
			p.add("Docs", dir, "the folder of the docs")
		}
		if err == nil && plan.Generator == docsite.Quartz && len(plan.Config) == 0 {
			p.change(dir, "has Markdown and no generator: docs:build makes a website of it with Quartz, without further settings")
			break
		}
		if err == nil {
			p.add("DocsGenerator", string(plan.Generator), "the files in "+dir)
			break
		}
		if plan, other := docsite.Detect(files, dir, docsite.Settings{Generator: defaults.DocsGenerator, Output: "build"}); other == nil { // only the output is not known
			p.add("DocsGenerator", string(plan.Generator), "the files in "+dir)
			p.add("DocsOutput", "", "folder in "+dir+" that the build writes the site to")
			break
		}
		p.change(dir, "docs:build cannot build the docs: "+err.Error())
		break
	}
	_, err := changelog.ParseConfig(files)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		p.change("towncrier.toml", "is missing: docs:changelog and docs:release require it")
	case err != nil:
		p.change("towncrier", "docs:changelog and docs:release require it: "+err.Error())
	}
	for _, o := range objects {
		if o.Kind == "Deployment" && strings.Contains(o.file, "docs") {
			p.add("DocsManifest", o.file, o.String())
			if content, err := fs.ReadFile(files, o.file); err == nil && strings.Contains(string(content), "DOCS_RELEASE_URL") {
				break
			}
			p.change(o.file, "docs:release writes the address and the checksum of a release into the variables DOCS_RELEASE_URL and DOCS_RELEASE_SHA256 of a container here")
			break
		}
	}
}

// count is a number of things in words.
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// dagger notes the version of the engine that a Dagger module asks for.
func (p *Plan) dagger(files fs.FS) {
	for _, name := range []string{"dagger.json", "ci/dagger.json", ".dagger/dagger.json"} {
		content, err := fs.ReadFile(files, name)
		if err != nil {
			continue
		}
		var module struct{ Name, EngineVersion, SDK any }
		if json.Unmarshal(content, &module) != nil {
			p.change(name, "is not valid JSON")
			continue
		}
		version, _ := module.EngineVersion.(string)
		what := "the functions of this Dagger module are not called by the targets: delete it when its commands are replaced"
		if version != "" {
			what += " (it asks for engine " + version + ")"
		}
		p.change(name, what)
	}
}
