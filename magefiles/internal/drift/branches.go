package drift

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/kubernetes"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/workflow"
)

func branches(p History) validate.Check {
	return validate.Check{
		Name:   "branches",
		Covers: "Checks that the forge has the branches that workflows and Applications name.",
		Rules: []validate.Rule{
			{ID: "missing", What: "A workflow or an Application names a branch that the forge does not have: nothing runs, nothing is deployed.", Do: "Name an existing branch, such as the default branch."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			refs, err := p.Refs(ctx)
			if err != nil {
				return remote.Advised(err)
			}
			if len(refs.Heads) == 0 {
				return nil // a repository without a branch
			}
			report := func(path string, line, column int, what string, names ...string) {
				if !slices.ContainsFunc(names, func(name string) bool { _, ok := refs.Heads[name]; return ok }) {
					message := fmt.Sprintf("%s %s, which is not on %s; the default branch is %s", what, strings.Join(names, " or "), p, refs.Default)
					in.Report(validate.Finding{Path: path, Line: line, Column: column, Rule: "missing", Message: message})
				}
			}
			for _, dir := range []string{".forgejo", ".gitea", ".github"} {
				for _, name := range in.Files(dir+"/workflows", ".yaml", ".yml") {
					text, _ := in.Text(name)
					for _, b := range workflow.BranchesOf(text) {
						report(name, b.Line, b.Column, b.What, b.Names...)
					}
				}
			}
			m := manifestsIn(in.Tree, in.Manifests)
			for _, name := range m.names {
				for _, o := range m.objects(name) {
					for _, b := range kubernetes.Branches(o, in.ForgeURLs) {
						if _, ok := refs.Tags[b.Tag()]; ok {
							continue // an Application can follow a tag that moves
						}
						report(name, b.Node.Line, b.Node.Column, fmt.Sprintf("%s follows", o), b.Name)
					}
				}
			}
			return nil
		},
	}
}
