package doctor

import (
	"context"
	"errors"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/validate/remote"
)

func registry(p Registry) validate.Check {
	return validate.Check{
		Name:   "registry",
		Covers: "Checks that this account may read from the registry and push to it.",
		Rules: []validate.Rule{
			{ID: "answer", What: "The registry does not answer, or this account may not read.", Do: "Check that it runs. Check its address (BLUMEOPS_REGISTRY) and the password of the account."},
			{ID: "push", What: "The account may not push.", Do: "Give the account the permission to create images there."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			if err := p.Read(ctx); err != nil {
				report(in, p.String(), "answer", err)
				return nil
			}
			if err := p.Push(ctx); err != nil {
				report(in, p.String(), "push", err)
			}
			return nil
		},
	}
}

func cache(p Cache) validate.Check {
	return validate.Check{
		Name:   "cache",
		Covers: "Checks that the cache of builds in the registry can be read, that a machine that writes it may do so, and that it has no entries of removed containers.",
		Rules: []validate.Rule{
			{ID: "read", What: "The cache cannot be read. Builds run without it.", Do: "Check the setting Cache (BLUMEOPS_CACHE), and that the account may read the repository."},
			{ID: "write", What: "The account may not write the cache.", Do: "Give the account the permission to create and to overwrite tags in that repository."},
			{ID: "old", What: "The cache has an entry of a container that was removed or renamed.", Do: "Delete the tag, or let the registry delete tags that are not used any more."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			if err := p.Read(ctx); err != nil {
				report(in, p.String(), "read", err)
				return nil
			}
			if err := p.Push(ctx); err != nil {
				report(in, p.String(), "write", err)
			}
			old, err := p.Old(ctx)
			if err != nil {
				report(in, p.String(), "read", err)
			}
			for _, tag := range old {
				report(in, p.String(), "old", errors.New("the container of the tag "+tag+" does not exist"))
			}
			return nil
		},
	}
}

func forge(p Forge) validate.Check {
	return validate.Check{
		Name:   "forge",
		Covers: "Checks that the token of the forge is valid, and may push, make the tags of the next releases, write public packages and announce releases.",
		Rules: []validate.Rule{
			{ID: "token", What: "The forge does not answer, or refuses the token.", Do: "Check the address of the forge, or make another token (Settings, Applications) with the scopes write:repository and write:package."},
			{ID: "right", What: "The token or its user does not have a required permission.", Do: "Give the user the permission, or make a token with the scopes write:repository and write:package."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			for i, err := range p.Ask(ctx) {
				rule := "right"
				if i == 0 {
					rule = "token"
				}
				if err != nil {
					report(in, p.String(), rule, err)
				}
			}
			return nil
		},
	}
}

func argocd(p Deployment) validate.Check {
	return validate.Check{
		Name:   "argocd",
		Covers: "Checks that the token may see and sync the Application of the docs now, and that the Application is not degraded.",
		Rules: []validate.Rule{
			{ID: "right", What: "Argo CD does not answer, or the token may not see or sync the Application now.", Do: "Check the address of Argo CD, the token and its permissions."},
			{ID: "compare", What: "Argo CD cannot compare the Application with its manifests.", Do: "Correct the cause in the message: the repository that it reads, or the manifests."},
			{ID: "health", What: "The Application is degraded. A release only becomes healthy if it repairs the cause.", Do: "Find the cause in Argo CD. If the deployed version is not the cause, repair it before the release."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			health, trouble, err := p.Look(ctx)
			if err != nil {
				report(in, p.String(), "right", err)
				return nil
			}
			if trouble != "" {
				in.Report(validate.Finding{About: p.String(), Rule: "compare", Message: remote.Joined(trouble)})
			}
			if health == "Degraded" { // before the first release it is Missing; a release creates what is missing
				in.Report(validate.Finding{About: p.String(), Rule: "health", Message: "its health is " + health})
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
	health, _, err := deployed.Look(ctx)
	return err == nil && health == "Missing"
}

func website(p Website, deployed Deployment) validate.Check {
	return validate.Check{
		Name:   "site",
		Covers: "Checks that the website of the docs answers.",
		Rules: []validate.Rule{
			{ID: "answer", What: "The website of the docs does not answer.", Do: "Check that it runs. Check its address (BLUMEOPS_DOCS_URL; set it to none if there is no website)."},
		},
		Run: func(ctx context.Context, in *validate.Input) error {
			if _, err := p.Version(ctx); err != nil && !isMissing(ctx, deployed) {
				report(in, p.String(), "answer", err)
			}
			return nil
		},
	}
}
