package kubernetes

import (
	"strings"
	"testing"
)

// seeds are the seeds of the fuzz targets.
var seeds = []string{
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1, template: {spec: {containers: [{image: a:b}]}}}\n",
	"apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, data: {a: Yg==}}\n- &a {<<: *a}\n",
	"a: &a {b: 1}\nc: {<<: [*a, *a], b: yes}\n---\n- !!str 5\n",
	"apiVersion: argoproj.io/v1alpha1\nkind: Application\nspec: {sources: [{ref: a, path: b, helm: {valueFiles: [$a/c]}}]}\n",
	"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nspec: {group: x.y, names: {kind: A}, versions: [{name: v1, schema: {openAPIV3Schema: " +
		"{type: object, properties: {spec: {type: object, additionalProperties: false, required: [a], properties: {a: {type: string, pattern: 'x*', enum: [x]}}}}}}}]}\n" +
		"---\napiVersion: x.y/v1\nkind: A\nspec: {a: y, b: 1}\n",
}

// FuzzParse parses YAML and validates the objects against schemas, including those of CustomResourceDefinitions in it.
func FuzzParse(f *testing.F) {
	for _, seed := range seeds {
		f.Add(seed, false)
	}
	f.Fuzz(func(t *testing.T, text string, partial bool) {
		documents, problems := Parse(text)
		objects := Objects(documents)
		schemas := NewSchemas(objects)
		for _, o := range objects {
			problems = append(problems, schemas.Validate(o, partial)...)
			Images(o)
			Sources(o)
		}
		for _, p := range problems {
			if p.Line < 0 || p.Column < 0 || p.Message == "" {
				t.Errorf("%+v", p)
			}
		}
	})
}

// FuzzImage splits references to images.
func FuzzImage(f *testing.F) {
	for _, seed := range []string{"a", "localhost:5000/a:v1-ab34cbd@sha256:00", "a:latest", "$(IMAGE)", ":@"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, reference string) {
		name, tag, digest := SplitImage(reference)
		if len(name)+len(tag)+len(digest) > len(reference) {
			t.Errorf("%q: %q %q %q", reference, name, tag, digest)
		}
		if commit := Commit(tag); !strings.Contains(tag, commit) {
			t.Errorf("%q has no %q", tag, commit)
		}
		Unpinned(reference)
	})
}

// FuzzKustomization reads a kustomization and the files that it names.
func FuzzKustomization(f *testing.F) {
	for _, seed := range []string{
		"resources: [a.yaml, ../b, https://x/y?ref=z]\npatches: [{path: a.yaml}, {patch: 'a: ['}]\nimages: [{name: x, newTag: y}]\n",
		"Resources: [a.yaml]\nconfigMapGenerator: [{name: a, files: [b=a.yaml], env: a}]\n",
		"components: [.]\nbases: ['']\nresource: 5\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := memory(map[string]string{"a/kustomization.yaml": text, "a/a.yaml": seeds[0], "b/kustomization.yaml": "resources: [../a]"})
		if k := r.Kustomization("a"); k != nil {
			r.Whole(k)
		}
	})
}
