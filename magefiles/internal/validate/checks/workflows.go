package checks

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/target"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/workflow"
)

// workflows checks the workflows of Forgejo.
var workflows = validate.Check{
	Name:   "workflows",
	Covers: "Workflows and actions below .forgejo, .gitea and .github: whether Forgejo runs them, and common mistakes. Forgejo's limits do not count below .github if GitHub runs it: another folder of them exists, or the remote is at github.com and no setting names another forge.",
	Rules: []validate.Rule{
		{ID: workflow.RuleYAML, What: "A workflow is not YAML, has a key twice, or is nested too deeply.", Do: "Correct the YAML."},
		{ID: workflow.RuleSchema, What: "Forgejo's runner refuses the workflow or action: its schema does not allow a key, a value or a context there.", Do: "Use only what the workflow reference of Forgejo Actions describes."},
		{ID: workflow.RuleActionlint, What: "actionlint finds a mistake; its kind is at the end of the message.", Do: "Correct it as the message says; the documentation of actionlint explains the kinds."},
		{ID: workflow.RuleIgnored, What: "Forgejo silently ignores a setting or an event.", Do: "Remove it, and do not rely on it."},
		{ID: workflow.RuleAnchor, What: "Forgejo loses the anchor of a YAML alias or merge key: it splits a workflow into its jobs, and keeps env, if, needs, runs-on, container and secrets as written; it does not resolve an alias for the whole of one of them, or of a matrix.", Do: "Write the values there, or define the anchor earlier in the env of the same job or of one of its steps; whole jobs, steps, lists of steps and with may be aliased and merged."},
		{ID: workflow.RulePin, What: "An action is not pinned by a full commit hash, or an image has no version.", Do: "Write the commit after @ in full, and the version as a comment."},
		{ID: workflow.RuleMissing, What: "A workflow uses an action or workflow of this repository that does not exist.", Do: "Use an existing one, or add it."},
		{ID: workflow.RuleInjection, What: "Text from other people becomes part of a script, so they can run commands.", Do: "Pass it in the step's env."},
		{ID: workflow.RuleSecret, What: "A secret is part of a script, or is given to steps that do not need it.", Do: "Move it to the env of the step that needs it."},
		{ID: workflow.RuleHead, What: "A workflow with the rights of the base checks out the code of a pull request.", Do: "Use the event pull_request, or do not check out the pull request."},
		{ID: "branch", What: "A workflow names a branch that the repository does not have, so it never runs.", Do: "Use an existing branch, such as the default branch."},
		{ID: workflow.RuleMage, What: "A mage command has no valid target, or has invalid arguments or flags.", Do: "Write it as `mage -h TARGET` shows."},
	},
	Fixes: true,
	Run: func(ctx context.Context, in *validate.Input) error {
		return validate.Each(ctx, workflowFiles(in), func(name string) error {
			text, ok := in.Text(name)
			if !ok {
				return nil
			}
			options := workflow.Options{Forgejo: runsOnForgejo(in, name), Fix: in.Fix, Targets: mageTargets(in.Tree), Exists: in.Has}
			if in.Fix && in.Commit != nil {
				options.Commit = func(url, ref string) string { return in.Commit(ctx, url, ref) }
			}
			for _, p := range workflow.Check(name, text, options) {
				f := validate.Finding{Path: name, Line: p.Line, Column: p.Column, Rule: p.Rule, Message: p.Message, Do: p.Do, Fix: p.Fix, Group: p.Group, Item: p.Item}
				if p.Rule == workflow.RulePin {
					f.GroupDo = "Write the commit after each @ in full, and the version as a comment: `validate -fix` asks for the commits."
				}
				in.Report(f)
			}
			branches, known, err := branchesOf(in)
			if !known {
				return err
			}
			for _, b := range workflow.BranchesOf(text) {
				if !slices.ContainsFunc(b.Names, func(name string) bool { return branches[name] }) {
					in.Report(validate.Finding{Path: name, Line: b.Line, Column: b.Column, Rule: "branch", Message: fmt.Sprintf("%s %s, which is not a branch of the repository", b.What, strings.Join(b.Names, " or "))})
				}
			}
			return nil
		})
	},
}

type branchesKey struct{}

type knownBranches struct {
	names map[string]bool
	known bool
	err   error
}

// branchesOf are the remote's branches, read once.
func branchesOf(in *validate.Input) (names map[string]bool, known bool, err error) {
	b := validate.Shared(in.Tree, branchesKey{}, func(*validate.Tree) (b knownBranches) {
		if in.Branches != nil {
			b.names, b.known, b.err = in.Branches()
		}
		return b
	})
	return b.names, b.known && b.err == nil, b.err
}

// workflowFolders are the folders of workflows: Forgejo uses the first that exists.
var workflowFolders = []string{".forgejo", ".gitea", ".github"}

func workflowFiles(in *validate.Input) []string {
	var found []string
	for _, dir := range workflowFolders {
		for _, name := range in.Files(dir, ".yaml", ".yml") {
			if strings.HasPrefix(name, dir+"/workflows/") || workflow.IsAction(name) {
				found = append(found, name)
			}
		}
	}
	return found
}

// runsOnForgejo says whether Forgejo runs a workflow: it skips .github if another folder exists, because GitHub runs those on a mirror. It also
// does not run them if GitHub is the only forge of the repository.
func runsOnForgejo(in *validate.Input, name string) bool {
	return !strings.HasPrefix(name, ".github/") || !in.Has(".forgejo/workflows") && !in.Has(".gitea/workflows") && !onlyOnGitHub(in.ForgeURLs)
}

// onlyOnGitHub says whether all known addresses of a repository are at GitHub.
func onlyOnGitHub(addresses []string) bool {
	return len(addresses) > 0 && !slices.ContainsFunc(addresses, func(address string) bool {
		url, err := url.Parse(address)
		return err != nil || !strings.EqualFold(url.Hostname(), "github.com")
	})
}

type targetsKey struct{}

// mageTargets are the targets of the repository, or nil if they are not known: the compiler reports a magefile that does not parse.
func mageTargets(tree *validate.Tree) *target.Set {
	return validate.Shared(tree, targetsKey{}, func(t *validate.Tree) *target.Set {
		set, err := target.Read(t)
		if err != nil {
			return nil
		}
		return set
	})
}
