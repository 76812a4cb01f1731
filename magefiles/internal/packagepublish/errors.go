package packagepublish

import (
	"cmp"
	"fmt"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/plain"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/python"
)

// refusal is an error with a hint.
type refusal struct{ text, hint string }

func (e *refusal) Error() string { return e.text }

// Hint says what to do.
func (e *refusal) Hint() string { return e.hint }

func errDirty(changed []string) error {
	return &refusal{fmt.Sprintf("the tree has changes (%s), but a package must be published from a commit", plain.Paths(changed)), "commit or stash the changes"}
}

func errBranch(commit, branch string) error {
	return &refusal{fmt.Sprintf("commit %.12s is not on branch %s, from which packages must be published", commit, branch), fmt.Sprintf("merge and push it to %s first", branch)}
}

func errTag(tag, commit, head string) error {
	if commit == "" {
		return &refusal{fmt.Sprintf("the forge has no tag %s: nothing is published", tag), "push the tag"}
	}
	return &refusal{fmt.Sprintf("tag %s is on commit %.12s at the forge, but %.12s is checked out: nothing is published", tag, commit, head), "check out the commit of the tag"}
}

func errStated(p python.Project, asked string, want python.Version) error {
	stated := p.StatedVersion()
	hint := fmt.Sprintf("write version = %q there and commit it", want)
	if tag, err := p.Version.Tag(); err == nil {
		hint += ", or publish " + tag
	}
	return &refusal{fmt.Sprintf("%s states version %s, but %s is %s", p.File(), stated, asked, want), hint}
}

// TakenError says that the index has a file of that name with another content.
type TakenError struct {
	Index, File string
	Found, Ours string // SHA256
	Do          string // how to publish the next free version; "" if that is not known
}

func (e *TakenError) Error() string {
	if e.Found == "" {
		return fmt.Sprintf("%s has %s already, and does not state its SHA256", e.Index, e.File)
	}
	return fmt.Sprintf("%s has %s already with another content: sha256:%s (this commit: sha256:%s)", e.Index, e.File, e.Found, e.Ours)
}

// Hint says what to do.
func (e *TakenError) Hint() string {
	return cmp.Or(e.Do, "publish the next version") + ". If it is the same commit, the build does not repeat: pin the requirements in [build-system], and the image of the setting PythonImage by its digest"
}
