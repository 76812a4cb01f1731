package drift

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
)

const (
	// asked is the maximum number of parallel requests: some registries would treat more as an attack.
	asked = 8
	// answered is the time limit of one question, including retries.
	answered = 60 * time.Second
)

func images(p Images) validate.Check {
	return validate.Check{
		Name:   "images",
		Covers: "Checks that the registries have every image of the manifests, after kustomize.",
		Rules: []validate.Rule{
			{ID: "missing", What: "The image is not in its registry: no new pod can start.", Do: "Publish it (mage container:publish), or name an existing version."},
			{ID: "container", What: "The image belongs to this site, but the repository has no container of that name: it was removed or renamed.", Do: "Name the container that replaced it, or remove the manifest."},
			{ID: "moved", What: "The tag next to a digest now has another digest.", Do: "Use the new digest, or remove the tag."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			uses := manifestsIn(in.Tree, in.Manifests).images(in.ForgeURLs)
			orphans(in, uses)
			questions, order := questionsOf(uses)
			var lock sync.Mutex
			silent := map[string][]error{} // by host
			var group errgroup.Group
			group.SetLimit(asked)
			for _, q := range order {
				group.Go(func() error {
					if err := q.ask(ctx, p, in, questions[q]); err != nil {
						lock.Lock()
						defer lock.Unlock()
						silent[q.ref.Registry] = append(silent[q.ref.Registry], err)
					}
					return nil
				})
			}
			_ = group.Wait() // the functions return no errors
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return failures(silent)
		},
	}
}

// orphans reports our images for which the repository has no container. Without the folder of containers, images are built in another
// repository.
func orphans(in *validate.Input, uses []use) {
	if in.Images == "" || !in.Has(image.Root) {
		return
	}
	for _, u := range uses {
		own, ours := strings.CutPrefix(u.name, in.Images+"/")
		if _, err := image.ParseName(own); !ours || err != nil || in.HasFolder(image.Root+"/"+own) {
			continue
		}
		message := fmt.Sprintf("the container of %s is missing: folder %s/%s not found", u, image.Root, own)
		in.Report(validate.Finding{Path: u.path, Line: u.line, Column: u.column, Rule: "container", Message: message})
	}
}

// question is an image, asked once for all places that name it.
type question struct {
	ref    image.Reference
	tagged bool // the manifest states the tag
	digest string
}

// questionsOf groups the places that name the same image. order has the images in the order of their first places.
func questionsOf(uses []use) (places map[question][]use, order []question) {
	places = map[question][]use{}
	for _, u := range uses {
		ref, ok := u.normal()
		if !ok {
			continue
		}
		q := question{ref, u.tag != "", u.digest}
		if places[q] == nil {
			order = append(order, q)
		}
		places[q] = append(places[q], u)
	}
	return places, order
}

func (q question) String() string {
	switch {
	case q.digest == "":
		return q.ref.String()
	case q.tagged:
		return q.ref.WithDigest(q.digest)
	}
	return q.ref.Name() + "@" + q.digest
}

// ask checks the digest, if one is stated, and then the tag.
func (q question) ask(ctx context.Context, p Images, in *validate.Input, places []use) error {
	ctx, cancel := context.WithTimeoutCause(ctx, answered, &remote.SilentError{After: answered})
	defer cancel()
	report := func(rule, message string) {
		for _, u := range places {
			in.Report(validate.Finding{Path: u.path, Line: u.line, Column: u.column, Rule: rule, Message: message})
		}
	}
	_, ok, err := p.Holds(ctx, q.ref, q.digest)
	if err != nil {
		return err
	}
	if !ok {
		report("missing", fmt.Sprintf("%s does not have %s", q.ref.Registry, q))
		return nil
	}
	if q.digest == "" || !q.tagged {
		return nil
	}
	found, ok, err := p.Holds(ctx, q.ref, "")
	switch {
	case err != nil:
		return err
	case !ok:
		report("moved", fmt.Sprintf("%s no longer has the tag of %s", q.ref.Registry, q))
	case found != q.digest:
		report("moved", fmt.Sprintf("%s now has the digest %s, not %s", q.ref, found, q.digest))
	}
	return nil
}

// failures returns an error for each host that did not answer: its first error, and the number of others.
func failures(silent map[string][]error) error {
	var all []error
	for host, errs := range silent {
		slices.SortFunc(errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
		err := remote.Advised(errs[0])
		if !strings.Contains(err.Error(), host) {
			err = fmt.Errorf("registry %s: %w", host, err)
		}
		if n := len(errs) - 1; n > 0 {
			err = fmt.Errorf("%w (and %d more images there)", err, n)
		}
		all = append(all, err)
	}
	slices.SortFunc(all, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(all...)
}
