package kubernetes

import (
	"path"
	"sync"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
)

// Repository is the files that manifests stand in, by slash path from the root. It is safe for concurrent use; each file is parsed once.
type Repository struct {
	files, folders map[string]bool
	text           func(name string) (string, bool)
	parsed         sync.Map // name -> func() File
	kustomizations sync.Map // folder -> func() *Kustomization
	trims          sync.Map // name -> func() []byte, without schemas
}

// A File is a YAML file that was parsed.
type File struct {
	Text      string
	Documents []*yaml.Node
	Problems  []Problem
}

// NewRepository is that of the files listed. text is what one says; what is no text, or too large, is taken for empty.
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

// IsTemplate tells whether a file is a template of a Helm chart, which is no object yet.
func (r *Repository) IsTemplate(name string) bool { return manifest.InChart(name, r.HasFile) }

// HasFile says whether there is such a file.
func (r *Repository) HasFile(name string) bool { return r.files[path.Clean(name)] }

// HasFolder says whether there is such a folder, with files.
func (r *Repository) HasFolder(name string) bool { return r.folders[path.Clean(name)] }

// Parse reads a file of YAML. One that cannot be read is empty.
func (r *Repository) Parse(name string) File {
	once, _ := r.parsed.LoadOrStore(name, sync.OnceValue(func() File {
		text, _ := r.text(name)
		documents, problems := Parse(text)
		return File{Text: text, Documents: documents, Problems: problems}
	}))
	return once.(func() File)()
}
