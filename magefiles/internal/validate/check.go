package validate

import (
	"context"
	"io/fs"
)

// A Check inspects one aspect of a repository.
type Check struct {
	// Name is the name for -only, in lower case.
	Name string
	// Covers says in one sentence which files it checks, and for what. It may have wiki links: only docs/reference/checks.md shows it.
	Covers string
	// Rules are all kinds of findings that Run may report.
	Rules []Rule
	// Narrow says that the findings in a file depend only on that file, so that -since may leave out other files: the Tree for Run then
	// lists only the changed files.
	Narrow bool
	// Fixes says that some findings have a Fix.
	Fixes bool
	// Run reports findings. An error says that the check could not run; a mistake in the repository is never an error.
	Run func(ctx context.Context, in *Input) error
}

// A Rule is one kind of finding.
type Rule struct {
	// ID is unique in its check: lower case with dashes, or the common name of the rule in other tools (MD001).
	ID string
	// What describes the mistake in one sentence. Do says in one sentence, an imperative, how to correct it. Both appear in
	// docs/reference/checks.md.
	What, Do string
}

// Input is the input of a check.
type Input struct {
	*Tree
	Site
	// Fix asks for the fixes of findings.
	Fix    bool
	report func(Finding)
	advise func(string)
}

// Advise adds a sentence for people to the summary, if the check has findings.
func (in *Input) Advise(text string) { in.advise(text) }

// Report adds a finding. It may be called from several goroutines. It fills in f.Check, and f.Do if that is empty.
func (in *Input) Report(f Finding) { in.report(f) }

// HasFolder says whether the repository has a folder: one with files, or a submodule, whose files git does not list.
func (in *Input) HasFolder(name string) bool {
	_, absent := in.Absent[name]
	if absent || in.Has(name) {
		return true
	}
	_, err := fs.Stat(in.Dir(), name+"/.git") // of a submodule that is checked out
	return err == nil
}

// Site is the information that checks need and that no file contains. Unknown values are zero, and checks skip what depends on them.
type Site struct {
	// Docs is the folder of the documentation, Manifests the folder that Argo CD deploys from.
	Docs, Manifests string
	// Keys are the keys that the frontmatter of each page of the documentation must have.
	Keys []string
	// Images is REGISTRY/NAMESPACE of our own images.
	Images string
	// ForgeURLs are the possible addresses of the repository, without .git.
	ForgeURLs []string
	// Branches are the names of the remote's branches in this clone; known is false if the clone may not have all of them.
	Branches func() (names map[string]bool, known bool, err error)
	// Tags are the names of the tags that this clone has.
	Tags func() (names map[string]bool, err error)
	// OnDefaultBranch says whether a commit, which may be abbreviated, is on the default branch. known is false if this clone is too
	// shallow to decide, or has no default branch.
	OnDefaultBranch func(ctx context.Context, commit string) (on, known bool, err error)
	// Dates are the days of the last commits of the pages in Docs, as in 2006-01-02, by path. It may be nil.
	Dates func(ctx context.Context) (map[string]string, error)
	// Commit is the commit of a tag, or of the default branch, of a git repository now; Digest is the digest of an image now. Both are "" if
	// that cannot be read. They may be nil: only -fix asks.
	Commit func(ctx context.Context, url, ref string) string
	Digest func(ctx context.Context, image string) string
	// Absent are the submodules below the checked folders that are not checked out: the message for each path.
	Absent map[string]string
	// ParseSecret returns the error in a reference to a secret (op://…, env://…, file://…). ours says that these targets read it;
	// 1Password's op command or an operator reads the others.
	ParseSecret func(reference string, ours bool) error
}
