// Package scale makes repositories of any size without findings, for benchmarks. The same size gives the same files, byte for byte.
package scale

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// The settings of the site of such a repository.
const (
	Docs, Manifests   = "docs", "argocd"
	Registry          = "registry.example"
	Namespace         = "site"
	Images            = Registry + "/" + Namespace
	Forge             = "https://forge.example"
	Owner, Repository = "owner", "site"
	ForgeURL          = Forge + "/" + Owner + "/" + Repository
)

// Size is the number of items of each kind in a repository.
type Size struct {
	// Pages have 10 links each; pages of sections and an index, which link to all of them, are added.
	Pages int
	// Containers are Dockerfiles; every tenth is a Go program.
	Containers int
	// Kustomizations have 3 manifests each, and an Application.
	Kustomizations int
	Workflows      int
	Fragments      int
}

// Times is n times the size in issue 5 (1,000 pages with 10,000 links, 100 containers, 300 manifests).
func Times(n int) Size {
	return Size{Pages: 1000 * n, Containers: 100 * n, Kustomizations: 100 * n, Workflows: 10 * n, Fragments: 40 * n}
}

// Each calls give for every file: a slash path, and a text that give may keep.
func Each(s Size, give func(path, text string) error) error {
	var failed error
	for _, part := range []func(Size, func(path, text string)){pages, containers, manifests, workflows, changes} {
		part(s, func(path, text string) {
			if failed == nil {
				failed = give(path, text)
			}
		})
	}
	return failed
}

// Write makes the files below dir, and returns their paths.
func Write(dir string, s Size) (files []string, err error) {
	made := map[string]bool{}
	err = Each(s, func(path, text string) error {
		name := filepath.Join(dir, filepath.FromSlash(path))
		if parent := filepath.Dir(name); !made[parent] {
			if err := os.MkdirAll(parent, 0o755); err != nil {
				return err
			}
			made[parent] = true
		}
		files = append(files, path)
		return os.WriteFile(name, []byte(text), 0o644)
	})
	return files, err
}

// random is the source of random numbers for file i of a kind.
func random(kind string, i int) *rand.Rand {
	var seed uint64
	for _, c := range []byte(kind) {
		seed = seed*31 + uint64(c)
	}
	return rand.New(rand.NewPCG(seed, uint64(i)))
}

// app is the name of a container and of a kustomization.
func app(i int) string { return fmt.Sprintf("app-%04d", i) }

func version(i int) string { return fmt.Sprintf("%d.%d.%d", 1+i%3, i%17, i%7) }
