package kubernetes

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/testenv"
)

// largeDefinition is a CustomResourceDefinition with a schema that is large enough to be left out.
func largeDefinition() string {
	text := "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things.example.org\n  labels: {part: crd}\nspec:\n  group: example.org\n" +
		"  names: {kind: Thing, plural: things}\n  scope: Namespaced\n  versions:\n  - name: v1\n    served: true\n    storage: true\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n"
	var b strings.Builder
	b.WriteString(text)
	for i := range 1500 {
		b.WriteString("          field" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + ": {type: string}\n")
	}
	return b.String()
}

// TestTrimmedBuilds compares builds without unused schemas with kustomize's own build of the unchanged files.
func TestTrimmedBuilds(t *testing.T) {
	t.Parallel()
	base := map[string]string{
		"base/kustomization.yaml": "resources: [crd.yaml, app.yaml, thing.yaml]\n", "base/crd.yaml": largeDefinition(),
		"base/app.yaml":   "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: app, labels: {part: app}}\nspec:\n  selector: {matchLabels: {a: b}}\n  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: app, image: 'app:v1'}]}}\n",
		"base/thing.yaml": "apiVersion: example.org/v1\nkind: Thing\nmetadata: {name: thing}\nspec: {list: [{name: a}]}\n",
		"o/p.yaml":        "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: app}\nspec: {replicas: 2}\n",
	}
	const schema = "/spec/versions/0/schema/openAPIV3Schema"
	for name, c := range map[string]struct {
		text    string
		trimmed bool
	}{
		"nothing":         {"", true},
		"names":           {"namePrefix: x-\nnamespace: ys\nlabels: [{pairs: {c: d}, includeSelectors: true}]\nimages: [{name: app, newTag: v2}]", true},
		"a kind":          {"patches: [{target: {kind: Deployment}, patch: '[{\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": 3}]'}]", true},
		"another kind":    {"patches: [{target: {kind: 'Thing|Deployment'}, patch: '[{\"op\": \"add\", \"path\": \"/metadata/annotations\", \"value\": {\"a\": \"b\"}}]'}]", true},
		"a file":          {"patches: [{path: p.yaml}]", true},
		"the old way":     {"patchesStrategicMerge: [p.yaml]", true},
		"old JSON":        {"patchesJson6902: [{target: {group: apps, version: v1, kind: Deployment, name: app}, patch: '[{\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": 3}]'}]", true},
		"inline":          {"patches: [{patch: '{kind: Thing, apiVersion: example.org/v1, metadata: {name: thing}, spec: {list: [{name: b}]}}'}]", true},
		"by label":        {"patches: [{target: {labelSelector: part=crd}, patch: '[{\"op\": \"replace\", \"path\": \"" + schema + "/type\", \"value\": \"x\"}]'}]", false},
		"by name":         {"patches: [{target: {name: things.*}, patch: '[{\"op\": \"remove\", \"path\": \"" + schema + "/properties\"}]'}]", false},
		"by group":        {"patches: [{target: {group: apiextensions.k8s.io}, patch: '[{\"op\": \"remove\", \"path\": \"" + schema + "/properties\"}]'}]", false},
		"another group":   {"patches: [{target: {group: apps}, patch: '[{\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": 3}]'}]", true},
		"a pattern":       {"patches: [{target: {kind: '.*Definition'}, patch: '[{\"op\": \"add\", \"path\": \"" + schema + "/title\", \"value\": \"x\"}]'}]", false},
		"a definition":    {"patches: [{patch: '{kind: CustomResourceDefinition, apiVersion: apiextensions.k8s.io/v1, metadata: {name: things.example.org}, spec: {scope: Cluster}}'}]", false},
		"replacement":     {"replacements: [{source: {kind: Thing, name: thing, fieldPath: metadata.name}, targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.x], options: {create: true}}]}]", true},
		"replaced schema": {"replacements: [{source: {kind: CustomResourceDefinition, fieldPath: spec.versions.0.schema.openAPIV3Schema.type}, targets: [{select: {kind: Deployment}, fieldPaths: [metadata.annotations.x], options: {create: true}}]}]", false},
		"into a schema":   {"replacements: [{source: {kind: Thing, fieldPath: metadata.name}, targets: [{select: {name: things.example.org}, fieldPaths: [spec.versions.0.schema.openAPIV3Schema.type]}]}]", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"o/kustomization.yaml": "resources: [../base]\n" + c.text + "\n"}
			for name, text := range base {
				files[name] = text
			}
			r := memory(files)
			w := r.Whole(r.Kustomization("o"))
			if w.Aside != "" || w.Trimmed != c.trimmed {
				t.Fatalf("trimmed: %v, aside: %q, problems: %v", w.Trimmed, w.Aside, w.Problems)
			}
			sameAsKustomize(t, r, w, files)
		})
	}
}

// TestArgoCDsOwnManifests does the same with the manifests of Argo CD, from the source that the lab is compiled from, if it is present.
func TestArgoCDsOwnManifests(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMODCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Join(strings.TrimSpace(string(out)), "github.com", "argoproj", "argo-cd", "v3@"+ArgoVersion)
	if _, err := os.Stat(root); err != nil && os.Getenv("CI") == "true" { // the cache has the programs of the lab, but maybe not their sources
		download := exec.CommandContext(t.Context(), "go", "mod", "download", "github.com/argoproj/argo-cd/v3@"+ArgoVersion)
		if out, err := download.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	files := map[string]string{}
	err = fs.WalkDir(os.DirFS(root), "manifests", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		files[name] = string(text)
		return err
	})
	if err != nil {
		testenv.Missing(t, fmt.Sprintf("the source of Argo CD %s is not in the cache of modules: %v", ArgoVersion, err))
	}
	r, built := memory(files), 0
	for _, dir := range []string{"ha/cluster-install-with-hydrator", "cluster-install-with-hydrator", "core-install", "dev-tilt"} {
		w := r.Whole(r.Kustomization("manifests/" + dir))
		if w.Aside != "" || !w.Trimmed {
			t.Errorf("%s: %q, trimmed: %v", dir, w.Aside, w.Trimmed)
			continue
		}
		built += sameAsKustomize(t, r, w, files)
	}
	if built < 200 {
		t.Errorf("only %d objects were compared", built)
	}
}

// sameAsKustomize compares the objects of a build with kustomize's own build of the same files, except for schemas that were left out. It
// returns the number of objects.
func sameAsKustomize(t *testing.T, r *Repository, w *Whole, files map[string]string) int {
	t.Helper()
	objects, err := r.Build(w)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, o := range objects {
		got = append(got, flat(t, o.Node, w.Trimmed))
	}
	memory := filesys.MakeFsInMemory()
	for name, text := range files {
		if err := memory.WriteFile(path.Join("/", name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	ReadSchemas() // kustomize keeps the schemas in a global variable without a lock
	schemas.RLock()
	defer schemas.RUnlock()
	result, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(memory, path.Join("/", w.Folder))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, resource := range result.Resources() {
		want = append(want, flat(t, resource.YNode(), w.Trimmed))
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: got\n%s\nkustomize builds\n%s", w.Folder, strings.Join(got, "---\n"), strings.Join(want, "---\n"))
	}
	return len(got)
}

func flat(t *testing.T, n *yaml.Node, trimmed bool) string {
	t.Helper()
	if trimmed {
		n = without(n, "spec", "versions", "openAPIV3Schema")
	}
	var v any
	if err := n.Decode(&v); err != nil {
		t.Fatal(err)
	}
	text, err := yaml.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
