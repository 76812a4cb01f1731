package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/containerrelease"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/doctor"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/registry"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
)

// ownRegistry is a doctor.Registry: the site's.
type ownRegistry struct {
	*App
	client *registry.Client
}

func (o ownRegistry) String() string { return "registry " + o.Registry }

// reference is one that is asked about: of the first container, as accounts may have rights for single repositories.
func (o ownRegistry) reference() (ref image.Reference, ok bool, err error) {
	found, err := image.Find(o.tree())
	name := image.Name("doctor")
	if len(found) > 0 {
		name, err = found[0].Name, nil
	}
	if err != nil {
		return ref, false, err
	}
	version, err := image.ParseVersion("v0.0.0") // a reference has a tag
	if err != nil {
		return ref, false, err
	}
	ref, err = image.NewReference(o.Registry, o.Namespace, name, version)
	return ref, len(found) > 0, err
}

func (o ownRegistry) Read(ctx context.Context) error {
	ref, _, err := o.reference()
	if err == nil {
		_, _, err = o.client.Holds(ctx, ref, "")
	}
	return withHint(err)
}

func (o ownRegistry) Push(ctx context.Context) error {
	ref, ok, err := o.reference()
	if err != nil || !ok { // nothing is pushed
		return err
	}
	return withHint(o.client.MayPush(ctx, ref))
}

// rights is a doctor.Forge.
type rights struct {
	client     *forge.Client
	repository forge.Repository
	address    string
	origin     *origin.Origin // nil if there is none
	note       func(string)
}

func (f rights) String() string { return "forge " + f.address }

func (f rights) Ask(ctx context.Context) []error {
	need := forge.Need{Repository: f.repository, Branch: origin.DefaultBranch, Releases: true, Packages: f.repository.Owner, Public: true}
	if f.origin != nil {
		need.Tags = f.nextTags(ctx)
		if head, err := f.origin.Git.Head(); err == nil {
			_, branch, _ := f.origin.Git.OnDefaultBranch(ctx, head.Hash) // its name is known whether or not the commit is on it
			need.Branch = cmp.Or(branch, need.Branch)
		}
	}
	checks := f.client.Preflight(ctx, need)
	results := make([]error, len(checks))
	for i, c := range checks {
		results[i] = c.Err
		if c.Doubt != "" {
			f.note(c.Doubt)
		}
	}
	return results
}

// gitPatience is how long doctor asks git's server for tags before it asks the forge without them.
const gitPatience = 10 * time.Second

// nextTags are those that the next releases would make. A remote that does not answer is another check's.
func (f rights) nextTags(ctx context.Context) []string {
	ctx, cancel := context.WithTimeout(ctx, gitPatience)
	defer cancel()
	heads, err := f.origin.Remote.Heads(ctx)
	if err != nil {
		return nil
	}
	var names []image.Name
	containers, _ := image.Find(f.origin.Checkout) // what is wrong with them is told by validate
	for _, c := range containers {
		names = append(names, c.Name)
	}
	return containerrelease.NextTags(heads.Tags, names)
}

// clone is a doctor.Clone; err is why it cannot be one.
type clone struct {
	*origin.Origin
	err error
}

func (c clone) String() string {
	if c.err != nil {
		return "git remote"
	}
	return "git remote " + c.Remote.String()
}

func (c clone) State(ctx context.Context) (s doctor.CloneState, err error) {
	if c.err != nil {
		return s, c.err
	}
	head, err := c.Git.Head()
	if err != nil {
		return s, err
	}
	s.Head = head.Hash
	if s.Shallow, err = c.Git.Shallow(); err != nil {
		return s, err
	}
	if s.Changed, err = c.Git.Changed(ctx); err != nil {
		return s, err
	}
	s.Released, s.Default, err = c.Git.OnDefaultBranch(ctx, head.Hash)
	if errors.Is(err, repo.ErrShallow) {
		err = nil // which is said already
	}
	return s, err
}

func (c clone) MayPush(ctx context.Context) error {
	if c.err != nil {
		return nil // which State tells
	}
	if err := c.Remote.PushRight(ctx); err != nil {
		return err
	}
	if _, err := c.Signer(ctx); err != nil {
		return fmt.Errorf("signing key: %w", err)
	}
	return nil
}

// docsWebsite is a doctor.Website.
type docsWebsite struct{ publicSite }

// Version fails without the address, which is named anyway and has the time in it.
func (d docsWebsite) Version(ctx context.Context) (string, error) {
	version, err := d.publicSite.Version(ctx)
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	return version, err
}
