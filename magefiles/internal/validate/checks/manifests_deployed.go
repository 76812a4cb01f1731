package checks

import (
	"context"
	"errors"
	"sync"

	"go.yaml.in/yaml/v3"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
)

// deployed builds the deployed kustomizations and checks the results.
func (s *manifestCheck) deployed(ctx context.Context, wholes []*kubernetes.Whole, folders map[string]bool) error {
	roots := roots(wholes, folders)
	all := map[string]*kubernetes.Whole{}
	for _, w := range wholes {
		all[w.Folder] = w
	}
	var lock sync.Mutex
	within, done := map[string]bool{}, map[string]bool{} // files and folders that were built
	err := validate.Each(ctx, roots, func(w *kubernetes.Whole) error {
		built := s.build(w, all)
		if !built.ok {
			return nil
		}
		lock.Lock()
		for _, part := range w.Parts {
			done[part.Folder] = true
			for _, file := range part.Files {
				within[file] = true
			}
		}
		lock.Unlock()
		return s.result(ctx, w, built.objects)
	})
	return errors.Join(err, s.unbuilt(ctx, wholes, within, done))
}

// roots are the kustomizations to build: all except those that are only parts of others, which are built with them.
func roots(wholes []*kubernetes.Whole, folders map[string]bool) []*kubernetes.Whole {
	included, covered := map[string]bool{}, map[string]bool{}
	buildable := func(w *kubernetes.Whole) bool { return w.Aside == "" && !w.Component }
	for _, w := range wholes {
		for _, part := range w.Parts[1:] {
			included[part.Folder] = included[part.Folder] || buildable(w)
		}
	}
	var list []*kubernetes.Whole
	pick := func(want func(*kubernetes.Whole) bool) {
		for _, w := range wholes {
			if buildable(w) && want(w) {
				list = append(list, w)
				for _, part := range w.Parts {
					covered[part.Folder] = true
				}
			}
		}
	}
	pick(func(w *kubernetes.Whole) bool { return !included[w.Folder] || folders[w.Folder] })
	pick(func(w *kubernetes.Whole) bool { return !covered[w.Folder] }) // kustomizations that include each other
	return list
}

// outcome is the result of a build.
type outcome struct {
	objects []kubernetes.Object
	ok      bool
}

// build builds a kustomization once. If the build of one of its parts fails, only the part is reported.
func (s *manifestCheck) build(w *kubernetes.Whole, all map[string]*kubernetes.Whole) outcome {
	once, _ := s.built.LoadOrStore(w, sync.OnceValue(func() outcome {
		objects, err := s.files.Build(w)
		if err == nil {
			return outcome{objects, true}
		}
		for _, part := range w.Parts[1:] {
			p := all[part.Folder]
			if p != nil && !p.Component && p.Aside == "" && len(p.Parts) < len(w.Parts) && !s.build(p, all).ok {
				return outcome{}
			}
		}
		finding := validate.Finding{Path: w.Path, Rule: kubernetes.RuleKustomize, Message: err.Error()}
		if failed := (*kubernetes.BuildError)(nil); errors.As(err, &failed) {
			finding.Line, finding.Column = failed.Line, failed.Column
		}
		s.in.Report(finding)
		return outcome{}
	}))
	return once.(func() outcome)()
}

// result checks the objects of a build: the effect of patches, and the images.
func (s *manifestCheck) result(ctx context.Context, w *kubernetes.Whole, objects []kubernetes.Object) error {
	seen := map[string]bool{}
	var failed error
	for _, o := range objects {
		if w.Patched && !(w.Trimmed && o.Kind == "CustomResourceDefinition") {
			for _, p := range s.schemas.Validate(o, false) {
				if !s.said[nameless(o, p)] {
					s.report(w.Path, w.Position("patches", "patchesStrategicMerge", "patchesJson6902", "components", "replacements"), p.Rule, "built, "+p.Message)
				}
			}
		}
		for _, image := range kubernetes.Images(o) {
			if seen[image.Value] {
				continue
			}
			seen[image.Value] = true
			rule, message, err := s.judge(ctx, image.Value)
			failed = errors.Join(failed, err)
			if rule == "" {
				continue
			}
			for _, place := range s.files.Places(w, image.Value) {
				s.report(place.Path, place.Node, rule, message)
			}
		}
	}
	return failed
}

// unbuilt checks the images in files outside of all built kustomizations, and the image entries of kustomizations that are not built.
func (s *manifestCheck) unbuilt(ctx context.Context, wholes []*kubernetes.Whole, within, done map[string]bool) error {
	var failed error
	look := func(name string, n *yaml.Node, image string) {
		rule, message, err := s.judge(ctx, image)
		failed = errors.Join(failed, err)
		if rule != "" {
			s.report(name, n, rule, message)
		}
	}
	for _, w := range wholes {
		if done[w.Folder] {
			continue
		}
		for _, entry := range w.Images {
			s.loose[entry.From] = true
			if entry.Tag != "" && entry.Digest == "" {
				look(w.Path, entry.Node, entry.Name+":"+entry.Tag)
			}
		}
	}
	for _, name := range s.names {
		if within[name] || s.data[name] || s.patches[name] {
			continue
		}
		for _, o := range kubernetes.Objects(s.files.Parse(name).Documents) {
			for _, image := range kubernetes.Images(o) {
				if from, _, _ := kubernetes.SplitImage(image.Value); !s.loose[from] {
					look(name, image, image.Value)
				}
			}
		}
	}
	return failed
}
