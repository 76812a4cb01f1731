package estate

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
)

func registry(p Registry) validate.Check {
	return validate.Check{
		Name:   "registry",
		Covers: "Asks the registry whether it lets this account read and push.",
		Rules: []validate.Rule{
			{ID: "answer", What: "The registry does not answer, or does not let this account read.", Do: "Check that it runs, its address (BLUMEOPS_REGISTRY), and the account's password."},
			{ID: "push", What: "The account may not push.", Do: "Give it the right to create there."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			if err := p.Read(ctx); err != nil {
				lack(in, p.String(), "answer", err)
				return nil
			}
			if err := p.Push(ctx); err != nil {
				lack(in, p.String(), "push", err)
			}
			return nil
		},
	}
}

func forge(p Forge) validate.Check {
	return validate.Check{
		Name:   "forge",
		Covers: "Asks the forge whether the token is valid and may push, make the tags of the next releases, write packages that everybody can read, and announce releases.",
		Rules: []validate.Rule{
			{ID: "token", What: "The forge does not answer, or does not take the token.", Do: "Check the forge's address, and make another token (Settings, Applications) with the scopes write:repository and write:package."},
			{ID: "right", What: "The token, or its user, lacks a right.", Do: "Give the user the right, or make a token with the scopes write:repository and write:package."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			for i, err := range p.Ask(ctx) {
				rule := "right"
				if i == 0 {
					rule = "token"
				}
				if err != nil {
					lack(in, p.String(), rule, err)
				}
			}
			return nil
		},
	}
}

func argocd(p Deployment) validate.Check {
	return validate.Check{
		Name:   "argocd",
		Covers: "Asks Argo CD whether the token may see and sync the Application of the docs now, and whether that is sound.",
		Rules: []validate.Rule{
			{ID: "right", What: "Argo CD does not answer, or does not let the token see or sync the Application now.", Do: "Check Argo CD's address, the token and its rights."},
			{ID: "compare", What: "Argo CD cannot work out what the Application is to be.", Do: "Mend what it names: the repository that it reads, or the manifests."},
			{ID: "health", What: "The Application is degraded, so that a release is only seen to be healthy if it repairs that.", Do: "Look in Argo CD for the cause. If it is not the version that is deployed, repair it before the release."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			state, err := p.Look(ctx)
			if err != nil {
				lack(in, p.String(), "right", err)
				return nil
			}
			if state.Trouble != "" {
				in.Report(validate.Finding{About: p.String(), Rule: "compare", Message: joined(state.Trouble)})
			}
			if state.Health == "Degraded" { // before the first release it is Missing; a release creates what is missing
				in.Report(validate.Finding{About: p.String(), Rule: "health", Message: "its health is " + state.Health})
			}
			return nil
		},
	}
}

// isMissing says that nothing is deployed yet; a release deploys it. deployed may be nil.
func isMissing(ctx context.Context, deployed Deployment) bool {
	if deployed == nil {
		return false
	}
	state, err := deployed.Look(ctx)
	return err == nil && state.Health == "Missing"
}

// isBroken says that waiting does not make an Application healthy. The words are Argo CD's.
func isBroken(health string) bool { return health == "Degraded" || health == "Missing" }

func website(p Website, deployed Deployment) validate.Check {
	return validate.Check{
		Name:   "site",
		Covers: "Asks the site of the docs which version it serves.",
		Rules: []validate.Rule{
			{ID: "answer", What: "The site of the docs does not answer.", Do: "Check that it runs, and its address (BLUMEOPS_DOCS_URL; none if there is none)."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			if _, err := p.Version(ctx); err != nil && !isMissing(ctx, deployed) {
				lack(in, p.String(), "answer", err)
			}
			return nil
		},
	}
}
