// Generate writes the schemas that package kubernetes embeds, from the modules that the lab builds (magefiles/internal/lab/modules/argocd):
// the OpenAPI of Kubernetes, with the enumerations of its generated code, which the OpenAPI leaves out, and Argo CD's
// CustomResourceDefinitions. It keeps the parts that validation uses, and drops the descriptions, which are most of the text.
package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
)

// The modules with the schemas.
const (
	moduleKubernetes = "k8s.io/kubernetes"
	moduleArgoCD     = "github.com/argoproj/argo-cd/v3"
)

// file is the content of a file of schemas. Package kubernetes reads it.
type file struct {
	// Version is the version of the module.
	Version string `json:"version"`
	// Kinds are the names of types, by apiVersion and kind.
	Kinds map[string]map[string]string `json:"kinds"`
	// Types are schemas by name.
	Types map[string]schema `json:"types"`
}

// schema is an OpenAPI schema in JSON.
type schema = map[string]any

func main() {
	log.SetFlags(0)
	log.SetPrefix("generate: ")
	if len(os.Args) != 3 {
		log.Fatal("usage: generate FOLDER-OF-GO.MOD OUTPUT-FOLDER")
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func run(module, out string) error {
	for name, read := range map[string]func(dir string) (*file, error){moduleKubernetes: readKubernetes, moduleArgoCD: readArgoCD} {
		dir, version, err := locate(module, name)
		if err != nil {
			return err
		}
		made, err := read(dir)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		made.Version = version
		if err := write(filepath.Join(out, outputs[name]), made); err != nil {
			return err
		}
	}
	return nil
}

// outputs are the output files of the modules.
var outputs = map[string]string{moduleKubernetes: "kubernetes.json.gz", moduleArgoCD: "argocd.json.gz"}

// write writes the same bytes for the same schemas.
func write(path string, f *file) error {
	raw, err := json.Marshal(f) // Marshal sorts keys
	if err != nil {
		return err
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := z.Write(raw); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}
