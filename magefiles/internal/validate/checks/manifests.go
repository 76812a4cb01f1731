package checks

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// manifests checks the files that Argo CD deploys.
var manifests = validate.Check{
	Name: "manifests",
	Covers: "The YAML files below the folder of manifests: that they parse, that kustomize builds them, that objects fit the schemas of Kubernetes " + kubernetes.Version +
		", of Argo CD " + kubernetes.ArgoVersion + " and of the CustomResourceDefinitions among them, that images name a version, and that Argo CD Applications name folders that exist. " +
		"Objects of other kinds have no schema. A kustomization that reads from the network, runs Helm or a plugin, has vars or more than 1,000 objects is not built: its files are checked one by one. " +
		"Helm's templates, and files that a generator puts into a ConfigMap or Secret, are not objects.",
	Rules: []validate.Rule{
		{ID: kubernetes.RuleYAML, What: "A YAML file does not parse, has more than 500 levels, or grows too much through its aliases.", Do: "Correct the YAML."},
		{ID: kubernetes.RuleDuplicate, What: "A map contains a key twice, and only the last one would be used.", Do: "Remove one of the two."},
		{ID: kubernetes.RuleKustomize, What: "A kustomization cannot be built: it names a file or a field that does not exist, or kustomize refuses it.", Do: "Correct the kustomization; test it with kustomize build in its folder."},
		{ID: kubernetes.RuleRemote, What: "A kustomization reads a resource from the network without a version.", Do: "Write a tag or a commit into the address, or keep a copy of the resource in the repository."},
		{ID: kubernetes.RuleKind, What: "An object has an API version or a kind that this version of Kubernetes does not have.", Do: "Correct the spelling, or move to the API that replaced it."},
		{ID: kubernetes.RuleSchema, What: "An object does not fit its schema: a field that does not exist or is missing, a value of the wrong type or out of range.", Do: "Correct the field; kubectl explain describes it."},
		{ID: "latest", What: "An image has no tag or the tag latest, so the running version is unknown.", Do: "Write image: NAME:VERSION in the object, or newTag: VERSION below name: NAME in the images of the kustomization."},
		{ID: "revision", What: "The tag of an image of this repository has a commit that is not on the default branch.", Do: "Publish the image from a commit on the default branch, and use that tag."},
		{ID: "container", What: "An image belongs to this repository, but its container does not exist: it cannot be published again.", Do: "Use the container that replaced it, or remove the manifest."},
		{ID: "branch", What: "An Argo CD Application follows a branch that this repository does not have, so nothing is deployed any more.", Do: "Use an existing branch, such as the default branch."},
		{ID: "application", What: "An Argo CD Application names a folder, or a file of Helm's values, that this repository does not have.", Do: "Correct the path in the Application."},
	},
	Run: func(ctx context.Context, in *validate.Input) error {
		if in.Manifests == "" || !in.Has(in.Manifests) {
			return nil
		}
		return (&manifestCheck{in: in, files: kubernetes.NewRepository(in.Files("."), in.Text)}).run(ctx)
	},
}

// manifestCheck is one run of the check.
type manifestCheck struct {
	in            *validate.Input
	files         *kubernetes.Repository
	names         []string
	data, patches map[string]bool // files without objects, and files with only parts of objects
	schemas       *kubernetes.Schemas

	built sync.Map        // *kubernetes.Whole -> func() outcome
	loose map[string]bool // names of images with tags in kustomizations that are not built

	lock sync.Mutex
	said map[string]bool // problems reported for files, without the objects' names: builds repeat them
	gone sync.Map        // commit -> func() (bool, error)
}

func (s *manifestCheck) run(ctx context.Context) error {
	s.said, s.loose = map[string]bool{}, map[string]bool{}
	s.list()
	// Builds use the parsed files, and take most of the time.
	if err := validate.Each(ctx, s.names, func(name string) error { s.files.Parse(name); return nil }); err != nil {
		return err
	}
	wholes := s.kustomized()
	var group errgroup.Group
	if slices.ContainsFunc(wholes, func(w *kubernetes.Whole) bool { return w.Aside == "" && w.Patched }) {
		group.Go(func() error { kubernetes.ReadSchemas(); return nil })
	}
	s.schemas = kubernetes.NewSchemas(s.objects())
	err := validate.Each(ctx, s.names, s.file)
	_ = group.Wait() // none returns one
	return errors.Join(err, s.branches(), s.deployed(ctx, wholes, s.applications()))
}

// list finds the files, except templates of Helm charts, which are not YAML yet.
func (s *manifestCheck) list() {
	suffixes := []string{".yaml", ".yml"}
	for _, name := range kubernetes.FileNames() {
		suffixes = append(suffixes, "/"+name)
	}
	s.names = slices.DeleteFunc(s.in.Files(s.in.Manifests, suffixes...), s.files.IsTemplate)
}

// kustomized reads the kustomizations and reports their problems.
func (s *manifestCheck) kustomized() []*kubernetes.Whole {
	s.data, s.patches = map[string]bool{}, map[string]bool{}
	var wholes []*kubernetes.Whole
	for _, name := range s.names {
		if !manifest.IsKustomization(name) {
			continue
		}
		k := s.files.Kustomization(path.Dir(name))
		if k.Path != name {
			continue // the second of two files; the first one reports both
		}
		s.problems(k.Path, k.Problems)
		for _, file := range k.Data {
			s.data[file] = true
		}
		for _, file := range k.Patches {
			s.patches[file] = true
		}
		w := s.files.Whole(k)
		if w.Refused != "" {
			s.report(k.Path, k.Position("resources", "components"), kubernetes.RuleKustomize, "it "+w.Refused)
		}
		wholes = append(wholes, w)
	}
	for _, w := range wholes {
		for _, file := range w.Files {
			delete(s.data, file) // a file that is a resource too is an object
		}
	}
	return wholes
}

