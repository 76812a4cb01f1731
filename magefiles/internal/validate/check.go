package validate

import (
	"context"
	"io/fs"
)

// A Check looks at one aspect of a repository.
type Check struct {
	// Name is what -only takes: lower case.
	Name string
	// Covers says in one sentence which files it looks at and for what.
	Covers string
	// Rules are all kinds of findings that Run may report.
	Rules []Rule
	// Narrow says that what is found in a file depends on that file alone, so that -since may leave out the others: the Tree that Run then
	// gets lists the changed files only.
	Narrow bool
	// Run reports what it finds. An error says that the check could not do its work; what is wrong with the repository is never one.
	Run func(ctx context.Context, in *Input) error
}

// A Rule is one kind of finding.
type Rule struct {
	// ID is unique in its check: lower case with dashes, or what other tools call the same rule (MD001).
	ID string
	// What is found: one sentence. Do is what to do then: an imperative, one sentence. Both are part of docs/reference/checks.md.
	What, Do string
}

// Input is what a check gets.
type Input struct {
	*Tree
	Site
	report func(Finding)
}

// Report adds a finding. It may be called from many goroutines; f.Check is filled in, and f.Do if it is empty.
func (in *Input) Report(f Finding) { in.report(f) }

// HasFolder says whether the repository has such a folder: one with files, or a submodule, whose files git does not list.
func (in *Input) HasFolder(name string) bool {
	_, absent := in.Absent[name]
	if absent || in.Has(name) {
		return true
	}
	_, err := fs.Stat(in.Dir(), name+"/.git") // of a submodule that is checked out
	return err == nil
}

// Site is what checks have to know and no file says. What is not known is its zero value, and what depends on it is not looked for.
type Site struct {
	// Docs is the folder of the documentation, Manifests that of what Argo CD deploys.
	Docs, Manifests string
	// Images is REGISTRY/NAMESPACE of our own images.
	Images string
	// ForgeURLs are the addresses under which the repository itself may be named, without .git.
	ForgeURLs []string
	// Branches are the names of the branches that the remote has, as this clone knows them; known is false if it may not know all.
	Branches func() (names map[string]bool, known bool, err error)
	// Tags are the names of the tags that this clone has.
	Tags func() (names map[string]bool, err error)
	// OnDefaultBranch says whether a commit, which may be abbreviated, is on the default branch. known is false if this clone is too
	// shallow to tell, or has no default branch.
	OnDefaultBranch func(ctx context.Context, commit string) (on, known bool, err error)
	// Absent are submodules that are not checked out, below the folders that checks look at: what is wrong by path.
	Absent map[string]string
	// ParseSecret says what is wrong with a reference to a secret (op://…, env://…, file://…). ours: it is one that these targets read;
	// others are read by 1Password's op command, or by an operator.
	ParseSecret func(reference string, ours bool) error
}
