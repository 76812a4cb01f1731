package repo

import (
	"context"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// Tag writes an annotated tag of a commit, signed if there is a key, and returns the hash of the tag's object for Push. Like Commit it
// moves no reference, and the same tag again is the same object. An annotated tag says who released when, and can be signed.
func (r *Repo) Tag(ctx context.Context, name, commit string, o CommitOptions) (hash string, err error) {
	if err := checkTag(name); err != nil {
		return "", err
	}
	who, message, err := o.parts()
	if err != nil {
		return "", err
	}
	r.objects.Lock()
	defer r.objects.Unlock()
	target, err := r.commit(commit)
	if err != nil {
		return "", err
	}
	t := &object.Tag{Name: name, Tagger: who, Message: message, TargetType: plumbing.CommitObject, Target: target.Hash}
	if t.PGPSignature, err = o.Signer.sign(t); err != nil {
		return "", err
	}
	if ctx.Err() != nil {
		return "", context.Cause(ctx)
	}
	return r.write(t)
}

func tagRef(name string) plumbing.ReferenceName  { return plumbing.NewTagReferenceName(name) }
func headRef(name string) plumbing.ReferenceName { return plumbing.NewBranchReferenceName(name) }

func checkTag(name string) error {
	if err := tagRef(name).Validate(); err != nil || strings.HasPrefix(name, "-") {
		return fmt.Errorf("tag %q: expected a name that git allows, such as v1.2.3", name)
	}
	return nil
}

func checkBranch(name string) error {
	if err := headRef(name).Validate(); err != nil || strings.HasPrefix(name, "-") || strings.HasPrefix(name, "refs/") {
		return fmt.Errorf("branch %q: expected its bare name, such as main", name)
	}
	return nil
}
