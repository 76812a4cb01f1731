package doctor

import (
	"context"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

func push(p Clone) validate.Check {
	return validate.Check{
		Name:   "push",
		Covers: "Checks that a release from this clone can succeed: its history, its changes, and the permission to push to its remote.",
		Rules: []validate.Rule{
			{ID: "clone", What: "The clone cannot be read.", Do: "Run this in a clone of the repository that has a remote."},
			{ID: "shallow", What: "The clone is shallow: dates and versions cannot be determined.", Do: "Run git fetch --unshallow; in CI, check out with fetch-depth: 0."},
			{ID: "changes", What: "The tree has changes. A version is published from a clean tree.", Do: "Commit or stash them."},
			{ID: "branch", What: "The checked out commit is not on the default branch, from which versions are published.", Do: "Merge and push it, or check out the default branch."},
			{ID: "right", What: "The remote does not answer, or this account may not push a branch and a tag in one step.", Do: "Check the address of the remote, and the token or key."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			state, err := p.State(ctx)
			if err != nil {
				report(in, "clone", "clone", err)
			} else {
				state.judge(in)
			}
			if err := p.MayPush(ctx); err != nil {
				report(in, p.String(), "right", err)
			}
			return nil
		},
	}
}

func (s CloneState) judge(in *validate.Input) {
	if s.Shallow {
		in.Report(validate.Finding{About: "clone", Rule: "shallow", Message: "its history is incomplete"})
	} else if !s.Released {
		in.Report(validate.Finding{About: "clone", Rule: "branch", Message: fmt.Sprintf("the commit %.12s is not on %s, as this clone knows it", s.Head, s.Default)})
	}
	if n := len(s.Changed); n > 0 {
		const shown = 3
		names := strings.Join(s.Changed[:min(n, shown)], ", ")
		if n > shown {
			names += fmt.Sprintf(" and %d more", n-shown)
		}
		in.Report(validate.Finding{About: "clone", Rule: "changes", Message: "uncommitted changes: " + names})
	}
}
