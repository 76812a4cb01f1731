package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v3"
)

// locate finds a module's folder and version, without a download.
func locate(module, name string) (dir, version string, err error) {
	cmd := exec.Command("go", "list", "-mod=readonly", "-m", "-f", "{{.Dir}} {{.Version}}", name)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return "", "", fmt.Errorf("go list -m %s: %w", name, err)
	}
	dir, version, ok := strings.Cut(strings.TrimSpace(string(out)), " ")
	if !ok || dir == "" {
		return "", "", fmt.Errorf("%s is not in the module cache: run go mod download there", name)
	}
	return dir, version, nil
}

func readKubernetes(dir string) (*file, error) {
	raw, err := os.ReadFile(filepath.Join(dir, "api", "openapi-spec", "swagger.json"))
	if err != nil {
		return nil, err
	}
	var swagger struct {
		Definitions map[string]schema `json:"definitions"`
	}
	if err := json.Unmarshal(raw, &swagger); err != nil {
		return nil, err
	}
	enums, err := readEnums(filepath.Join(dir, "pkg", "generated", "openapi", "zz_generated.openapi.go"))
	if err != nil {
		return nil, err
	}
	f := &file{Kinds: map[string]map[string]string{}, Types: map[string]schema{}}
	for name, definition := range swagger.Definitions {
		short := strings.TrimPrefix(name, "io.k8s.")
		f.Types[short] = compact(definition)
		for property, values := range enums[name] {
			setEnum(f.Types[short], property, values)
		}
		for _, gvk := range groupVersionKinds(definition) {
			f.add(gvk, short)
		}
	}
	return f, nil
}

type groupVersionKind struct{ Group, Version, Kind string }

// groupVersionKinds are the kinds of one definition. A definition with several kinds is a type of every version (DeleteOptions), not an
// object.
func groupVersionKinds(definition schema) []groupVersionKind {
	raw, _ := json.Marshal(definition["x-kubernetes-group-version-kind"]) // the value came from JSON
	var list []groupVersionKind
	if json.Unmarshal(raw, &list) != nil || len(list) > 1 {
		return nil
	}
	return list
}

func (f *file) add(gvk groupVersionKind, name string) {
	version := strings.TrimPrefix(gvk.Group+"/"+gvk.Version, "/")
	if f.Kinds[version] == nil {
		f.Kinds[version] = map[string]string{}
	}
	f.Kinds[version][gvk.Kind] = name
}

func readArgoCD(dir string) (*file, error) {
	f := &file{Kinds: map[string]map[string]string{}, Types: map[string]schema{}}
	for _, name := range []string{"application-crd.yaml", "applicationset-crd.yaml", "appproject-crd.yaml"} {
		raw, err := os.ReadFile(filepath.Join(dir, "manifests", "crds", name))
		if err != nil {
			return nil, err
		}
		var crd struct {
			Spec struct {
				Group string
				Names struct{ Kind string }

				Versions []struct {
					Name   string
					Schema struct {
						OpenAPIV3Schema schema `yaml:"openAPIV3Schema"`
					}
				}
			}
		}
		if err := yaml.NewDecoder(bytes.NewReader(raw)).Decode(&crd); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		for _, version := range crd.Spec.Versions {
			f.add(groupVersionKind{crd.Spec.Group, version.Name, crd.Spec.Names.Kind}, crd.Spec.Names.Kind)
			f.Types[crd.Spec.Names.Kind] = f.share(compact(version.Schema.OpenAPIV3Schema))
		}
	}
	return f, nil
}
