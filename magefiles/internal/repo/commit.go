package repo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// CommitOptions are the author, the time and the message of a commit. The same changes on the same base with the same options give
// the same commit, unless it is signed with an ECDSA key, whose signatures differ each time.
type CommitOptions struct {
	Message string
	Name    string    // of author and committer
	Email   string    // of both
	When    time.Time // to the second; its zone is kept
	Signer  *Signer   // nil: not signed
}

// Commit writes a commit with base's tree plus the changes, and base as its parent. It writes only objects: it neither reads nor writes references,
// the index or files of the work tree. So its cost depends on the changed paths, not on the repository. git gc removes objects without a reference
// in time.
//
// Files keep their modes; folders that become empty are removed. A change outside the tree, or one that does not fit the tree, is an
// ErrPath; changes without an effect are ErrUnchanged.
func (r *Repo) Commit(ctx context.Context, base string, changes []Change, o CommitOptions) (hash string, err error) {
	who, message, err := o.parts()
	if err != nil {
		return "", err
	}
	plan, err := arrange(changes)
	if err != nil {
		return "", err
	}
	r.objects.Lock()
	defer r.objects.Unlock()
	parent, err := r.commit(base)
	if err != nil {
		return "", err
	}
	tree, err := r.edit(parent.TreeHash, "", plan)
	switch {
	case err != nil:
		return "", err
	case tree.IsZero():
		return "", fmt.Errorf("%w: the changes would delete all files", ErrPath)
	case tree == parent.TreeHash:
		return "", fmt.Errorf("commit on %.12s: %w", base, ErrUnchanged)
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	}
	c := &object.Commit{Author: who, Committer: who, Message: message, TreeHash: tree, ParentHashes: []plumbing.Hash{parent.Hash}}
	if c.PGPSignature, err = o.Signer.sign(c); err != nil {
		return "", err
	}
	return r.write(c)
}

// encoded is a commit or a tag.
type encoded interface {
	Encode(plumbing.EncodedObject) error
	EncodeWithoutSignature(plumbing.EncodedObject) error
}

func (r *Repo) write(e encoded) (string, error) {
	var raw plumbing.MemoryObject
	if err := e.Encode(&raw); err != nil {
		return "", err
	}
	hash, err := r.keep(&raw)
	return hash.String(), err
}

// parts are the author and the message.
func (o CommitOptions) parts() (who object.Signature, message string, err error) {
	if who, err = o.signature(); err != nil {
		return who, "", err
	}
	message, err = cleanMessage(o.Message)
	return who, message, err
}

func (o CommitOptions) signature() (object.Signature, error) {
	for what, v := range map[string]string{"name": o.Name, "email": o.Email} {
		if strings.TrimSpace(v) == "" || strings.ContainsAny(v, "<>\n\x00") {
			return object.Signature{}, fmt.Errorf("author's %s %q: expected one line without `<` and `>`", what, v)
		}
	}
	if o.When.Unix() <= 0 {
		return object.Signature{}, errors.New("time of the commit is not set")
	}
	return object.Signature{Name: strings.TrimSpace(o.Name), Email: strings.TrimSpace(o.Email), When: o.When.Truncate(time.Second)}, nil
}

// cleanMessage ends a message in one line feed, as git does.
func cleanMessage(m string) (string, error) {
	m = strings.TrimSpace(m)
	switch {
	case m == "":
		return "", errors.New("message is empty")
	case !utf8.ValidString(m) || strings.ContainsRune(m, 0):
		return "", fmt.Errorf("message %q: expected UTF-8 without zero bytes", m)
	}
	return m + "\n", nil
}
