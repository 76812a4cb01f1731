package kubernetes

import (
	"fmt"
	"strings"
	"testing"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	if got := kubernetesLibrary().Version; got != Version {
		t.Errorf("the schemas are those of Kubernetes %s, Version is %s", got, Version)
	}
	if got := argocdLibrary().Version; got != ArgoVersion {
		t.Errorf("the schemas are those of Argo CD %s, ArgoVersion is %s", got, ArgoVersion)
	}
	for version, kinds := range kubernetesLibrary().Kinds {
		for kind, name := range kinds {
			if kubernetesLibrary().named(name) == nil {
				t.Errorf("%s %s has no schema", version, kind)
			}
		}
	}
}

func validate(t *testing.T, text string, partial bool) string {
	t.Helper()
	documents, problems := Parse(text)
	if len(problems) > 0 {
		t.Fatalf("%s: %v", text, problems)
	}
	objects := Objects(documents)
	schemas := NewSchemas(objects)
	for _, o := range objects {
		problems = append(problems, schemas.Validate(o, partial)...)
	}
	var lines []string
	for _, p := range problems {
		lines = append(lines, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Message))
	}
	return strings.Join(lines, "\n")
}

func TestValues(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"replicas: 2":                "",
		"replicas: 2.0":              "",
		"replicas: 0x2":              "",
		"replicas: null":             "",
		"replicas: 2.5":              "is the number 2.5, expected an integer",
		"paused: yes":                "",
		"paused: 'yes'":              `is the string "yes", expected a boolean`,
		"serviceName: off":           "is off, which YAML 1.1 reads as a boolean, expected a string in quotes",
		"serviceName: 2026-01-02":    "",
		"serviceName: !!str 5":       "",
		"serviceName: 5":             "is the integer 5, expected a string",
		"podManagementPolicy: ''":    "",
		"podManagementPolicy: paral": "is \"paral\", expected one of OrderedReady, Parallel",
	} {
		text := "apiVersion: apps/v1\nkind: StatefulSet\nspec:\n  selector: {}\n  template: {}\n  " + spec
		if strings.HasPrefix(spec, "paused") {
			text = strings.Replace(text, "StatefulSet", "Deployment", 1)
		}
		got := validate(t, text, false)
		if (want == "") != (got == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", spec, got, want)
		}
	}
}

func TestQuantity(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"1": true, "0.5": true, "500m": true, "1Gi": true, "1e3": true, "'12E'": true, "'-1'": true, "'.5'": true, "1.": true, "100u": true,
		"1gb": false, "1 Gi": false, "m": false, "1.2.3": false, "[1]": false, "true": false, "''": false, "1KB": false, "1Ki": true,
	} {
		got := validate(t, "apiVersion: v1\nkind: PersistentVolume\nspec: {capacity: {storage: "+text+"}}", false)
		if (got == "") != want {
			t.Errorf("%s: %q, want accepted: %v", text, got, want)
		}
	}
}

func TestPartial(t *testing.T) {
	t.Parallel()
	text := "apiVersion: apps/v1\nkind: Deployment\nspec:\n  $retainKeys: [x]\n  template: {spec: {containers: [{$patch: delete, image: a}], volume: []}}"
	if got, want := validate(t, text, true), `5:63 Deployment spec.template.spec: unknown field "volume": did you mean "volumes"?`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
