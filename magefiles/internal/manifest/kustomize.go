package manifest

import (
	"io/fs"
	"path"
	"slices"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/konfig"
)

// IsKustomization reports whether kustomize reads a file of that name as a kustomization.
func IsKustomization(file string) bool {
	return slices.Contains(konfig.RecognizedKustomizationFileNames(), path.Base(file))
}

// InChart reports whether a file is a template of a Helm chart, which is not a manifest until Helm has filled it in. has reports whether the
// repository has a file.
func InChart(file string, has func(name string) bool) bool {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if path.Base(dir) == "templates" && has(path.Join(path.Dir(dir), "Chart.yaml")) {
			return true
		}
	}
	return false
}

// Reach returns the files that deploying a folder reads, as slash paths: those that its kustomization names, with those that it includes.
// Without a kustomization these are the manifests in the folder, and with recurse (Argo CD's name for it) in the folders below. Anything that
// is not a local manifest, such as a URL, is left out.
//
// validate/kubernetes reads kustomizations too, and does not replace this: it reads one as kustomize does, and follows nothing of one that
// kustomize refuses. A promotion must still find the files of that folder, as an error in a kustomization is not a reason to say that no
// Application deploys the image. It would also need a list of all files of the commit, and use cases would import the checks.
func Reach(files fs.FS, folder string, recurse bool) []string {
	r := kustomizeReader{files: files, recurse: recurse, seen: map[string]bool{}}
	r.folder(path.Clean(folder), true)
	slices.Sort(r.found)
	return slices.Compact(r.found)
}

type kustomizeReader struct {
	files   fs.FS
	recurse bool
	seen    map[string]bool // folders, as a kustomization may include itself
	found   []string
}

// folder follows a kustomization. Only the deployed folder itself may have none.
func (r *kustomizeReader) folder(dir string, deployed bool) {
	if r.seen[dir] {
		return
	}
	r.seen[dir] = true
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if text, err := fs.ReadFile(r.files, path.Join(dir, name)); err == nil {
			r.kustomization(dir, path.Join(dir, name), text)
			return
		}
	}
	if !deployed {
		return
	}
	_ = fs.WalkDir(r.files, dir, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil: // a folder that cannot be read has nothing to deploy
		case entry.IsDir() && name != dir && !r.recurse:
			return fs.SkipDir
		case entry.Type().IsRegular() && isManifest(name):
			r.found = append(r.found, name)
		}
		return nil
	})
}

// isManifest reports whether Argo CD reads a file of that name (reposerver/repository/repository.go).
func isManifest(name string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(name))
}

func (r *kustomizeReader) kustomization(dir, file string, text []byte) {
	r.found = append(r.found, file)
	documents, err := File{Path: file, Text: text}.parse()
	if err != nil {
		return
	}
	for _, document := range documents {
		root := document.Content[0]
		for _, list := range []string{"resources", "bases", "components", "patches", "patchesStrategicMerge", "crds", "configurations"} {
			for _, item := range items(value(root, list)) {
				if of := value(item, "path"); of != nil {
					item = of
				}
				r.item(dir, valueOf(item))
			}
		}
	}
}

// value is the value of a key; nil if there is none, or if it is an alias.
func value(n *yaml.Node, key string) *yaml.Node {
	return (&search{noticed: map[int]bool{}}).get(n, key)
}

// items are the entries of a list, without aliases.
func items(n *yaml.Node) []*yaml.Node { return (&search{noticed: map[int]bool{}}).items(n) }

func (r *kustomizeReader) item(dir, name string) {
	at := path.Join(dir, name)
	if name == "" || !fs.ValidPath(at) {
		return
	}
	info, err := fs.Stat(r.files, at)
	switch {
	case err != nil: // an address, or a patch written inline
	case info.IsDir():
		r.folder(at, false)
	default:
		r.found = append(r.found, at)
	}
}
