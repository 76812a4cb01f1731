//go:build mage

package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/mail"
	"net/url"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/argo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/command"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/console"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/forge"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/manifest"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/repo"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/secret"
	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/task"
)

func (r *runner) docsRelease(ctx context.Context, choice string, args task.ReleaseArgs, dryRun bool) (task.Released, error) {
	r.progress.title = "release docs"
	release, err := r.releaser(choice)
	if err != nil {
		return task.Released{}, err
	}
	if dryRun {
		return release.DryRun(r.console.Note).Run(ctx, args)
	}
	released, err := release.Run(ctx, args)
	if err != nil {
		return released, err
	}
	return released, r.handOn(released)
}

func (r *runner) docsRollback(ctx context.Context, version string, dryRun bool) (task.RolledBack, error) {
	r.progress.title = "roll docs back"
	docs, _, err := r.docs()
	if err != nil {
		return task.RolledBack{}, err
	}
	keep, err := r.docsKeep()
	if err != nil {
		return task.RolledBack{}, err
	}
	rollback := task.Rollback{Docs: docs, Keep: keep}
	if dryRun {
		return rollback.DryRun(r.console.Note).Run(ctx, version)
	}
	back, err := rollback.Run(ctx, version)
	if err != nil {
		return back, err
	}
	return back, r.handOn(back)
}

// releaser is the use case with its real adapters.
func (r *runner) releaser(choice string) (task.Release, error) {
	docs, git, err := r.docs()
	if err != nil {
		return task.Release{}, err
	}
	zone, err := r.zone()
	if err != nil {
		return task.Release{}, console.BadInput(err)
	}
	keep, err := r.docsKeep()
	if err != nil {
		return task.Release{}, err
	}
	return task.Release{
		Docs: docs, Builder: docsSite{r, git, choice}, Folder: path.Clean(r.Docs), Zone: zone, Keep: keep,
	}, nil
}

// docsKeep is how many releases of the docs keep their packages; 0 is all.
func (r *runner) docsKeep() (int, error) {
	keep, err := strconv.Atoi(cmp.Or(r.DocsKeep, "0"))
	if err != nil || keep < 0 {
		return 0, console.BadInput(fmt.Errorf("BLUMEOPS_DOCS_KEEP: %q is not a number of versions", r.DocsKeep))
	}
	return keep, nil
}

// docsName is the name of the package, and what its files begin with.
const docsName = "docs"

// The container quartz reads these.
const (
	docsURLVariable = "DOCS_RELEASE_URL"
	docsSumVariable = "DOCS_RELEASE_SHA256"
)

// docs are the parts that a release and a rollback share.
func (r *runner) docs() (task.Docs, *repo.Repo, error) {
	patience, err := r.patience()
	if err != nil {
		return task.Docs{}, nil, err
	}
	client, err := forge.New(forge.Options{URL: r.ForgeURL, Token: r.forgeToken, HTTP: r.http(), Log: r.console.Note})
	if err != nil {
		return task.Docs{}, nil, console.BadInput(err)
	}
	repository := forge.Repository{Owner: r.Owner, Name: r.Repository}
	origin, err := r.origin(client, repository)
	if err != nil {
		return task.Docs{}, nil, err
	}
	docs := task.Docs{
		Origin:    origin,
		Tags:      origin,
		Packages:  newPackages(client, repository, cmp.Or(r.PackagesURL, r.ForgeURL), r.console.Note),
		Announcer: announcer{client, repository},
		Name:      docsName,
		Pins: task.Pins{
			File: path.Clean(r.DocsManifest), URL: manifest.Env{Variable: docsURLVariable}, Sum: manifest.Env{Variable: docsSumVariable},
		},
		Patience: patience, Watch: r.progress.step, Note: r.console.Note, Warn: r.console.Warn,
	}
	if isSet(r.ArgoCDURL) {
		docs.Deployer = deployer{
			client: &argo.Client{BaseURL: argoURL(r.ArgoCDURL), Token: r.argoToken, HTTP: r.http(), Log: r.console.Note},
			app:    r.ArgoCDApp, timeout: patience, tell: r.deploying,
		}
	}
	if isSet(r.DocsURL) {
		docs.Website = publicSite{r.DocsURL, r.http()}
	}
	if isSet(r.DocsHook) {
		docs.Hook = r.docsHook
	}
	return docs, origin.git, nil
}

// isSet says whether a setting is used; «none» switches off what has a default.
func isSet(setting string) bool { return setting != "" && setting != "none" }

// argoURL is the address of Argo CD, which the argocd command knows as a host.
func argoURL(setting string) string {
	switch {
	case strings.Contains(setting, "://"):
		return setting
	case slices.Contains(strings.Fields(os.Getenv("ARGOCD_OPTS")), "--plaintext"):
		return "http://" + setting
	}
	return "https://" + setting
}