func (s *manifestCheck) problems(name string, list []kubernetes.Problem) {
	for _, p := range list {
		s.in.Report(validate.Finding{Path: name, Line: p.Line, Column: p.Column, Rule: p.Rule, Message: p.Message})
	}
}

// objects are all objects in the files.
func (s *manifestCheck) objects() []kubernetes.Object {
	var list []kubernetes.Object
	for _, name := range s.names {
		if !s.data[name] && !s.patches[name] {
			list = append(list, kubernetes.Objects(s.files.Parse(name).Documents)...)
		}
	}
	return list
}

// file checks one file by itself.
func (s *manifestCheck) file(name string) error {
	file := s.files.Parse(name)
	if s.data[name] && strings.Contains(file.Text, "{{") {
		return nil // a template for another program
	}
	s.problems(name, file.Problems)
	if s.data[name] {
		return nil
	}
	for _, o := range kubernetes.Objects(file.Documents) {
		list := s.schemas.Validate(o, s.patches[name])
		s.problems(name, list)
		s.lock.Lock()
		for _, p := range list {
			s.said[nameless(o, p)] = true
		}
		s.lock.Unlock()
	}
	return nil
}

// nameless is a problem's message without the object's name, to which kustomize may add a prefix.
func nameless(o kubernetes.Object, p kubernetes.Problem) string {
	return strings.Replace(p.Message, o.String(), o.Kind, 1)
}

// applications checks the sources in this repository that Argo CD deploys, and returns the folders.
func (s *manifestCheck) applications() map[string]bool {
	folders := map[string]bool{}
	for _, name := range s.names {
		if s.data[name] || s.patches[name] {
			continue
		}
		for _, o := range kubernetes.Objects(s.files.Parse(name).Documents) {
			for _, source := range kubernetes.Sources(o) {
				if !source.In(s.in.ForgeURLs) || !source.Moves() {
					continue
				}
				folder, kind, there := path.Clean(source.Path), "folder", s.files.HasFolder(source.Path)
				if source.File {
					kind, there = "file", s.files.HasFile(source.Path)
				} else {
					folders[folder] = true
				}
				if !there {
					s.report(name, source.Node, "application", fmt.Sprintf("%s: %s %q not found", o, kind, source.Path))
				}
			}
		}
	}
	return folders
}

// branches checks the branches that Argo CD follows.
func (s *manifestCheck) branches() error {
	names, known, err := branchesOf(s.in)
	if !known {
		return err
	}
	tags := map[string]bool{} // an Application can follow a tag that moves
	if s.in.Tags != nil {
		if tags, err = s.in.Tags(); err != nil {
			return err
		}
	}
	for _, name := range s.names {
		if s.data[name] || s.patches[name] {
			continue
		}
		for _, o := range kubernetes.Objects(s.files.Parse(name).Documents) {
			for _, b := range kubernetes.Branches(o, s.in.ForgeURLs) {
				if !names[b.Name] && !tags[b.Tag()] {
					s.report(name, b.Node, "branch", fmt.Sprintf("%s follows %s, which is not a branch of the repository", o, b.Name))
				}
			}
		}
	}
	return nil
}

func (s *manifestCheck) report(name string, n *yaml.Node, rule, message string) {
	if !s.in.Foreign(name) {
		s.in.Report(validate.Finding{Path: name, Line: n.Line, Column: n.Column, Rule: rule, Message: message})
	}
}

// container is the folder of the container of one of our images. Without any containers, images are built in another repository.
func (s *manifestCheck) container(name string) (dir string, ours bool) {
	own, ours := strings.CutPrefix(name, s.in.Images+"/")
	_, err := image.ParseName(own)
	return path.Join(image.Root, own), ours && err == nil && s.in.Images != "" && s.files.HasFolder(image.Root)
}

// judge reports an invalid image of a deployment.
func (s *manifestCheck) judge(ctx context.Context, image string) (rule, message string, err error) {
	if why := kubernetes.Unpinned(image); why != "" {
		return "latest", fmt.Sprintf("image %q %s", image, why), nil
	}
	name, tag, _ := kubernetes.SplitImage(image)
	if dir, ours := s.container(name); ours && !s.in.HasFolder(dir) {
		return "container", fmt.Sprintf("image %q has no container: the folder %s does not exist", image, dir), nil
	}
	commit := kubernetes.Commit(tag)
	if commit == "" || s.in.Images == "" || s.in.OnDefaultBranch == nil || !strings.HasPrefix(name, s.in.Images+"/") {
		return "", "", nil
	}
	type answer struct {
		gone bool
		err  error
	}
	once, _ := s.gone.LoadOrStore(commit, sync.OnceValue(func() answer {
		on, known, err := s.in.OnDefaultBranch(ctx, commit)
		return answer{known && !on && err == nil, err}
	}))
	if a := once.(func() answer)(); !a.gone {
		return "", "", a.err
	}
	return "revision", fmt.Sprintf("image %q has the commit %s, which is not on the default branch", image, commit), nil
}
