package repo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/go-git/go-git/v5/plumbing/protocol/packp"
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/capability"
	"github.com/go-git/go-git/v5/plumbing/transport"

	"forge.ops.eblu.me/eblume/blumeops/magefiles/internal/vcs"
)

// RemoteOptions are the address of the remote and the credentials for it. Secrets are read each time they are needed.
type RemoteOptions struct {
	// URL is https, http, ssh, the short form user@host:path, or a path; "" is the checkout's remote.
	URL string
	// Credentials returns a user and a token for an HTTP host (host or host:port). ok is false if there are none. nil: only
	// those in the URL, if any.
	Credentials func(ctx context.Context, host string) (user, token string, ok bool, err error)
	// Plain are hosts, in addition to this machine, to which a token may be sent over plain HTTP.
	Plain []string
	// SSHKey returns a private key, without a passphrase; nil uses the SSH agent that SSH_AUTH_SOCK names.
	SSHKey func(ctx context.Context) ([]byte, error)
	// KnownHosts are files with the keys of SSH hosts; nil is ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts.
	KnownHosts []string
	// Transport makes the HTTP requests; nil is http.DefaultTransport.
	Transport http.RoundTripper
}

// Remote is a repository that this one fetches from and pushes to. Its state is read again each time. No error holds a secret.
type Remote struct {
	repo     *Repo
	options  RemoteOptions
	endpoint *transport.Endpoint // without credentials
	inURL    credentials         // from the URL
	tracked  string              // name of the remote whose tracking branches are updated; "" for another URL
}

type credentials struct{ user, token string }

// Remote returns the repository's remote, without a request to it.
func (r *Repo) Remote(o RemoteOptions) (*Remote, error) {
	m := &Remote{repo: r, options: o}
	url := o.URL
	if url == "" {
		var err error
		if m.tracked, url, err = r.remoteURL(); err != nil {
			return nil, err
		}
	}
	if !strings.Contains(url, "://") && !scpLike.MatchString(url) && !filepath.IsAbs(url) {
		url = filepath.Join(r.root, filepath.FromSlash(url))
	}
	ep, err := transport.NewEndpoint(url)
	if err != nil {
		return nil, fmt.Errorf("address of the git remote: expected https, ssh or a path: %w", hide(err, url))
	}
	switch ep.Protocol {
	case "http", "https", "ssh", "file":
	default:
		return nil, fmt.Errorf("address of the git remote: unsupported protocol %s: use https, ssh or a path", ep.Protocol)
	}
	if ep.Protocol != "ssh" {
		m.inURL = credentials{ep.User, ep.Password}
		ep.User = ""
	}
	ep.Password = ""
	m.endpoint = ep
	return m, nil
}

// remoteURL is the name and the first address of the checkout's remote.
func (r *Repo) remoteURL() (name, url string, err error) {
	if name = r.remoteName(); name == "" {
		return "", "", fmt.Errorf("%s: no git remote is named origin: run git remote add origin URL, or set the forge's address", r.root)
	}
	remote, err := r.git.Remote(name)
	if err != nil {
		return "", "", fmt.Errorf("%s: remote %s: %w", r.root, name, err)
	}
	if len(remote.Config().URLs) == 0 {
		return "", "", fmt.Errorf("%s: remote %s has no address: run git remote set-url %s URL", r.root, name, name)
	}
	return name, remote.Config().URLs[0], nil
}

// String is the remote's address, without credentials.
func (m *Remote) String() string { return m.endpoint.String() }

// Refs are the references of a remote when it was asked. Hashes are complete.
type Refs struct {
	Heads   map[string]string // commits by the branches' bare names
	Tags    map[string]Tagged // by bare name
	Default string            // name of the branch in HEAD; "" if the remote does not say
}

// Tagged is the object and the commit of a tag.
type Tagged struct {
	Hash   string // of the tag's object, or of the commit if it has none
	Commit string // the tagged commit
}

// Heads asks for the default branch and the tags, and fetches nothing.
func (m *Remote) Heads(ctx context.Context) (vcs.Heads, error) {
	refs, err := m.Refs(ctx)
	heads := vcs.Heads{Branch: refs.Default, Commit: refs.Heads[refs.Default], Tags: map[string]string{}}
	for name, tag := range refs.Tags {
		heads.Tags[name] = tag.Commit
	}
	return heads, err
}

// Refs asks for the remote's branches and tags. An empty repository has none.
func (m *Remote) Refs(ctx context.Context) (Refs, error) {
	s, err := m.uploading(ctx)
	if errors.Is(err, transport.ErrEmptyRemoteRepository) {
		return Refs{Heads: map[string]string{}, Tags: map[string]Tagged{}}, nil
	}
	if err != nil {
		return Refs{}, err
	}
	defer s.Close()
	return readRefs(s.advertised), nil
}

func readRefs(a *packp.AdvRefs) Refs {
	r := Refs{Heads: map[string]string{}, Tags: map[string]Tagged{}}
	for name, hash := range a.References {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok {
			r.Heads[branch] = hash.String()
		}
		if tag, ok := strings.CutPrefix(name, "refs/tags/"); ok {
			t := Tagged{Hash: hash.String(), Commit: hash.String()}
			if peeled, ok := a.Peeled[name]; ok {
				t.Commit = peeled.String()
			}
			r.Tags[tag] = t
		}
	}
	for _, link := range a.Capabilities.Get(capability.SymRef) {
		if branch, ok := strings.CutPrefix(link, "HEAD:refs/heads/"); ok {
			r.Default = branch
		}
	}
	return r
}

// PushRight checks that the remote accepts a push: that this account may write here at all, and that the server moves a branch and a tag in one
// step. It pushes nothing. It does not know the rules for a branch. Forgejo and Gitea let every reader begin a push, for a review: there, the
// rights of an account are in their API.
func (m *Remote) PushRight(ctx context.Context) error {
	s, err := m.receiving(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return m.mayPush(s.advertised, true)
}

// TagRight checks that the remote accepts PushTag, as PushRight does for a branch and a tag.
func (m *Remote) TagRight(ctx context.Context) error {
	s, err := m.receiving(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	return m.mayPush(s.advertised, false)
}

func (m *Remote) mayPush(a *packp.AdvRefs, both bool) error {
	if both && !a.Capabilities.Supports(capability.Atomic) {
		return fmt.Errorf("%s: %w: a push could update only the branch, or only the tag: "+
			"set receive.advertiseAtomic to true in the server's git configuration, or push to a server with it", m, ErrNotAtomic)
	}
	if !a.Capabilities.Supports(capability.ReportStatus) {
		return fmt.Errorf("%s: the server does not report the result of a push (git's report-status): use another server", m)
	}
	return nil
}