// origin is the repository that is released from.
func (r *runner) origin(client *forge.Client, repository forge.Repository) (*origin, error) {
	git, err := repo.Open(r.root, repo.WithEnvironment(os.Getenv))
	if err != nil {
		return nil, err
	}
	author, err := mail.ParseAddress(r.ReleaseAuthor)
	if err != nil {
		return nil, console.BadInput(fmt.Errorf("BLUMEOPS_RELEASE_AUTHOR: %q is not NAME <ADDRESS>", r.ReleaseAuthor))
	}
	remote, err := r.gitRemote(git, r.gitCredentials)
	if err != nil {
		return nil, err
	}
	return &origin{
		git: git, checkout: r.tree(), remote: remote, forge: client, repository: repository, author: author, warn: r.console.Warn,
		signer: func(ctx context.Context) (*repo.Signer, error) {
			if !r.hasSecret(r.SigningKey, signingKeyVariable) {
				return nil, nil
			}
			key, err := r.key(ctx, r.SigningKey, signingKeyVariable)
			if err != nil {
				return nil, err
			}
			return repo.ParseSigner(key)
		},
	}, nil
}

// credentialsOf gives a user and a token for a host, as repo.RemoteOptions wants it.
type credentialsOf func(ctx context.Context, host string) (user, token string, ok bool, err error)

// gitRemote is the repository on the forge, whatever the checkout was cloned from.
func (r *runner) gitRemote(git *repo.Repo, credentials credentialsOf) (*repo.Remote, error) {
	options := repo.RemoteOptions{Credentials: credentials, Plain: items(r.PlainRegistries), Transport: r.http().Transport}
	if !sameHost(git.SourceURL(), r.ForgeURL) {
		options.URL = r.source() + ".git"
	}
	if r.hasSecret(r.SSHKey, sshKeyVariable) {
		options.SSHKey = func(ctx context.Context) ([]byte, error) { return r.key(ctx, r.SSHKey, sshKeyVariable) }
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
func (r *runner) gitCredentials(ctx context.Context, host string) (user, token string, ok bool, err error) {
	at, err := url.Parse(r.ForgeURL)
	if err != nil || host != at.Host {
		return "", "", false, err
	}
	token, err = r.forgeToken(ctx)
	return r.Owner, token, err == nil, err
}

func (r *runner) forgeToken(ctx context.Context) (string, error) {
	return r.secret(ctx, r.ForgeToken, forgeTokenVariable)
}

func (r *runner) argoToken(ctx context.Context) (string, error) {
	return r.secret(ctx, r.ArgoCDToken, argoVariable())
}

// argoVariable is the variable that overrides the reference to the token of Argo CD.
func argoVariable() string {
	if getenv(argoTokenVariable) == "" && getenv(argoOwnVariable) != "" {
		return argoOwnVariable
	}
	return argoTokenVariable
}

func (r *runner) hasSecret(reference, variable string) bool {
	return reference != "" || getenv(variable) != ""
}

// secret reads a secret when it is needed.
func (r *runner) secret(ctx context.Context, reference, variable string) (string, error) {
	ref, err := referred(reference, variable)
	if err != nil {
		return "", err
	}
	found, err := r.secrets.Resolve(ctx, ref)
	if err != nil {
		return "", err
	}
	return found[0].Reveal(), nil
}

// referred is a reference of the settings, which may be empty, with the variable that overrides it.
func referred(reference, variable string) (secret.Reference, error) {
	if reference == "" {
		return secret.Reference{}.WithVariable(variable), nil
	}
	ref, err := secret.ParseReference(reference)
	return ref.WithVariable(variable), err
}

// key reads a private key, which ends with an end of line, whatever became of that in a variable.
func (r *runner) key(ctx context.Context, reference, variable string) ([]byte, error) {
	text, err := r.secret(ctx, reference, variable)
	return []byte(strings.TrimSpace(text) + "\n"), err
}

// deploying shows what Argo CD waits for.
func (r *runner) deploying(line string) {
	r.progress.event(console.Event{Step: r.progress.now(), State: console.Log, Stream: 2, Data: []byte(line + "\n")})
}

// docsHook runs the site's command after a deployment. What it prints is shown with the step.
func (r *runner) docsHook(ctx context.Context) error {
	err := command.Command{Args: []string{"sh", "-c", r.DocsHook}, Env: os.Environ(), Output: hookOutput{r}, Grace: hookGrace}.Run(ctx)
	if err != nil {
		return fmt.Errorf("the command of BLUMEOPS_DOCS_HOOK: %w; what was released stays: correct the command, and run the same again", err)
	}
	return nil
}

// hookGrace is how long the hook may take to end after a signal, and how long what it leaves in the background may hold its output.
const hookGrace = 2 * time.Second

// hookOutput shows what the hook prints.
type hookOutput struct{ *runner }

func (h hookOutput) Write(p []byte) (int, error) {
	h.progress.event(console.Event{Step: h.progress.now(), State: console.Log, Stream: 2, Data: bytes.Clone(p)})
	return len(p), nil
}
