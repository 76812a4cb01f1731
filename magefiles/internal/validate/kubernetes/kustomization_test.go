package kubernetes

import (
	"fmt"
	"strings"
	"testing"
)

// memory is a repository of texts.
func memory(files map[string]string) *Repository {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	return NewRepository(names, func(name string) (string, bool) { text, ok := files[name]; return text, ok })
}

func TestRemote(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"https://example.com/a.yaml": true, "HTTP://x": true, "http:x": true, "git::../x": true, "github.com/a/b": true, "GitHub.com:a/b": true,
		"git@example.com:a/b": true, "ssh://x/y": true, "file:///etc": true, "user@host:x": true,
		"a.yaml": false, "../base": false, "github/x": false, "https": false,
	} {
		if got := isRemote(name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}

// TestAside checks that kustomize never gets a kustomization that could use the network or run a program.
func TestAside(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"resources: [https://example.com/v1.0/a.yaml]",
		"Resources: [https://example.com/v1.0/a.yaml]",
		"x: &x [https://example.com/v1.0/a.yaml]\nresources: *x",
		"bases: [github.com/a/b?ref=v1]",
		"components: [github.com/a/b?ref=v1]",
		"crds: ['http:x']",
		"configurations: [https://x/v1.0]",
		"patches: [{path: https://x/v1.0}]",
		"patchesStrategicMerge: [https://x/v1.0]",
		"patchesJson6902: [{path: https://x/v1.0, target: {kind: A}}]",
		"replacements: [{path: https://x/v1.0}]",
		"configMapGenerator: [{name: a, files: [a=https://x/v1.0]}]",
		"configMapGenerator: [{name: a, env: https://x/v1.0}]",
		"secretGenerator: [{name: a, envs: [https://x/v1.0]}]",
		"openapi: {path: https://x/v1.0}",
		"helmCharts: [{name: a}]",
		"helmGlobals: {chartHome: a}",
		"generators: [a]",
		"transformers: ['{apiVersion: builtin, kind: PatchTransformer, path: https://x}']",
		"validators: [a]",
	} {
		r := memory(map[string]string{"a/kustomization.yaml": text, "a/base/x": ""})
		if w := r.Whole(r.Kustomization("a")); w.Aside == "" {
			t.Errorf("%s would be built", text)
		}
		if raw, err := (disk{r: r}).ReadFile("/a/kustomization.yaml"); err == nil {
			t.Errorf("%s: kustomize would read %s", text, raw)
		}
	}
}

// TestDoubling includes a kustomization twice, which includes another one twice, and so on.
func TestDoubling(t *testing.T) {
	t.Parallel()
	files := map[string]string{"k39/kustomization.yaml": "namePrefix: a"}
	for i := range 39 {
		files[fmt.Sprintf("k%d/kustomization.yaml", i)] = fmt.Sprintf("namePrefix: a\nresources: [../k%d, ../k%d/../k%d]", i+1, i+1, i+1)
	}
	r := memory(files)
	if w := r.Whole(r.Kustomization("k0")); !strings.HasPrefix(w.Refused, "includes more than") {
		t.Errorf("refused: %q", w.Refused)
	}
}

func TestBuild(t *testing.T) {
	t.Parallel()
	r := memory(map[string]string{
		"base/kustomization.yaml": "resources: [a.yaml, crd.yaml]\ncommonLabels: {a: b}\n",
		"base/a.yaml":             "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: x}]}\n",
		"base/crd.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\nspec:\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        description: " +
			strings.Repeat("x", largeFile) + "\n",
		"over/kustomization.yaml": "namePrefix: b-\nresources: [../base]\nimages: [{name: x, newTag: v1}]\npatches: [{path: p.yaml}]\n",
		"over/p.yaml":             "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostname: h}\n",
	})
	for folder, want := range map[string]string{"base": "a x ", "over": "b-a x:v1 h"} {
		objects, err := r.Build(r.Whole(r.Kustomization(folder)))
		if err != nil || len(objects) != 2 {
			t.Fatalf("%s: %v, %v", folder, objects, err)
		}
		o := objects[0]
		if got := o.Name + " " + Images(o)[0].Value + " " + str(o.Node, "spec", "hostname"); got != want {
			t.Errorf("%s: %q, want %q", folder, got, want)
		}
	}
}
