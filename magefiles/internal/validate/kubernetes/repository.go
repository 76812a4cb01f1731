package kubernetes

import (
	"path"
	"sync"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
)

// Repository is the files with manifests, by slash path from the root. It is safe for concurrent use; each file is parsed once.
type Repository struct {
	files, folders map[string]bool
	text           func(name string) (string, bool)
	parsed         sync.Map // name -> func() File
	kustomizations sync.Map // folder -> func() *Kustomization
	trims          sync.Map // name -> func() []byte, without schemas
}

// A File is a parsed YAML file.
type File struct {
	Text      string
	Documents []*yaml.Node
	Problems  []Problem
}

// NewRepository is a repository of the listed files. text returns the text of one; a file that is not text, or too large, counts as empty.
func NewRepository(files []string, text func(name string) (string, bool)) *Repository {
	r := &Repository{files: make(map[string]bool, len(files)), folders: map[string]bool{".": true}, text: text}
	for _, name := range files {
		r.files[name] = true
		for dir := path.Dir(name); !r.folders[dir]; dir = path.Dir(dir) {
			r.folders[dir] = true
		}
	}
	return r
}

// IsTemplate says whether a file is a template of a Helm chart, which is not an object yet.
func (r *Repository) IsTemplate(name string) bool { return manifest.InChart(name, r.HasFile) }

// HasFile says whether a file exists.
func (r *Repository) HasFile(name string) bool { return r.files[path.Clean(name)] }

// HasFolder says whether a folder with files exists.
func (r *Repository) HasFolder(name string) bool { return r.folders[path.Clean(name)] }

// Parse parses a YAML file. An unreadable file counts as empty.
func (r *Repository) Parse(name string) File {
	once, _ := r.parsed.LoadOrStore(name, sync.OnceValue(func() File {
		text, _ := r.text(name)
		documents, problems := Parse(text)
		return File{Text: text, Documents: documents, Problems: problems}
	}))
	return once.(func() File)()
}
