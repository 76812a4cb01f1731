package repo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"
	"github.com/go-git/go-git/v5/plumbing/transport"
)

// Fetch fetches a branch, or another reference if it begins with refs/, and returns its commit. It writes only objects, and moves no
// reference: neither the user's nor a tracking one. A shallow clone stays as shallow as it is.
func (m *Remote) Fetch(ctx context.Context, ref string) (Commit, error) {
	s, err := m.uploading(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return Commit{}, fmt.Errorf("git remote %s: %s: %w: the repository is empty", m, ref, ErrNoSuchRef)
	}
	if err != nil {
		return Commit{}, err
	}
	defer s.Close()
	name := ref
	if !strings.HasPrefix(ref, "refs/") {
		name = string(headRef(ref))
	}
	hash, ok := s.advertised.References[name]
	if !ok {
		return Commit{}, fmt.Errorf("git remote %s: %s: %w", m, ref, ErrNoSuchRef)
	}
	m.repo.objects.Lock()
	defer m.repo.objects.Unlock()
	if err := m.fetchObjects(ctx, s, hash); err != nil {
		return Commit{}, fmt.Errorf("fetch %s from %s: %w", ref, m, s.secret.hide(err))
	}
	c, err := m.repo.peel(hash)
	if err != nil {
		return Commit{}, fmt.Errorf("fetch %s from %s: %w", ref, m, err)
	}
	return Commit{Hash: c.Hash.String(), Time: c.Committer.When}, nil
}

// fetchObjects fetches an object and all that it leads to. If the object exists, the rest may still be missing: a copy of a folder has only the objects
// that existed at that time, an interrupted git fetch leaves some of its objects, and git gc deletes objects without a reference one by one. So the
// object is fetched unless a reference names it, or this program has fetched it.
func (m *Remote) fetchObjects(ctx context.Context, s *session[transport.UploadPackSession], hash plumbing.Hash) error {
	r := m.repo
	req := packp.NewUploadPackRequestFromCapabilities(s.advertised.Capabilities)
	req.Wants = []plumbing.Hash{hash}
	var err error
	if req.Haves, err = r.haves(); err != nil || slices.Contains(req.Haves, hash) {
		return err
	}
	if req.Shallows, err = r.store.Shallow(); err != nil {
		return err
	}
	for name, wanted := range map[capability.Capability]bool{capability.Shallow: len(req.Shallows) > 0, capability.NoProgress: true} {
		if wanted && s.advertised.Capabilities.Supports(name) {
			if err := req.Capabilities.Set(name); err != nil {
				return err
			}
		}
	}
	answer, err := s.talk.UploadPack(ctx, req)
	if err != nil {
		return err
	}
	err = r.keepPack(ctx, demultiplex(req.Capabilities, answer))
	if err = errors.Join(err, answer.Close()); err != nil {
		return err
	}
	if err := r.store.HasEncodedObject(hash); err != nil {
		return fmt.Errorf("the server did not send %s: %w", hash, err)
	}
	r.completeCommits[hash] = true
	return nil
}

func demultiplex(asked *capability.List, in io.Reader) io.Reader {
	switch {
	case asked.Supports(capability.Sideband64k):
		return sideband.NewDemuxer(sideband.Sideband64k, in)
	case asked.Supports(capability.Sideband):
		return sideband.NewDemuxer(sideband.Sideband, in)
	}
	return in
}

// someCommits is the number of older commits that are named to the server, in case it does not know the newest.
const someCommits = 200

// haves are commits whose history this clone has, whole or down to where it is cut off: those that references name, the newest of HEAD's
// history, and those fetched or pushed before.
func (r *Repo) haves() ([]plumbing.Hash, error) {
	list := map[plumbing.Hash]bool{}
	refs, err := r.store.IterReferences()
	if err != nil {
		return nil, err
	}
	err = refs.ForEach(func(ref *plumbing.Reference) error {
		if ref.Type() == plumbing.HashReference && r.store.HasEncodedObject(ref.Hash()) == nil {
			list[ref.Hash()] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if head, err := r.git.Head(); err == nil {
		c, err := r.git.CommitObject(head.Hash())
		for n := 0; err == nil && n < someCommits; n++ {
			list[c.Hash] = true
			c, err = c.Parent(0)
		}
	}
	for h := range r.completeCommits {
		if r.store.HasEncodedObject(h) == nil { // without a reference, git gc may have deleted it
			list[h] = true
		}
	}
	return slices.Collect(maps.Keys(list)), nil
}

// peel is the commit that a commit or a tag leads to. The caller holds the lock of objects.
func (r *Repo) peel(hash plumbing.Hash) (*object.Commit, error) {
	for {
		t, err := r.git.TagObject(hash)
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return r.git.CommitObject(hash)
		}
		if err != nil {
			return nil, err
		}
		hash = t.Target
	}
}
