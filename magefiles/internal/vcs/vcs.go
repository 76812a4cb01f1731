// Package vcs holds the nouns of a commit that is made and pushed, and of the things that a forge makes of it: runs, releases and files.
package vcs

// Change is a file that a commit writes or deletes.
type Change struct {
	Path    string // slash path from the root
	Content []byte // the whole file; nil if it is deleted
	Delete  bool
}

// Heads are the released branch and the tags.
type Heads struct {
	Branch string
	Commit string
	Tags   map[string]string // commits by name, as in v1.4.0
}

// Push says which commit and tag to push.
type Push struct {
	Branch  string // bare name
	Old     string // commit of the branch on the remote
	New     string // new commit of the branch, which follows Old in a straight line
	Tag     string // bare name of a tag that the remote must not have yet; "" for none
	TagHash string // object of the tag, or a commit for a tag without an object
}

// RaceError says that another client pushed first.
type RaceError struct{ Err error }

func (e *RaceError) Error() string { return "another push came first: " + e.Err.Error() }
func (e *RaceError) Unwrap() error { return e.Err }

// Hint says what to do.
func (e *RaceError) Hint() string { return "run the same command again" }
