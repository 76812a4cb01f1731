// Package origintest opens a clone of a bare repository as an origin, for tests.
package origintest

import (
	"context"
	"net/mail"
	"os"
	"testing"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/origin"
	gitrepo "forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
)

// noRules is a forge without rules beyond those of git's server.
type noRules struct{}

func (noRules) Preflight(context.Context, forge.Need) []forge.Check { return nil }

// Of is a clone of a bare repository.
func Of(t *testing.T, dir string) *origin.Origin {
	t.Helper()
	git, err := gitrepo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	remote, err := git.Remote(gitrepo.RemoteOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &origin.Origin{
		Git: git, Checkout: os.DirFS(dir), Remote: remote, Rules: noRules{}, Author: &mail.Address{Name: "Test", Address: "test@example.com"},
		Signer: func(context.Context) (*gitrepo.Signer, error) { return nil, nil }, Warn: func(text string) { t.Log(text) },
	}
}
