package app

import (
	"context"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/image"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/settings"
)

// git is the checkout.
func (a *App) git() (*repo.Repo, error) {
	return a.repo.get(func() (*repo.Repo, error) { return repo.Open(a.root, repo.WithEnvironment(os.Getenv)) })
}

// credentialsOf gives a user and a token for a host, as repo.RemoteOptions wants it.
type credentialsOf func(ctx context.Context, host string) (user, token string, ok bool, err error)

// gitRemote is the repository on the forge, whatever the checkout was cloned from.
func (a *App) gitRemote(git *repo.Repo, credentials credentialsOf) (*repo.Remote, error) {
	options := repo.RemoteOptions{Credentials: credentials, Plain: settings.List(a.PlainRegistries), Transport: a.http().Transport}
	if !sameHost(git.SourceURL(), a.ForgeURL) {
		options.URL = a.SourceURL() + ".git"
	}
	if a.hasSecret(a.SSHKey, settings.SSHKeyVariable) {
		options.SSHKey = func(ctx context.Context) ([]byte, error) { return a.key(ctx, a.SSHKey, settings.SSHKeyVariable) }
	}
	return git.Remote(options)
}

// sameHost tells whether a remote is at the forge. SSH has a port of its own, which a remote's address on the web does not show.
func sameHost(remote, forge string) bool {
	a, errA := url.Parse(remote)
	b, errB := url.Parse(forge)
	if errA != nil || errB != nil || a.Host == "" {
		return false
	}
	return a.Host == b.Host || a.Port() == "" && a.Hostname() == b.Hostname()
}

// gitCredentials are those of the forge; other hosts never see them. The forge takes a token with any user's name.
func (a *App) gitCredentials(ctx context.Context, host string) (user, token string, ok bool, err error) {
	at, err := url.Parse(a.ForgeURL)
	if err != nil || host != at.Host {
		return "", "", false, err
	}
	token, err = a.forgeToken(ctx)
	return a.Owner, token, err == nil, err
}

// readCredentials are the forge's, if there are any: what everybody may read needs none.
func (a *App) readCredentials(ctx context.Context, host string) (user, token string, ok bool, err error) {
	user, token, ok, err = a.gitCredentials(ctx, host)
	if err != nil && ctx.Err() == nil {
		a.console.Detail("requests to the forge are anonymous: " + err.Error())
		return "", "", false, nil
	}
	return user, token, ok, err
}

// workTree are the files of the working tree, in which a container's submodule that is not checked out is an error. Where git does not say, they
// are what there is.
func (a *App) workTree() fs.FS {
	git, err := a.git()
	if err != nil {
		return a.tree()
	}
	files, err := git.WorkTree(a.tree(), image.Root)
	if err != nil {
		return a.tree()
	}
	return files
}

// addresses are those of this repository, as the settings and the clone have them.
func (a *App) addresses(git *repo.Repo) []string {
	var known []string
	for _, url := range []string{a.SourceURL(), git.SourceURL()} {
		if url != "" {
			known = append(known, strings.TrimSuffix(url, ".git"))
		}
	}
	return known
}
