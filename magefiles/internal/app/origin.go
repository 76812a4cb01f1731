package app

import (
	"context"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// origin is the repository that is released from.
func (a *App) origin(client *forge.Client) (*origin.Origin, error) {
	git, err := a.git()
	if err != nil {
		return nil, err
	}
	if err := a.Require("ReleaseAuthor"); err != nil {
		return nil, console.BadInput(err)
	}
	author, err := a.Author()
	if err != nil {
		return nil, console.BadInput(err)
	}
	remote, err := a.gitRemote(git, a.gitCredentials)
	if err != nil {
		return nil, err
	}
	return &origin.Origin{
		Git: git, Checkout: a.tree(), Remote: remote, Rules: client, Repository: a.repository(), Author: author, Warn: a.console.Warn,
		Signer: func(ctx context.Context) (*repo.Signer, error) {
			if !a.hasSecret(a.SigningKey, settings.SigningKeyVariable) {
				return nil, nil
			}
			key, err := a.key(ctx, a.SigningKey, settings.SigningKeyVariable)
			if err != nil {
				return nil, err
			}
			return repo.ParseSigner(key)
		},
	}, nil
}
