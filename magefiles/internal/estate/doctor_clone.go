package estate

import (
	"context"
	"fmt"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

func push(p Clone) validate.Check {
	return validate.Check{
		Name:   "push",
		Covers: "Looks whether this clone could be released from: its history, its changes, and the right to push to its remote.",
		Rules: []validate.Rule{
			{ID: "clone", What: "The clone cannot be read.", Do: "Run this in a clone of the repository that has a remote."},
			{ID: "shallow", What: "The history of the clone is cut off, so that neither dates nor versions can be told.", Do: "Run git fetch --unshallow; in CI, check out with fetch-depth: 0."},
			{ID: "changes", What: "Files differ from the commit that is checked out: a version is published from a clean tree.", Do: "Commit or stash them."},
			{ID: "branch", What: "The commit that is checked out is not on the default branch: a version is published from there.", Do: "Merge and push it, or check out the default branch."},
			{ID: "right", What: "The remote does not answer, or would not let this account push a branch and a tag in one step.", Do: "Check the remote's address, and the token or key."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			state, err := p.State(ctx)
			if err != nil {
				lack(in, "clone", "clone", err)
			} else {
				state.judge(in)
			}
			if err := p.MayPush(ctx); err != nil {
				lack(in, p.String(), "right", err)
			}
			return nil
		},
	}
}

func (s CloneState) judge(in *validate.Input) {
	if s.Shallow {
		in.Report(validate.Finding{About: "clone", Rule: "shallow", Message: "its history is cut off"})
	} else if !s.Released {
		in.Report(validate.Finding{About: "clone", Rule: "branch", Message: fmt.Sprintf("the commit %.12s is not on %s, as this clone knows it", s.Head, s.Default)})
	}
	if n := len(s.Changed); n > 0 {
		const shown = 3
		names := strings.Join(s.Changed[:min(n, shown)], ", ")
		if n > shown {
			names += fmt.Sprintf(" and %d more", n-shown)
		}
		in.Report(validate.Finding{About: "clone", Rule: "changes", Message: "has changes that are not committed: " + names})
	}
}
